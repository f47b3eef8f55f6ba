import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop, dropNames } from "../../core/contracts/drop.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { encodeGre, GreProtocol } from "../../core/wire/gre.ts";
import { deviceOf } from "./device.ts";
import { GreUdpMachine } from "./machine.ts";

const router = deviceOf({ name: "router", endpoint: "198.51.100.9:4754", prefixes: ["192.168.7.0/24"] });
const at = router.endpoint;
const payload = Uint8Array.of(1, 2, 3);
const good = encodeGre({ protocol: GreProtocol.ipv4 }, payload);

function serving(): GreUdpMachine {
  const machine = new GreUdpMachine([router], { count: () => assert.fail() });
  machine.connect({ endpoint: at });
  return machine;
}

/** The drop, and that nothing else came of it. */
function refused(datagram: Uint8Array, from: Endpoint = at): string {
  const machine = serving();
  const drop = machine.handleDatagram(datagram, from, 1);
  assert.equal(machine.poll(), undefined, "an output of a datagram that was refused");
  assert.equal(machine.pollTimeout(), undefined);
  return dropNames[drop]!;
}

/** A header of two words of 16 bits and the payload behind it. */
function withHeader(flags: number, protocol: number): Uint8Array {
  return Uint8Array.of(flags >> 8, flags & 0xff, protocol >> 8, protocol & 0xff, ...payload);
}

test("the bits of RFC 1701, another version and an unknown payload are refused; bits 6 to 12 are ignored", () => {
  for (const bit of [1, 4, 5, 13, 14, 15]) {
    assert.equal(refused(withHeader(0x8000 >>> bit, 0x0800)), "unsupported", `bit ${bit}`);
  }
  for (const bit of [6, 7, 8, 9, 10, 11, 12]) {
    const datagram = withHeader(0x8000 >>> bit, 0x0800);
    assert.equal(serving().handleDatagram(datagram, at, 1), Drop.none, `bit ${bit}`);
  }
  for (const protocol of [0, 0x0806, 0x880b, 0xffff]) {
    assert.equal(refused(withHeader(0, protocol)), "unsupported", protocol.toString(16));
  }
});

test("an Ethernet frame of a device that is to send IP packets is refused, and so is a control message, which is for members", () => {
  assert.equal(refused(withHeader(0, GreProtocol.ethernet)), "unsupported");
  assert.equal(refused(withHeader(0, GreProtocol.control)), "unsupported");
});

test("a header that is cut anywhere is malformed", () => {
  const whole = encodeGre(
    { protocol: GreProtocol.ipv4, key: 1, sequence: 2, checksum: true },
    new Uint8Array(),
  );
  for (let length = 0; length < whole.length; length++) {
    assert.equal(refused(whole.subarray(0, length)), "malformed", `${length} bytes`);
  }
});

test("a checksum that is there must be right", () => {
  const sealed = encodeGre({ protocol: GreProtocol.ipv4, checksum: true }, payload);
  for (let bit = 16; bit < sealed.length * 8; bit++) {
    const flipped = sealed.slice();
    flipped[bit >> 3]! ^= 0x80 >> (bit & 7);
    assert.ok(["badChecksum", "unsupported"].includes(refused(flipped)), `bit ${bit}`);
  }
});

test("who is not at a device's address is a stranger, whatever it sends and however its address is written", () => {
  const hosts = ["198.51.100.8", "::ffff:198.51.100.8", "2001:db8::9", "198.51.100.9%eth0", "", "router"];
  for (const host of hosts) assert.equal(refused(good, { host, port: 4754 }), "unknownSession", host);
});

test("no bytes whatever make the machine throw, and what it hands on is what it says", () => {
  const machine = serving();
  const bytes = fc.uint8Array({ maxLength: 64 });
  const seal = fc.record({
    protocol: fc.constantFrom(0x0800, 0x86dd, 0x6558),
    key: fc.option(fc.nat(3), { nil: undefined }),
    sequence: fc.option(fc.nat(3), { nil: undefined }),
    checksum: fc.boolean(),
  });
  const near = fc.tuple(seal, bytes).map(([header, inner]) =>
    encodeGre({ ...header, protocol: header.protocol as GreProtocol }, inner)
  );
  const flipped = fc.tuple(near, fc.nat()).map(([datagram, at]) => {
    const copy = datagram.slice();
    copy[at % Math.max(1, copy.length)]! ^= 1;
    return copy;
  });
  let now = 0;
  fc.assert(
    fc.property(fc.oneof(bytes, near, flipped), fc.nat(40_000), (datagram, pause) => {
      const before = datagram.slice();
      machine.handleTimeout(now += pause);
      const drop = machine.handleDatagram(datagram, at, now);
      assert.ok(dropNames[drop] !== undefined);
      assert.deepEqual(datagram, before, "the transport's memory is not written to");
      const kinds: string[] = [];
      for (let output = machine.poll(); output !== undefined; output = machine.poll()) {
        kinds.push(output.type);
      }
      assert.equal(kinds.filter((kind) => kind === "packet").length, drop === Drop.none ? 1 : 0);
      assert.ok(kinds.length <= 3 && !kinds.includes("transmit"), "a datagram is never answered");
    }),
    { seed: 4754, numRuns: 20_000 },
  );
});
