import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../../core/contracts/drop.ts";
import type { EncapsulationOutput, OverlayPacket } from "../../core/contracts/encapsulation.ts";
import type { Endpoint, PeerId } from "../../core/contracts/values.ts";
import { isPeerId } from "../../core/identity/identity.ts";
import { decodeHex, encodeHex } from "../../core/wire/hex.ts";
import { encodeGre, GreProtocol } from "../../core/wire/gre.ts";
import { longestDatagram, overhead, queuedPackets, silenceMillis } from "./constants.ts";
import { type Device, deviceId, deviceOf } from "./device.ts";
import { GreUdpMachine } from "./machine.ts";

const here: Endpoint = { host: "198.51.100.9", port: 4754 };

function device(name: string, endpoint = "198.51.100.9:4754", key?: number): Device {
  return deviceOf({ name, endpoint, prefixes: ["192.168.7.0/24"], ...key !== undefined && { key } });
}

/** Without links of frames every packet has a call that tells what became of it. */
const noDrops = { count: () => assert.fail("a drop beside the call that caused it") };

function drain(machine: GreUdpMachine): EncapsulationOutput[] {
  const outputs: EncapsulationOutput[] = [];
  for (let output = machine.poll(); output !== undefined; output = machine.poll()) outputs.push(output);
  return outputs;
}

function serving(...devices: readonly Device[]): GreUdpMachine {
  const machine = new GreUdpMachine(devices, noDrops);
  for (const { endpoint } of devices) machine.connect({ endpoint });
  return machine;
}

const packet = (length = 3, protocol: number = GreProtocol.ipv4): OverlayPacket => ({
  protocol,
  payload: new Uint8Array(length).fill(7),
  forwarded: false,
});
const kinds = (outputs: readonly EncapsulationOutput[]) => outputs.map(({ type }) => type);
const gre = (key?: number, sequence?: number, checksum?: boolean) =>
  encodeGre({ protocol: GreProtocol.ipv4, key, sequence, checksum }, Uint8Array.of(1, 2, 3));

test("a packet is a GRE header without options and itself, sent to the device's endpoint", () => {
  const router = device("router");
  const machine = serving(router);
  assert.equal(machine.seal(router.id, packet(), 0), Drop.none);
  assert.equal(machine.seal(router.id, packet(1, GreProtocol.ipv6), 0), Drop.none);
  const datagrams = drain(machine).map((output) => output.type === "transmit" && encodeHex(output.datagram));
  assert.deepEqual(datagrams, ["00000800070707", "000086dd07"]);
});

test("a key is sent in the header and makes every packet four bytes longer", () => {
  const router = device("router", "[2001:db8::9]:4754", 0xdead_beef);
  const machine = serving(router);
  machine.seal(router.id, packet(1), 0);
  const [output] = drain(machine);
  assert.ok(output?.type === "transmit");
  assert.equal(encodeHex(output.datagram), "20000800deadbeef07");
  assert.deepEqual(output.to, { host: "2001:db8::9", port: 4754 });
  assert.deepEqual(machine.overhead, { 4: 36, 6: 56 });
  assert.deepEqual(serving(device("plain")).overhead, { 4: 32, 6: 52 });
});

test("what comes is taken with and without checksum and sequence number, from any port, in any order", () => {
  const router = device("router");
  const machine = serving(router);
  const taken = [
    gre(),
    gre(undefined, 9),
    gre(undefined, 2),
    gre(undefined, 2, true),
    gre(undefined, undefined, true),
  ];
  for (const [port, datagram] of taken.entries()) {
    assert.equal(machine.handleDatagram(datagram, { host: here.host, port: 50_000 + port }, 1), Drop.none);
  }
  const packets = drain(machine).filter((output) => output.type === "packet");
  assert.equal(packets.length, taken.length);
  for (const output of packets) {
    const expected = { protocol: GreProtocol.ipv4, payload: Uint8Array.of(1, 2, 3), forwarded: false };
    assert.deepEqual(output, { type: "packet", from: router.id, packet: expected });
  }
});

test("a datagram made by hand after RFC 2784 and 2890, with reserved bits set, is taken", () => {
  const machine = serving(device("router", "198.51.100.9:4754", 0x0102_0304));
  // C, K, S, two of the bits 6 to 12; protocol 0x0800; checksum, Reserved1 (not zero); key; sequence; payload.
  const bytes = decodeHex("b108080" + "00000ffff" + "01020304" + "00000005" + "45aa")!;
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  new DataView(bytes.buffer).setUint16(4, ~sum & 0xffff);
  assert.equal(machine.handleDatagram(bytes, here, 1), Drop.none);
  const [, output] = drain(machine);
  assert.ok(output?.type === "packet");
  assert.deepEqual(output.packet.payload, Uint8Array.of(0x45, 0xaa));
});

test("an IPv4 device is known when a socket of both families shows it as a mapped address", () => {
  const machine = serving(device("router"));
  assert.equal(machine.handleDatagram(gre(), { host: "::ffff:198.51.100.9", port: 1 }, 1), Drop.none);
});

test("devices on one host are told apart by their keys, and a wrong, missing or unwanted key is nobody's", () => {
  const [one, two] = [device("one", "198.51.100.9:4754", 1), device("two", "198.51.100.9:4754", 2)];
  const plain = device("plain", "198.51.100.10:4754");
  const machine = serving(one, two, plain);
  const other: Endpoint = { host: "198.51.100.10", port: 4754 };
  assert.equal(machine.handleDatagram(gre(2), here, 1), Drop.none);
  assert.equal(machine.handleDatagram(gre(), other, 1), Drop.none);
  const refused: [Uint8Array, Endpoint][] = [[gre(3), here], [gre(), here], [gre(1), other]];
  for (const [datagram, from] of refused) {
    assert.equal(machine.handleDatagram(datagram, from, 1), Drop.unknownSession);
  }
  const from = drain(machine).flatMap((output) => output.type === "packet" ? [output.from] : []);
  assert.deepEqual(from, [two.id, plain.id]);
});

test("a device is up at its first packet, once, and down after 90 s of silence", () => {
  assert.equal(silenceMillis, 90_000);
  const router = device("router");
  const machine = serving(router);
  assert.equal(machine.pollTimeout(), undefined);
  machine.handleDatagram(gre(), here, 1_000);
  machine.handleDatagram(gre(), here, 31_000);
  const [up, ...rest] = drain(machine);
  const session = { peer: router.id, endpoint: here, initiator: true, since: 1_000 };
  assert.deepEqual(up, { type: "device-up", session, name: "router" });
  assert.deepEqual(kinds(rest), ["packet", "packet"]);
  assert.equal(machine.pollTimeout(), 91_000);
  machine.handleTimeout(91_000);
  assert.deepEqual(drain(machine), [], "it was heard again meanwhile");
  assert.equal(machine.pollTimeout(), 121_000);
  machine.handleTimeout(120_999);
  assert.deepEqual(drain(machine), []);
  machine.handleTimeout(121_000);
  const reason = "nothing has come for 90 s";
  assert.deepEqual(drain(machine), [{ type: "session-down", peer: router.id, reason }]);
  assert.equal(machine.pollTimeout(), undefined);
  assert.equal(machine.seal(router.id, packet(), 0), Drop.none, "silence is no reason not to talk to it");
});

test("of several devices each falls silent by itself", () => {
  const [one, two] = [device("one"), device("two", "198.51.100.10:4754")];
  const machine = serving(one, two);
  machine.handleDatagram(gre(), here, 0);
  machine.handleDatagram(gre(), two.endpoint, 5_000);
  drain(machine);
  machine.handleTimeout(90_000);
  assert.deepEqual(drain(machine).map((output) => output.type === "session-down" && output.peer), [one.id]);
  assert.equal(machine.pollTimeout(), 95_000);
  machine.disconnect(two.id);
  assert.deepEqual(drain(machine).map((output) => output.type === "session-down" && output.peer), [two.id]);
  assert.equal(machine.pollTimeout(), undefined);
});

test("a device that was not connected, or was disconnected, is neither sent to nor heard", () => {
  const router = device("router");
  const machine = new GreUdpMachine([router], noDrops);
  const isDeaf = () => {
    assert.equal(machine.seal(router.id, packet(), 0), Drop.noSession);
    assert.equal(machine.handleDatagram(gre(), here, 1), Drop.unknownSession);
    assert.deepEqual(drain(machine), []);
  };
  isDeaf();
  machine.connect({ endpoint: here });
  machine.disconnect(router.id);
  machine.disconnect("stranger" as PeerId);
  isDeaf();
});

test("a device that is forgotten is served until it falls silent", () => {
  const router = device("router");
  const machine = serving(router);
  machine.handleDatagram(gre(), here, 0);
  machine.forget(here);
  assert.equal(machine.seal(router.id, packet(), 0), Drop.none);
  assert.equal(machine.handleDatagram(gre(), here, 10), Drop.none);
  machine.handleTimeout(10 + silenceMillis);
  assert.equal(machine.seal(router.id, packet(), 0), Drop.noSession);
  assert.equal(machine.handleDatagram(gre(), here, 200_000), Drop.unknownSession);
});

test("an endpoint that no device has cannot be connected, and the caller hears of it", () => {
  const machine = serving(device("router"));
  const target = { endpoint: { host: "203.0.113.1", port: 4754 } };
  machine.connect(target);
  const [output] = drain(machine);
  assert.ok(output?.type === "attempt-failed");
  assert.deepEqual([output.target, output.code], [target, "NOT_FOUND"]);
  assert.match(output.reason, /203\.0\.113\.1:4754/);
});

test("what plain GRE cannot carry to a device is refused: frames, control messages, the flag of a passed-on packet", () => {
  const router = device("router");
  const machine = serving(router);
  assert.equal(machine.seal(router.id, packet(9, GreProtocol.ethernet), 0), Drop.unsupported);
  assert.equal(machine.seal(router.id, packet(9, GreProtocol.control), 0), Drop.unsupported);
  assert.equal(machine.seal(router.id, { ...packet(), forwarded: true }, 0), Drop.unsupported);
  assert.equal(machine.seal(router.id, packet(longestDatagram - 3), 0), Drop.tooBig);
  assert.deepEqual(drain(machine), []);
  assert.equal(machine.seal(router.id, packet(longestDatagram - 4), 0), Drop.none);
});

test("what waits for the driver is bounded both ways, and nothing is heard of a packet that finds no room", () => {
  const router = device("router");
  const machine = serving(router);
  for (let i = 0; i < queuedPackets; i++) machine.seal(router.id, packet(1), 0);
  assert.equal(machine.seal(router.id, packet(1), 0), Drop.queueFull);
  assert.equal(machine.handleDatagram(gre(), here, 1), Drop.queueFull);
  assert.equal(drain(machine).length, queuedPackets);
  assert.equal(machine.pollTimeout(), undefined);
});

test("a device has an id of the form of a member's, one per name however it is spelt", () => {
  assert.ok(isPeerId(deviceId("router-1")));
  assert.equal(deviceId("Router-1"), deviceId("router-1"));
  assert.notEqual(deviceId("router-1"), deviceId("router-2"));
  assert.equal(
    deviceId("router-1"),
    "koknx3axgyanqdaxomhp5tfopiyok54l",
    "it is in scripts and alerts of others",
  );
});

test("the numbers that operators reckon with are 32, 52, 4 and 14 bytes", () => {
  assert.deepEqual(overhead, { 4: 32, 6: 52, key: 4, ethernet: 14 });
});
