import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { admit, fakeNetwork, fakeSelf, fakeWall, flipEachByte, revoke } from "./fake_members.ts";
import { maxStanding, openRevocation, signRevocation } from "./revocation.ts";
import { maxRecordBytes, recordId, signRecord } from "./signed.ts";

const founder = fakeSelf("first");
const second = fakeSelf("second");
const network = fakeNetwork(founder);
const { networkId } = network.founding;
const standing = [recordId(admit(network, second, fakeSelf("third")))];
const ofMember = revoke(network, founder, second, standing);
const time = { networkId, epoch: 1, wall: fakeWall + 2000 };
const ofToken = signRevocation(founder, { ...time, target: { type: "token", id: new Uint8Array(16) } });

test("a revocation of a member lists the admissions that stand", () => {
  assert.deepEqual(openRevocation(ofMember), {
    ...time,
    target: { type: "member", publicKey: second.publicKey, standing },
    signer: founder.publicKey,
  });
});

test("a revocation of a token names the token", () => {
  const target = { type: "token", id: new Uint8Array(16) };
  assert.deepEqual(openRevocation(ofToken), { ...time, target, signer: founder.publicKey });
});

test("a revocation with any byte flipped is refused", () => {
  for (const record of [ofMember, ofToken]) {
    for (const flipped of flipEachByte(record)) assert.equal(openRevocation(flipped), undefined);
  }
});

test("as many standing admissions as are allowed fit a record, at the latest date", () => {
  const full = Array.from({ length: maxStanding }, (_, i) => new Uint8Array(16).fill(i));
  const target = { type: "member", publicKey: second.publicKey, standing: full } as const;
  const record = signRevocation(founder, { networkId, epoch: 2 ** 32 - 1, wall: 8.64e15, target });
  assert.ok(record.length <= maxRecordBytes, `${record.length}`);
  assert.equal(openRevocation(record)?.epoch, 2 ** 32 - 1);
  const over = { ...target, standing: [...full, new Uint8Array(16)] };
  assert.throws(() => signRevocation(founder, { ...time, target: over }), { code: "INVALID_ARGUMENT" });
});

const common = { i: networkId, e: 1, w: 5 };
const badBodies: Readonly<Record<string, object>> = {
  "no target": {},
  "two targets": { m: second.publicKey, s: [], t: new Uint8Array(16) },
  "a short token id": { t: new Uint8Array(15) },
  "a short key": { m: new Uint8Array(31), s: [] },
  "no list": { m: second.publicKey },
  "a list of short ids": { m: second.publicKey, s: [new Uint8Array(15)] },
};

for (const [what, target] of Object.entries(badBodies)) {
  test(`a record with ${what} is no revocation, however well it is signed`, () => {
    const record = signRecord(founder, "revocation", encodeCbor({ ...common, ...target }));
    assert.equal(openRevocation(record), undefined);
  });
}
