import assert from "node:assert/strict";
// deno-lint-ignore selvage/no-runtime-globals -- the inspector is what may print a secret
import { inspect } from "node:util";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { decodeBase32, encodeBase32 } from "../wire/base32.ts";
import { concatBytes } from "../wire/bytes.ts";
import { domainHash } from "./domain.ts";
import { Secret } from "./secret.ts";
import { formatToken, isExpired, parseToken, type Token } from "./token.ts";

const token: Token = {
  networkId: Uint8Array.from({ length: 16 }, (_, i) => i),
  id: new Uint8Array(16).fill(7),
  expires: 1_800_000_000,
  seeds: [{ host: "192.0.2.1", port: 6783 }],
  key: new Secret(new Uint8Array(32).fill(9)),
};
const text = formatToken(token);

const endpoint = fc.record({
  host: fc.oneof(fc.ipV4(), fc.constantFrom("2001:db8::1", "fe80::1", "::1")),
  port: fc.integer({ min: 1, max: 65_535 }),
}, { noNullPrototype: true });
const anyToken = fc.record({
  networkId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  expires: fc.maxSafeNat(),
  seeds: fc.array(endpoint, { maxLength: 5 }),
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => new Secret(bytes)),
});

// Python's hashlib and base64 wrote the expected text.
test("the text of a token never changes, because people have mailed it", () => {
  assert.equal(
    text,
    "selvage1-kuaacaqdaqcqmbyibefawdanbyhqobyha4dqobyha4dqobyha4dqoaaaaaagwsosaaaqnqaaaiaru7yjbeeqscijbeeqscij" +
      "beeqscijbeeqscijbeeqscijbeeqscijbgpsjuc6",
  );
});

test("every token survives the way to text and back", () => {
  fc.assert(
    fc.property(anyToken, (value) => {
      const read = parseToken(formatToken(value));
      assert.deepEqual({ ...read, key: read.key.reveal() }, { ...value, key: value.key.reveal() });
    }),
    { seed: 5, numRuns: 300 },
  );
});

test("a token may be wrapped, indented, quoted by spaces and written in capitals", () => {
  const wrapped = text.replace(/(.{20})/g, "$1\r\n   ");
  for (const variant of [`  ${text}\n`, wrapped, text.toUpperCase(), `\uFEFF${text}\u00A0`]) {
    assert.deepEqual(parseToken(variant).id, token.id);
  }
});

function problem(wrong: string): string {
  try {
    parseToken(wrong);
  } catch (error) {
    assert.equal((error as { code?: string }).code, "TOKEN_INVALID");
    return (error as Error).message;
  }
  throw new Error(`taken for a token: ${wrong}`);
}

test("a token that was cut off anywhere is said to be cut off", () => {
  for (let length = "selvage".length; length < text.length; length++) {
    assert.match(problem(text.slice(0, length)), /cut off/, `at ${length}`);
  }
});

test("a token with one wrong character is said to be mistyped", () => {
  const afterLength = "selvage1-".length + 2;
  for (let i = afterLength; i < text.length; i++) {
    const wrong = text[i] === "q" ? "w" : "q";
    assert.match(problem(text.slice(0, i) + wrong + text.slice(i + 1)), /mistyped/, `at ${i}`);
  }
});

test("a token with two characters swapped or one doubled is refused", () => {
  for (let i = "selvage1-".length; i + 1 < text.length; i++) {
    if (text[i] === text[i + 1]) continue;
    problem(text.slice(0, i) + text[i + 1] + text[i] + text.slice(i + 2));
    problem(text.slice(0, i) + text[i] + text.slice(i));
  }
});

test("a character that no token has is told with its place", () => {
  assert.match(problem(text.slice(0, 12) + "0" + text.slice(13)), /mistyped: character 4 /);
});

test("a token with something behind it is said to be too long", () => {
  assert.match(problem(`${text}abc`), /too many characters/);
});

test("other texts are said to be no token", () => {
  for (const other of ["", "hello", "198.51.100.7:6783", "selvage-abc", "wg1-abcdef", "selvage12345-abc"]) {
    assert.match(problem(other), /no selvage token/, other);
  }
});

test("a token of another format asks for an upgrade", () => {
  assert.match(problem(text.replace("selvage1-", "selvage2-")), /format 2 .* upgrade/);
});

test("no message repeats any of the token", () => {
  const wrongs = [
    text.slice(0, -1),
    `${text}a`,
    text.replace(/....$/, "aaaa"),
    text.replace("selvage1", "selvage3"),
  ];
  for (const wrong of wrongs) {
    const message = problem(wrong);
    for (let i = 9; i + 6 < text.length; i++) assert.ok(!message.includes(text.slice(i, i + 6)));
  }
});

function withChecksum(content: Uint8Array): string {
  return `selvage1-${encodeBase32(concatBytes(content, domainHash("token check 1", 4, content)))}`;
}

test("content that contradicts itself is refused in spite of a right checksum", () => {
  const content = decodeBase32(text.slice("selvage1-".length))!.subarray(0, -4);
  const change = (at: number, value: number) => withChecksum(content.with(at, value));
  assert.deepEqual(parseToken(withChecksum(content)).id, token.id, "the unchanged content is fine");
  const seedLength = change(42, 18);
  const portZero = withChecksum(content.with(47, 0).with(48, 0));
  const moreSeeds = change(41, 2);
  const fewerSeeds = change(41, 0);
  const hugeExpiry = change(33, 255);
  for (const wrong of [seedLength, portZero, moreSeeds, fewerSeeds, hugeExpiry]) {
    assert.match(problem(wrong), /damaged/);
  }
});

test("a right checksum over six seeds or over too little is refused", () => {
  const head = decodeBase32(text.slice("selvage1-".length))!.subarray(0, 42);
  const seed = Uint8Array.of(6, 192, 0, 2, 1, 0x1a, 0x7f);
  const six = concatBytes(head.with(0, 42 + 42 + 36).with(41, 6), ...Array(6).fill(seed), new Uint8Array(32));
  assert.match(problem(withChecksum(six)), /damaged/);
  assert.match(problem(withChecksum(head.with(0, 46))), /mistyped/);
});

test("more than five seeds, and seeds that are no endpoints, do not fit a token", () => {
  const seeds = Array(6).fill(token.seeds[0]);
  assert.throws(() => formatToken({ ...token, seeds }), { code: "INVALID_ARGUMENT" });
  const named = [{ host: "example.org", port: 1 }];
  assert.throws(() => formatToken({ ...token, seeds: named }), { code: "INVALID_ARGUMENT" });
});

test("a token expires at its second", () => {
  assert.ok(!isExpired(token, token.expires * 1000 - 1));
  assert.ok(isExpired(token, token.expires * 1000));
});

test("the key of a token shows neither in JSON nor under an inspector", () => {
  const read = parseToken(text);
  assert.match(JSON.stringify(read), /«redacted»/);
  for (const print of [JSON.stringify(read), inspect(read, { depth: 9 }), String(read)]) {
    assert.doesNotMatch(print, /9, *9, *9/);
  }
});
