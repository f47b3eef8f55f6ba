import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { AeadSuite } from "../contracts/aead.ts";
import { measureAeads } from "./aead_probe.ts";

/** A millisecond passes at every look. */
function steadyClock() {
  let now = 0;
  return { now: () => now++ };
}

function suite(implementation: string, change: Partial<ReturnType<AeadSuite["key"]>> = {}): AeadSuite {
  const tag = 7;
  const key = {
    seal: (_nonce: Uint8Array, _header: Uint8Array, plain: Uint8Array) =>
      Uint8Array.of(...plain, sum(plain), tag),
    open: (_nonce: Uint8Array, _header: Uint8Array, sealed: Uint8Array) => {
      const plain = sealed.slice(0, -2);
      return sum(plain) === sealed.at(-2) ? plain : undefined;
    },
    ...change,
  };
  return { name: "aes-256-gcm", implementation, key: () => key };
}

function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, byte) => total + byte, 0) & 0xff;
}

test("a suite that opens what it sealed and refuses changes is sound and has a cost", () => {
  const [measured] = measureAeads([suite("good")], { clock: steadyClock(), millis: 2 });
  assert.deepEqual(measured, {
    name: "aes-256-gcm",
    implementation: "good",
    sound: true,
    // Two milliseconds for two rounds of sixteen calls.
    sealNanos: 62_500,
    openNanos: 62_500,
  });
});

test("a suite that throws, opens nothing, or opens anything is not sound and comes last", () => {
  const broken = [
    suite("throws", {
      seal: () => {
        throw new Error("no such cipher");
      },
    }),
    suite("opens nothing", { open: () => undefined }),
    suite("opens anything", { open: (_nonce, _header, sealed) => sealed.slice(0, -2) }),
    suite("loses bytes", { open: () => new Uint8Array() }),
  ];
  const measured = measureAeads([...broken, suite("good")], { clock: steadyClock(), millis: 1 });
  assert.deepEqual(measured.map(({ sound }) => sound), [true, false, false, false, false]);
  assert.equal(measured[0]!.implementation, "good");
});

test("the probe ends on a clock that stands still", () => {
  const [measured] = measureAeads([suite("good")], { clock: { now: () => 0 }, millis: 1 });
  assert.equal(measured!.sound, true);
});
