import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { openAdmission, signAdmission } from "./admission.ts";
import { admit, fakeNetwork, fakeSelf, fakeWall, flipEachByte } from "./fake_members.ts";
import { signRecord } from "./signed.ts";

const founder = fakeSelf("first");
const joiner = fakeSelf("second");
const network = fakeNetwork(founder);
const record = admit(network, founder, joiner);

test("an admission says who is admitted, by whom, with what and when", () => {
  assert.deepEqual(openAdmission(record), {
    networkId: network.founding.networkId,
    subject: joiner.publicKey,
    name: "second",
    tokenId: new Uint8Array(16).fill(7),
    epoch: 1,
    wall: fakeWall + 1000,
    signer: founder.publicKey,
  });
});

test("an admission with any byte flipped is refused", () => {
  for (const flipped of flipEachByte(record)) assert.equal(openAdmission(flipped), undefined);
});

test("a name that no node may have is not admitted", () => {
  const admission = openAdmission(record)!;
  for (const name of ["", "a b", "x".repeat(64)]) {
    assert.throws(() => signAdmission(founder, { ...admission, name }), { code: "INVALID_ARGUMENT" });
  }
});

const good = {
  i: network.founding.networkId,
  s: joiner.publicKey,
  n: "second",
  t: new Uint8Array(16),
  e: 1,
  w: 5,
};
const badBodies: Readonly<Record<string, object>> = {
  "a short network id": { i: new Uint8Array(15) },
  "a short subject": { s: new Uint8Array(31) },
  "a bad name": { n: "a/b" },
  "a short token id": { t: new Uint8Array(8) },
  "a negative epoch": { e: -1 },
  "an epoch beyond 32 bits": { e: 2 ** 32 },
  "a time that is no number": { w: "now" },
};

for (const [what, change] of Object.entries(badBodies)) {
  test(`a record with ${what} is no admission, however well it is signed`, () => {
    assert.equal(
      openAdmission(signRecord(founder, "admission", encodeCbor({ ...good, ...change }))),
      undefined,
    );
  });
}

test("fields of a later version leave an admission readable", () => {
  const later = signRecord(founder, "admission", encodeCbor({ ...good, z: [1] }));
  assert.equal(openAdmission(later)?.name, "second");
});
