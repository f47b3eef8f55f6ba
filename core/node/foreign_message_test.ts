import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { maxChannelMessage } from "../contracts/host.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { parseAddress } from "../wire/address.ts";
import { decodeForeign, encodeForeign, type ForeignMessage } from "./foreign_message.ts";

const mac = Uint8Array.of(0x52, 0x54, 0, 0, 0, 1);
const since = 1_764_000_000_000;

test("what is told is heard, however many messages it takes, and nothing takes none", () => {
  const anyMac = fc.uint8Array({ minLength: 5, maxLength: 5 }).map((bytes) => Uint8Array.of(0x52, ...bytes));
  const anyAddress = fc.oneof(
    fc.nat(255).map((n) => parseAddress(`192.168.50.${n}`)!),
    fc.nat(255).map((n) => parseAddress(`2001:db8::${n.toString(16)}`)!),
  );
  const device = fc.record({
    mac: anyMac,
    since: fc.integer({ min: 0, max: 8.64e15 }),
    addresses: fc.array(anyAddress, { maxLength: 4 }),
  }, { noNullPrototype: true });
  const message = fc.record({
    devices: fc.array(device, { maxLength: 60 }),
    gone: fc.array(anyMac, { maxLength: 300 }),
    sought: fc.array(anyAddress, { maxLength: 16 }),
  }, { noNullPrototype: true });
  const property = fc.property(message, (given: ForeignMessage) => {
    const messages = [...encodeForeign(given)];
    assert.equal(messages.length === 0, Object.values(given).every((list) => list.length === 0));
    const heard: ForeignMessage[] = messages.map((bytes) => {
      assert.ok(bytes.length <= maxChannelMessage);
      return decodeForeign(bytes)!;
    });
    assert.deepEqual(
      {
        devices: heard.flatMap(({ devices }) => devices),
        gone: heard.flatMap(({ gone }) => gone),
        sought: heard.flatMap(({ sought }) => sought),
      },
      given,
    );
  });
  fc.assert(property, { seed: 1, numRuns: 200 });
});

test("a message with a MAC that is no device's, an address that is no host's or another version is refused", () => {
  const of = (device: unknown[], more: object = {}) =>
    decodeForeign(encodeCbor({ v: 1, d: [device], g: [], q: [], ...more }));
  const address = parseAddress("192.168.50.1")!.bytes;
  assert.ok(of([mac, BigInt(since), address]));
  const bad: unknown[][] = [
    [Uint8Array.of(0x0a, 0x5e, 10, 32, 0, 1), 0],
    [Uint8Array.of(1, 0, 0, 0, 0, 1), 0],
    [mac.subarray(1), 0],
    [mac, -1],
    [mac, 0, parseAddress("224.0.0.1")!.bytes],
    [mac, 0, Uint8Array.of(1, 2, 3)],
    [mac, 0, ...[1, 2, 3, 4, 5].map((n) => parseAddress(`192.168.50.${n}`)!.bytes)],
  ];
  for (const device of bad) assert.equal(of(device), undefined, JSON.stringify(device.map(String)));
  assert.equal(of([mac, 0], { v: 2 }), undefined);
  assert.equal(of([mac, 0], { g: "none" }), undefined);
  assert.equal(decodeForeign(new Uint8Array(3)), undefined);
});
