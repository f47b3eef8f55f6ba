/** What other members and the documentation rely on, in plain figures: a change of one of them must be meant. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { maxAnnouncedAddresses, maxAnnouncedEndpoints } from "./announcement.ts";
import { decodeApplication } from "./application.ts";
import { signBinding } from "./binding.ts";
import { maxChainShown, maxCredentialsBytes } from "./credentials.ts";
import { fakeSelf, seededRandom } from "./fake_members.ts";
import { maxCounter, maxWallMillis } from "./fields.ts";
import { createIdentity, decodeIdentity, encodeIdentity } from "./identity.ts";
import { networkKeyBytes, networkKeyIdBytes, tokenIdBytes } from "./network_key.ts";
import { minPasswordBits, neverExpires } from "./password.ts";
import { maxStanding } from "./revocation.ts";
import { maxRecordBytes, recordIdBytes } from "./signed.ts";
import { maxTokenSeeds } from "./token.ts";
import { defaultTrustLimits } from "./trust_records.ts";
import { maxWelcomeAnnouncements, maxWelcomeBytes } from "./welcome.ts";

test("keys, ids and records have the lengths of the documentation", () => {
  assert.deepEqual([networkKeyBytes, networkKeyIdBytes, tokenIdBytes, recordIdBytes], [32, 8, 16, 16]);
  assert.deepEqual([maxRecordBytes, maxCredentialsBytes, maxWelcomeBytes], [1_024, 2_048, 30_000]);
});

test("what one member says of itself has the bounds of the documentation", () => {
  assert.deepEqual([maxAnnouncedEndpoints, maxAnnouncedAddresses, maxTokenSeeds], [8, 8, 5]);
  assert.deepEqual([maxChainShown, maxWelcomeAnnouncements, maxStanding], [3, 64, 48]);
});

test("counters have 32 bits, times are those of a Date, and a password's token ends with the 48 bits of its field", () => {
  assert.deepEqual([maxCounter, maxWallMillis, neverExpires], [2 ** 32 - 1, 8.64e15, 2 ** 48 - 1]);
  assert.equal(new Date(maxWallMillis).getTime(), maxWallMillis);
});

test("a password of 60 bits is the weakest that is taken", () => assert.equal(minPasswordBits, 60));

test("a node keeps no more records of others than the documentation says", () => {
  assert.deepEqual(defaultTrustLimits, {
    admissionsPerSigner: 4_096,
    revocationsPerSigner: 1_024,
    pending: 1_024,
    total: 16_384,
  });
});

/** The map with one more field, which a newer version may have written, to make it so long. */
function padded(fields: object, length: number): Uint8Array {
  const short = encodeCbor({ ...fields, z: new Uint8Array(300) });
  const bytes = encodeCbor({ ...fields, z: new Uint8Array(300 + length - short.length) });
  assert.equal(bytes.length, length);
  return bytes;
}

test("an application of 1,024 bytes is read, a longer one is not", () => {
  const self = fakeSelf("joiner");
  const parts = { v: 1, b: signBinding(self, 1), h: "joiner", e: [] };
  const read = (length: number) => decodeApplication(padded(parts, length), self.noise.publicKey)?.name;
  assert.deepEqual([read(1_024), read(1_025)], ["joiner", undefined]);
});

test("a stored identity of 1,024 bytes is read, a longer one is STATE_CORRUPT", () => {
  const secrets = createIdentity(seededRandom("identity"));
  const fields = decodeCbor(encodeIdentity(secrets)) as object;
  assert.equal(decodeIdentity(padded(fields, 1_024)).bindingNumber, 1);
  assert.throws(() => decodeIdentity(padded(fields, 1_025)), { code: "STATE_CORRUPT" });
});
