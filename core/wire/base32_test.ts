import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { decodeBase32, encodeBase32 } from "./base32.ts";

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

test("the examples of RFC 4648 section 10 hold, without padding and in lower case", () => {
  const examples = {
    "": "",
    f: "my",
    fo: "mzxq",
    foo: "mzxw6",
    foob: "mzxw6yq",
    fooba: "mzxw6ytb",
    foobar: "mzxw6ytboi",
  };
  for (const [text, encoded] of Object.entries(examples)) {
    assert.equal(encodeBase32(new TextEncoder().encode(text)), encoded);
    assert.deepEqual(decodeBase32(encoded), new TextEncoder().encode(text));
  }
});

test("bytes survive the round trip and 20 of them make 32 characters", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const text = encodeBase32(bytes);
    assert.equal(text.length, Math.ceil((bytes.length * 8) / 5));
    assert.deepEqual(decodeBase32(text), bytes);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
  assert.equal(encodeBase32(new Uint8Array(20).fill(255)), "7".repeat(32));
});

test("the text is the bits of the bytes in groups of five", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
    const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    const groups = bits.match(/.{1,5}/g) ?? [];
    const slow = groups.map((group) => alphabet[parseInt(group.padEnd(5, "0"), 2)]).join("");
    assert.equal(encodeBase32(bytes), slow);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("a text is decoded only if it is the one text of its bytes", () => {
  const near = fc.string({ unit: fc.constantFrom(...alphabet, "A", "1", "0", "8", "=", " "), maxLength: 12 });
  const property = fc.property(near, (text) => {
    const bytes = decodeBase32(text);
    if (bytes !== undefined) assert.equal(encodeBase32(bytes), text);
  });
  fc.assert(property, { seed: 1, numRuns: 4000 });
});

test("impossible lengths, loose trailing bits, padding and other alphabets are refused", () => {
  for (
    const text of ["a", "aaa", "aaaaaa", "mz", "my======", "MY", "m1", "m8", "my ", "mzxw6ytbo", "mzxw6yr"]
  ) {
    assert.equal(decodeBase32(text), undefined, text);
  }
});
