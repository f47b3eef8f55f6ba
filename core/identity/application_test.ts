import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { decodeApplication, encodeApplication } from "./application.ts";
import { signBinding } from "./binding.ts";
import { fakeSelf, flipEachByte } from "./fake_members.ts";

const self = fakeSelf("joiner");
const noiseKey = self.noise.publicKey;
const endpoints = [{ host: "192.0.2.9", port: 6783 }];
const binding = signBinding(self, 1);
const bytes = encodeApplication({ binding, name: "joiner", endpoints });

test("an application says who asks, under which name, and where it can be reached", () => {
  assert.deepEqual(decodeApplication(bytes, noiseKey), {
    binding: { publicKey: self.publicKey, noiseKey, number: 1 },
    name: "joiner",
    endpoints,
  });
});

test("an application brought by another Noise key than it binds is refused", () => {
  assert.equal(decodeApplication(bytes, fakeSelf("thief").noise.publicKey), undefined);
});

test("no flipped byte lets another identity apply", () => {
  for (const flipped of flipEachByte(bytes)) {
    const application = decodeApplication(flipped, noiseKey);
    if (application !== undefined) assert.deepEqual(application.binding.publicKey, self.publicKey);
  }
});

test("the largest application fits one datagram", () => {
  const many = Array.from({ length: 8 }, (_, i) => ({ host: `2001:db8::${i + 1}`, port: 65_535 }));
  const largest = encodeApplication({ binding, name: "x".repeat(63), endpoints: many });
  assert.ok(largest.length <= 600, `${largest.length}`);
  assert.deepEqual(decodeApplication(largest, noiseKey)?.endpoints, many);
});

test("nine endpoints do not go into an application", () => {
  const nine = Array(9).fill(endpoints[0]);
  assert.throws(() => encodeApplication({ binding, name: "joiner", endpoints: nine }), {
    code: "INVALID_ARGUMENT",
  });
});

test("another version, a bad name, a missing binding and random bytes are no application", () => {
  const good = { v: 1, b: binding, h: "joiner", e: [] };
  assert.ok(decodeApplication(encodeCbor(good), noiseKey));
  const bad = [{ v: 2 }, { h: "a b" }, { b: new Uint8Array(9) }, { b: "text" }, { e: [new Uint8Array(3)] }];
  for (const change of bad) {
    assert.equal(decodeApplication(encodeCbor({ ...good, ...change }), noiseKey), undefined);
  }
  assert.equal(decodeApplication(new Uint8Array(2000), noiseKey), undefined);
  assert.equal(decodeApplication(new Uint8Array(), noiseKey), undefined);
});
