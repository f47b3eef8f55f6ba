/**
 * Fuzz targets of `core/identity`. Those of {@link recordTargets} check signatures, a thousand times dearer than all
 * else here, so they have a proof of their own; half of them sign what was mutated, for behind a signature a member may
 * say anything.
 */
import assert from "node:assert/strict";
import { admissionKind, openAdmission, readAdmission, signAdmission } from "../../core/identity/admission.ts";
import { openAnnouncement, signAnnouncement } from "../../core/identity/announcement.ts";
import { decodeApplication, encodeApplication } from "../../core/identity/application.ts";
import { openBinding, signBinding } from "../../core/identity/binding.ts";
import { checkCredentials, decodeCredentials, encodeCredentials } from "../../core/identity/credentials.ts";
import { domainHash } from "../../core/identity/domain.ts";
import {
  admit,
  fakeNetwork,
  fakeSelf,
  fakeWall,
  revoke,
  seededRandom,
} from "../../core/identity/fake_members.ts";
import { networkFacts, openFounding } from "../../core/identity/founding.ts";
import { createIdentity, decodeIdentity, encodeIdentity } from "../../core/identity/identity.ts";
import { createNetworkKey } from "../../core/identity/network_key.ts";
import {
  openRevocation,
  readRevocation,
  revocationKind,
  signRevocation,
} from "../../core/identity/revocation.ts";
import { Secret } from "../../core/identity/secret.ts";
import { openRecord, readBody, recordId, signRecord } from "../../core/identity/signed.ts";
import { formatToken, parseToken, type Token } from "../../core/identity/token.ts";
import { Trust } from "../../core/identity/trust.ts";
import { decodeWelcome, encodeWelcome } from "../../core/identity/welcome.ts";
import { decodeBase32, encodeBase32 } from "../../core/wire/base32.ts";
import { concatBytes, equalBytes } from "../../core/wire/bytes.ts";
import { parseAddress } from "../../core/wire/address.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { asBytes, assertOwned, asText, decodedOr, isSampled } from "./promises.ts";

const [founder, member, other] = ["founder", "member", "other"].map(fakeSelf) as [Self, Self, Self];
type Self = ReturnType<typeof fakeSelf>;
const network = fakeNetwork(founder);
const { networkId } = network.founding;
const admission = admit(network, founder, member);
const revocation = revoke(network, founder, other, [recordId(admission)]);
const announcement = signAnnouncement(member, {
  bindingNumber: 1,
  endpoints: [{ host: "192.0.2.7", port: 6783 }, { host: "2001:db8::7", port: 6783 }],
  addresses: [parseAddress("10.40.0.1")!],
  sequence: 2 ** 40,
});
const binding = signBinding(member, 1);

const seeds = [{ host: "192.0.2.1", port: 6783 }, { host: "2001:db8::1", port: 1 }];
const token: Token = {
  networkId,
  id: new Uint8Array(16).fill(3),
  expires: 1_900_000_000,
  seeds,
  key: new Secret(new Uint8Array(32).fill(9)),
};

/** Texts as people paste them. */
const tokenTarget: FuzzTarget = {
  name: "token",
  seeds: [formatToken(token), formatToken({ ...token, seeds: [] }), ` ${formatToken(token)}\n`.toUpperCase()]
    .map(asBytes),
  words: ["selvage1-", "selvage2-", "selvage99999-", " ", "\n", "\t", "-", "a", "7", "é"].map(asBytes),
  maxBytes: 1024,
  run: (input) => judgeToken(asText(input)),
};

/** Contents behind a right length and checksum, as only a program writes them. */
const tokenContentTarget: FuzzTarget = {
  name: "token-content",
  seeds: [token, { ...token, seeds: [] }, { ...token, expires: 2 ** 53 - 1, seeds: [seeds[0]!] }].map((
    each,
  ) => decodeBase32(formatToken(each).slice("selvage1-".length))!.subarray(0, -4)),
  maxBytes: 251,
  mend(content) {
    if (content.length > 0) content[0] = content.length + 4;
  },
  run(input) {
    const sealed = concatBytes(input, domainHash("token check 1", 4, input));
    return judgeToken(`selvage1-${encodeBase32(sealed)}`);
  },
};

function judgeToken(text: string): boolean {
  const parsed = decodedOr("TOKEN_INVALID", () => parseToken(text));
  if (parsed === undefined) return false;
  const again = parseToken(formatToken(parsed));
  assert.ok(equalBytes(again.networkId, parsed.networkId) && equalBytes(again.id, parsed.id));
  assert.deepEqual([again.expires, again.seeds], [parsed.expires, parsed.seeds]);
  assert.ok(equalBytes(again.key.reveal(), parsed.key.reveal()));
  return true;
}

/** `decode` gives undefined for what it cannot read, and what it gives is its own. */
function messageTarget(
  name: string,
  samples: readonly Uint8Array[],
  decode: (bytes: Uint8Array) => unknown,
): FuzzTarget {
  return {
    name,
    seeds: samples,
    run(input) {
      const value = decode(input);
      if (value === undefined) return false;
      if (isSampled(input, 8)) assertOwned(decode, input);
      return true;
    },
  };
}

function bodyOf(record: Uint8Array): Uint8Array {
  return openRecord(record)!.body;
}

const credentials = encodeCredentials({
  announcement,
  chain: [admission, admission],
  routes: new Uint8Array(40),
});
const welcome = encodeWelcome({
  networkKeys: [createNetworkKey(seededRandom("key"))],
  keyEpoch: 2,
  founding: network.record,
  admission,
  records: [revocation],
  announcements: [announcement],
  passwordKey: new Secret(new Uint8Array(32)),
});

export const tokenTargets: readonly FuzzTarget[] = [tokenTarget, tokenContentTarget];

/** Messages and bodies of records, read without a look at signatures. */
export const identityTargets: readonly FuzzTarget[] = [
  messageTarget("credentials", [credentials], decodeCredentials),
  messageTarget("welcome", [welcome], (bytes) => {
    const read = decodeWelcome(bytes);
    return read && { ...read, networkKeys: read.networkKeys.map((key) => key.secret) };
  }),
  messageTarget(
    "admission-body",
    [bodyOf(admission)],
    (body) => readBody({ kind: admissionKind, body, signer: founder.publicKey }, readAdmission),
  ),
  messageTarget("revocation-body", [
    bodyOf(revocation),
    bodyOf(signRevocation(founder, {
      networkId,
      epoch: 1,
      wall: fakeWall,
      target: { type: "token", id: new Uint8Array(16) },
    })),
  ], (body) => readBody({ kind: revocationKind, body, signer: founder.publicKey }, readRevocation)),
];

/** Bodies that are mutated and then signed: the signature holds, so the reader is all that stands between. */
function signedTarget(
  kind: string,
  sample: Uint8Array,
  open: (record: Uint8Array) => unknown,
): FuzzTarget {
  return {
    name: `signed-${kind}`,
    seeds: [bodyOf(sample)],
    maxBytes: 700,
    run: (body) => open(signRecord(member, kind, new Uint8Array(body))) !== undefined,
  };
}

const envelopeTarget: FuzzTarget = {
  name: "record",
  seeds: [admission, revocation, announcement, binding, network.record],
  maxBytes: 1200,
  run(input) {
    const trust = new Trust(network.founding);
    const merged = trust.merge(input);
    assert.ok(merged === "new" || merged === "refused");
    if (merged === "refused") assert.equal(trust.members().length, 1, "a refused record changed something");
    return merged === "new";
  },
};

const credentialsTarget: FuzzTarget = {
  name: "credentials-check",
  seeds: [credentials],
  run(input) {
    const checked = checkCredentials(input, member.noise.publicKey, new Trust(network.founding));
    return !("refused" in checked);
  },
};

const identityFileTarget: FuzzTarget = {
  name: "identity-file",
  seeds: [encodeIdentity(createIdentity(seededRandom("file")))],
  run(input) {
    try {
      decodeIdentity(input);
      return true;
    } catch (error) {
      assert.match((error as { code?: string }).code ?? "", /^(STATE_CORRUPT|UNSUPPORTED)$/);
      return false;
    }
  },
};

/** BigInts of Ed25519 take 1.2 MB a signature, and one input may cause several. */
const garbageBytes = 16 * 1024 * 1024;

const signatureTargets: readonly FuzzTarget[] = [
  envelopeTarget,
  credentialsTarget,
  identityFileTarget,
  signedTarget(admissionKind, signAdmission(founder, openAdmission(admission)!), openAdmission),
  signedTarget(revocationKind, revocation, openRevocation),
  signedTarget("peer", announcement, openAnnouncement),
  signedTarget("binding", binding, openBinding),
  signedTarget("founding", network.record, (record) => {
    const founding = openFounding(record);
    return founding && networkFacts(founding);
  }),
  {
    name: "application",
    seeds: [encodeApplication({ binding, name: "web", endpoints: seeds })],
    run: (input) => decodeApplication(input, member.noise.publicKey) !== undefined,
  },
];

export const recordTargets: readonly FuzzTarget[] = signatureTargets.map((target) => ({
  ...target,
  garbageBytes,
}));
