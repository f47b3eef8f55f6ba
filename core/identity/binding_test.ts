import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { openBinding, signBinding } from "./binding.ts";
import { fakeSelf, flipEachByte } from "./fake_members.ts";
import { signRecord } from "./signed.ts";

const self = fakeSelf("bound");

test("a binding names identity, Noise key and number", () => {
  const expected = { publicKey: self.publicKey, noiseKey: self.noise.publicKey, number: 3 };
  assert.deepEqual(openBinding(signBinding(self, 3)), expected);
});

test("a binding with any byte flipped is refused", () => {
  for (const flipped of flipEachByte(signBinding(self, 3))) assert.equal(openBinding(flipped), undefined);
});

test("fields of a later version leave a binding readable", () => {
  const body = encodeCbor({ k: self.noise.publicKey, n: 1, z: "later" });
  assert.equal(openBinding(signRecord(self, "binding", body))?.number, 1);
});

test("number 0, a short key and another kind are no binding", () => {
  const good = { k: self.noise.publicKey, n: 1 };
  assert.equal(openBinding(signRecord(self, "binding", encodeCbor({ ...good, n: 0 }))), undefined);
  assert.equal(
    openBinding(signRecord(self, "binding", encodeCbor({ ...good, k: new Uint8Array(31) }))),
    undefined,
  );
  assert.equal(openBinding(signRecord(self, "peer", encodeCbor(good))), undefined);
});
