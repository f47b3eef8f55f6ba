import assert from "node:assert/strict";
import fc from "fast-check";
import { Drop, dropNames } from "../../core/contracts/drop.ts";
import type { Address } from "../../core/contracts/values.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { checksum } from "../../core/wire/checksum.ts";
import { writeU16 } from "../../core/wire/field.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { decodeIcmp, encodeEcho } from "../../core/wire/icmp.ts";
import { icmpUnreachable } from "../../core/wire/icmp_error.ts";
import { encodeIp, ipHeaderLength, IpProtocol, pseudoSum } from "../../core/wire/ip.ts";
import { encodeUdp } from "../../core/wire/udp.ts";
import { type PortSubject, portUnderTest, testPort } from "../../tests/conformance/port.ts";
import { test } from "../../tests/harness.ts";
import { userspace } from "./mod.ts";
import { Host, ip, overlay, pair, signal } from "../../tests/sim/overlay_host.ts";

testPort({ name: "userspace", create: createSubject });

function createSubject(): PortSubject {
  const { port } = new Host();
  const inboxes = new Map<string, Uint8Array[]>();
  const senders = new Map<string, ReturnType<typeof port.listenUdp>>();
  const open = (at: Address) => {
    const received: Uint8Array[] = [];
    const socket = port.listenUdp({ address: at, port: portUnderTest }, (payload) => received.push(payload));
    senders.set(formatAddress(at), socket);
    inboxes.set(formatAddress(at), received);
  };
  const opened = <T>(map: Map<string, T>, at: Address): T => {
    if (!map.has(formatAddress(at))) open(at);
    return map.get(formatAddress(at))!;
  };
  return {
    port,
    send: (from, to, payload) => opened(senders, from).send(payload, { address: to, port: portUnderTest }),
    listen: (at) => {
      const received = opened(inboxes, at);
      return { received: () => received };
    },
  };
}

const route4 = { source: ip("10.33.0.9"), destination: ip("10.32.0.1") };
const route6 = { source: ip("fd00::9"), destination: ip("fd00::1") };
const udpToNobody = { sourcePort: 5000, destinationPort: 99, payload: Uint8Array.of(1, 2, 3) };

async function openHost(): Promise<Host> {
  return (await new Host().attach("web", ["10.32.0.1", "fd00::1"])).record();
}

test("packets between addresses of one endpoint stay inside and arrive on a later turn", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1", "10.32.0.2"])).record();
  const heard: number[] = [];
  const [address, other] = [ip("10.32.0.1"), ip("10.32.0.2")];
  host.port.listenUdp({ address: other, port: 7 }, (payload) => heard.push(...payload));
  const socket = host.port.listenUdp({ address, port: 0 }, () => {});
  assert.equal(socket.send(Uint8Array.of(1), { address: other, port: 7 }), Drop.none);
  assert.deepEqual(heard, []);
  await host.clock.advance(0);
  assert.deepEqual([heard, host.sent], [[1], []]);
});

test("packets to another endpoint of the port go to the node, whose policy judges them", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1"])).record();
  await host.attach("db", ["10.32.0.2"]);
  const socket = host.port.listenUdp({ address: ip("10.32.0.1"), port: 0 }, () => {});
  socket.send(Uint8Array.of(1), { address: ip("10.32.0.2"), port: 7 });
  assert.deepEqual(host.sent.map(({ destination }) => destination), [ip("10.32.0.2")]);
});

test("two handlers that answer each other without an end neither end the stack nor stop time", async () => {
  const host = await new Host().attach("web", ["10.32.0.1", "10.32.0.2"]);
  host.port.receive((packet) => host.port.deliver(packet)); // as a node does for two endpoints of its own
  await host.attach("db", ["10.32.0.3"]);
  let bounces = 0;
  const bounce = (address: string) =>
    host.port.listenUdp({ address: ip(address), port: 7 }, (payload, from, socket) => {
      bounces++;
      if (bounces < 20_000) socket.send(payload, from);
    });
  const [first] = ["10.32.0.1", "10.32.0.2", "10.32.0.3"].map(bounce);
  first!.send(Uint8Array.of(1), { address: ip("10.32.0.2"), port: 7 });
  first!.send(Uint8Array.of(1), { address: ip("10.32.0.3"), port: 7 });
  await host.clock.advance(0);
  assert.ok(bounces >= 20_000);
  assert.deepEqual(host.drops, []);
});

test("1,024 packets wait inside at most, the rest is queueFull and counted", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1"])).record();
  const to = { address: ip("10.32.0.1"), port: 7 };
  let heard = 0;
  const socket = host.port.listenUdp(to, () => heard++);
  const results = Array.from({ length: 1_100 }, () => socket.send(Uint8Array.of(1), to));
  assert.equal(results.filter((drop) => drop === Drop.queueFull).length, 76);
  assert.equal(host.drops.length, 76);
  await host.clock.advance(0);
  assert.equal(heard, 1_024);
});

test("what happens to a packet inside is counted, since nobody else sees it", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1"])).record();
  const socket = host.port.listenUdp({ address: ip("10.32.0.1"), port: 0 }, () => {});
  assert.equal(socket.send(Uint8Array.of(1), { address: ip("10.32.0.1"), port: 99 }), Drop.none);
  await host.clock.advance(0);
  // The datagram has no listener; the port unreachable about it finds the socket and is no drop.
  assert.deepEqual(host.drops, [Drop.noListener]);
});

test("a node that answers inside of a send is heard on the next turn", async () => {
  const host = await new Host().attach("web", ["10.32.0.1"]);
  host.port.receive(({ payload }) => {
    const error = icmpUnreachable(payload, "hostUnreachable", ip("10.32.0.1"))!;
    assert.equal(host.port.deliver(overlay(error)), Drop.none);
    error.fill(0xff); // the payload is free for reuse on return
    return Drop.none;
  });
  const request = { from: ip("10.32.0.1"), to: ip("10.32.0.2"), size: 8, timeout: 1000 };
  await assert.rejects(host.clock.complete(host.port.ping(request, signal)), {
    code: "UNREACHABLE",
    message: /nobody holds the address, says 10\.32\.0\.1$/,
  });
});

test("fragments are unsupported, whole packets with a fragment header are not", async () => {
  const host = await openHost();
  host.port.listenUdp({ address: route6.destination, port: 7 }, () => {});
  const datagram = { ...udpToNobody, destinationPort: 7, payload: new Uint8Array(16) };
  const fragment4 = encodeUdp(route4, datagram);
  writeU16(fragment4, 6, 0x2000);
  writeU16(fragment4, 10, 0);
  writeU16(fragment4, 10, checksum(fragment4, 0, 20));
  assert.equal(host.deliver(fragment4), Drop.unsupported);
  const segment = encodeUdp(route6, datagram).subarray(40);
  const withHeader = (field: number) =>
    encodeIp(
      { ...route6, protocol: 44 },
      Uint8Array.of(IpProtocol.udp, 0, field >> 8, field, 0, 0, 0, 1, ...segment),
    );
  assert.equal(host.deliver(withHeader(1)), Drop.unsupported);
  assert.equal(host.deliver(withHeader(8)), Drop.unsupported);
  assert.equal(host.deliver(withHeader(0)), Drop.none);
  assert.deepEqual(host.sent, []);
});

test("a TCP segment is answered with port unreachable, other protocols are unsupported", async () => {
  const host = await openHost();
  for (const route of [route4, route6]) {
    assert.equal(host.deliver(encodeIp({ ...route, protocol: 6 }, new Uint8Array(20))), Drop.noListener);
    const error = decodeIcmp(host.sent.pop()!);
    assert.ok(typeof error === "object" && error.kind === "unreachable");
    for (const protocol of [2, 47, 89, 132, 255]) {
      assert.equal(host.deliver(encodeIp({ ...route, protocol }, new Uint8Array(20))), Drop.unsupported);
    }
  }
  assert.deepEqual(host.sent, []);
});

test("a source that is no single host is badSource and gets no answer", async () => {
  const host = await openHost();
  const sources = ["0.0.0.0", "255.255.255.255", "224.0.0.1", "127.0.0.1", "::", "::1", "ff02::1"].map(ip);
  for (const source of sources) {
    const { destination } = source.family === 4 ? route4 : route6;
    assert.equal(host.deliver(encodeUdp({ source, destination }, udpToNobody)), Drop.badSource);
    const echo = { kind: "echoRequest", identifier: 1, sequence: 1, data: new Uint8Array(8) } as const;
    assert.equal(host.deliver(encodeEcho({ source, destination }, echo)), Drop.badSource);
  }
  assert.deepEqual(host.sent, []);
});

test("the protocol that carried a packet must be the packet's own", async () => {
  const host = await openHost();
  const payload = encodeUdp(route4, udpToNobody);
  assert.equal(host.port.deliver({ protocol: GreProtocol.ipv6, payload, forwarded: false }), Drop.malformed);
  for (const protocol of [GreProtocol.ethernet, GreProtocol.control, 0]) {
    assert.equal(host.port.deliver({ protocol, payload, forwarded: false }), Drop.unsupported);
  }
});

test("no mutated packet throws; whatever is answered is sound, ours, within the MTU, and no error about an error", async () => {
  const host = await openHost();
  host.port.listenUdp({ address: route4.destination, port: 7 }, (payload, from, socket) => {
    socket.send(payload, from);
  });
  const pinging = assert.rejects(
    host.port.ping({ from: route4.destination, to: route4.source, size: 8, timeout: 60_000 }, signal),
  );
  await host.clock.advance(1);
  const samples = hostileSamples(host.sent.splice(0)[0]!.bytes);
  const own = new Set(["10.32.0.1", "fd00::1"]);
  const check = (packet: Uint8Array) => {
    const wasError = isIcmpError(packet);
    const drop = host.deliver(packet);
    assert.ok(dropNames[drop] !== undefined);
    for (const answer of host.sent.splice(0)) {
      assert.ok(own.has(formatAddress(answer.source)));
      assert.ok(answer.bytes.length <= 1400);
      assert.equal(wasError, false);
    }
  };
  fc.assert(fc.property(mutants(samples), check), { seed: 3, numRuns: 8_000 });
  await host.port[Symbol.asyncDispose]();
  await pinging;
  assert.equal(host.clock.pending, 0);
});

/** One packet for every path through the port. */
function hostileSamples(pinged: Uint8Array): Uint8Array[] {
  const echo = { kind: "echoRequest", identifier: 1, sequence: 1, data: new Uint8Array(20) } as const;
  return [route4, route6].flatMap((route) => [
    encodeUdp(route, udpToNobody),
    encodeUdp(route, { ...udpToNobody, destinationPort: 7 }),
    encodeEcho(route, echo),
    encodeEcho(route, { ...echo, kind: "echoReply" }),
    encodeIp({ ...route, protocol: 6 }, new Uint8Array(20)),
    icmpUnreachable(
      encodeUdp({ source: route.destination, destination: route.source }, udpToNobody),
      "hostUnreachable",
      route.source,
    )!,
  ]).concat(icmpUnreachable(pinged, "hostUnreachable", route4.source)!);
}

function isIcmpError(packet: Uint8Array): boolean {
  if (packet[0] === undefined) return false;
  const isFour = packet[0] >>> 4 === 4;
  const offset = isFour ? (packet[0] & 15) * 4 : 40;
  const protocol = packet[isFour ? 9 : 6];
  if (isFour) return protocol === 1 && [3, 4, 5, 11, 12].includes(packet[offset]!);
  return protocol === 58 && packet[offset]! < 128;
}

/** Up to 4 bytes changed, and perhaps cut; in half of them the checksums are made right again. */
function mutants(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.boolean()), { maxLength: 4 });
  return fc.tuple(fc.constantFrom(...samples), changes, fc.nat(60), fc.boolean()).map(
    ([sample, list, cut, repaired]) => {
      const packet = sample.slice(0, sample.length - Math.max(0, cut - 45));
      for (const [at, value, early] of list) packet[at % (early ? 48 : packet.length)] = value;
      if (repaired) repair(packet);
      return packet;
    },
  );
}

function repair(packet: Uint8Array): void {
  const family = packet[0]! >>> 4 === 4 ? 4 : 6;
  const offset = ipHeaderLength(family);
  const length = packet.length - offset;
  if (length < 8) return;
  if (family === 4) {
    writeU16(packet, 10, 0);
    writeU16(packet, 10, checksum(packet, 0, offset));
  }
  const protocol = packet[family === 4 ? 9 : 6]!;
  const at = offset + (protocol === IpProtocol.udp ? 6 : 2);
  writeU16(packet, at, 0);
  const pseudo = protocol === IpProtocol.icmp ? 0 : pseudoSum(packet, protocol, length);
  writeU16(packet, at, checksum(packet, offset, length, pseudo));
}

test("an MTU that IPv6 could not live with, or that no packet has, is refused", async () => {
  const { port } = new Host();
  const leases = [{ owner: "web", address: ip("10.32.0.1"), bits: 12 }];
  for (const mtu of [1279, 65_536, 1400.5, NaN]) {
    await assert.rejects(port.attach({ owner: "web", leases, mtu }, signal), { code: "INVALID_ARGUMENT" });
  }
  assert.deepEqual([...port.attached()], []);
});

test("disposing forgets what waits inside and leaves no timer", async () => {
  const { clock, left } = await pair();
  const to = { address: ip("10.32.0.1"), port: 7 };
  let heard = 0;
  const socket = left.port.listenUdp(to, () => heard++);
  socket.send(Uint8Array.of(1), to);
  await left.port[Symbol.asyncDispose]();
  await clock.advance(10);
  assert.deepEqual([heard, clock.pending], [0, 0]);
});

test("options are refused: there are none", () => {
  assert.throws(() => userspace({ mtu: 1400 } as never), { code: "CONFIG_INVALID", message: /mtu/ });
});
