import assert from "node:assert/strict";
// deno-lint-ignore selvage/no-runtime-globals -- the inspector is what may print a secret
import { inspect } from "node:util";
import { test } from "../../tests/harness.ts";
import { redacted, Secret } from "./secret.ts";

const bytes = Uint8Array.of(222, 173, 190, 239);

test("a secret gives its bytes only when asked to reveal them", () => {
  assert.deepEqual(new Secret(bytes).reveal(), bytes);
});

test("every way to print a secret shows the placeholder", () => {
  const secret = new Secret(bytes);
  // deno-lint-ignore selvage/no-runtime-globals -- the inspector of the other runtime
  const deno = (globalThis as { Deno?: { inspect(value: unknown): string } }).Deno;
  const prints = [
    String(secret),
    `${secret}`,
    "" + secret,
    inspect(secret),
    deno?.inspect(secret) ?? redacted,
  ];
  assert.deepEqual(prints, prints.map(() => redacted));
  assert.equal(JSON.stringify({ secret, list: [secret] }), `{"secret":"${redacted}","list":["${redacted}"]}`);
  assert.doesNotMatch(inspect({ nested: { secret } }, { depth: 9, showHidden: true }), /222|dead/);
  assert.deepEqual(Object.keys(secret), []);
});

test("a secret is independent of the array it was made from", () => {
  const source = Uint8Array.of(1, 2, 3);
  const secret = new Secret(source);
  source.fill(0);
  assert.deepEqual(secret.reveal(), Uint8Array.of(1, 2, 3));
});

test("secrets compare by their bytes", () => {
  assert.ok(new Secret(bytes).equals(new Secret(bytes)));
  assert.ok(!new Secret(bytes).equals(new Secret(bytes.subarray(1))));
  assert.ok(!new Secret(bytes).equals(new Secret(Uint8Array.of(222, 173, 190, 238))));
});
