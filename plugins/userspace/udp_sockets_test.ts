import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { UdpAddress } from "../../core/contracts/port.ts";
import { decodeIcmp } from "../../core/wire/icmp.ts";
import { icmpUnreachable } from "../../core/wire/icmp_error.ts";
import { parseQuote } from "../../core/wire/icmp_quote.ts";
import type { IpPacket } from "../../core/wire/ip.ts";
import { decodeUdp, encodeUdp, type UdpDatagram } from "../../core/wire/udp.ts";
import { test } from "../../tests/harness.ts";
import { Host, ip, pair, signal } from "../../tests/sim/overlay_host.ts";

const at = (host: string, port: number): UdpAddress => ({ address: ip(host), port });
const own4 = { address: ip("10.32.0.1"), port: 7 };
const route4 = { source: ip("10.33.0.9"), destination: own4.address };
const route6 = { source: ip("fd00::9"), destination: ip("fd00::1") };

function datagram(destinationPort: number, ...payload: number[]): UdpDatagram {
  return { sourcePort: 5000, destinationPort, payload: Uint8Array.from(payload) };
}

function udpOf(packet: IpPacket): UdpDatagram {
  const decoded = decodeUdp(packet);
  assert.ok(typeof decoded === "object");
  return decoded;
}

test("sockets of two hosts talk in both families, and a handler can answer", async () => {
  const { clock, left, right } = await pair();
  for (const [here, there] of [["10.32.0.1", "10.32.0.2"], ["fd00::1", "fd00::2"]] as const) {
    const heard: [Uint8Array, UdpAddress][] = [];
    const server = right.port.listenUdp(at(there, 7), (payload, from, socket) => socket.send(payload, from));
    const client = left.port.listenUdp(at(here, 0), (payload, from) => heard.push([payload, from]));
    assert.equal(client.send(Uint8Array.of(1, 2), server.local), Drop.none);
    await clock.advance(10);
    assert.deepEqual(heard, [[Uint8Array.of(1, 2), at(there, 7)]]);
  }
});

test("a bound port is ADDRESS_TAKEN until it is closed; another address has its own ports", async () => {
  const { port } = await new Host().attach("web", ["10.32.0.1", "10.32.0.2"]);
  const first = port.listenUdp(own4, () => {});
  const again = () => port.listenUdp(own4, () => {});
  assert.throws(again, {
    code: "ADDRESS_TAKEN",
    message: "Cannot listen on UDP 10.32.0.1:7: it is in use; choose another port, or 0",
  });
  port.listenUdp(at("10.32.0.2", 7), () => {});
  first.close();
  const second = again();
  first.close(); // the first holder's second close must not free it
  assert.throws(again, { code: "ADDRESS_TAKEN" });
  second.close();
});

test("port 0 picks free dynamic ports that differ, until there are none", async () => {
  const { port } = await new Host().attach("web", ["10.32.0.1"]);
  const ports = new Set<number>();
  for (let i = 0; i < 16_384; i++) ports.add(port.listenUdp({ ...own4, port: 0 }, () => {}).local.port);
  assert.equal(ports.size, 16_384);
  assert.ok([...ports].every((port) => port >= 49_152 && port <= 65_535));
  assert.throws(() => port.listenUdp({ ...own4, port: 0 }, () => {}), { code: "ADDRESS_TAKEN" });
});

test("nobody listens or sends on an address or a port that is not theirs to use", async () => {
  const { port, drops } = await new Host().attach("web", ["10.32.0.1"]);
  assert.throws(() => port.listenUdp(at("10.32.0.99", 7), () => {}), {
    code: "INVALID_ARGUMENT",
    message: "Cannot listen on 10.32.0.99: it is not an address of this node",
  });
  for (const wrong of [-1, 65_536, 1.5, NaN]) {
    assert.throws(() => port.listenUdp({ ...own4, port: wrong }, () => {}), { code: "INVALID_ARGUMENT" });
  }
  const socket = port.listenUdp(own4, () => {});
  assert.equal(socket.send(Uint8Array.of(1), at("fd00::2", 7)), Drop.malformed);
  assert.equal(socket.send(Uint8Array.of(1), at("10.32.0.2", 0)), Drop.malformed);
  assert.deepEqual(drops, [Drop.malformed, Drop.malformed]);
});

test("a datagram of exactly the MTU leaves, one byte more is tooBig and counted", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1", "fd00::1"], 1300)).record();
  for (const [from, to, most] of [["10.32.0.1", "10.32.0.2", 1272], ["fd00::1", "fd00::2", 1252]] as const) {
    const socket = host.port.listenUdp(at(from, 0), () => {});
    assert.equal(socket.send(new Uint8Array(most), at(to, 9)), Drop.none);
    assert.equal(host.sent.pop()!.bytes.length, 1300);
    assert.equal(socket.send(new Uint8Array(most + 1), at(to, 9)), Drop.tooBig);
  }
  assert.deepEqual([host.sent, host.drops], [[], [Drop.tooBig, Drop.tooBig]]);
});

test("what is sent has a checksum, hop limit 64, and for IPv4 the DF bit", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1"])).record();
  host.port.listenUdp(own4, () => {}).send(Uint8Array.of(1, 2, 3), at("10.32.0.2", 9));
  const [packet] = host.sent;
  assert.ok(packet!.family === 4 && packet!.dontFragment && packet!.identification === 0);
  assert.equal(packet!.hopLimit, 64);
  assert.notDeepEqual(packet!.payload.subarray(6, 8), Uint8Array.of(0, 0));
  assert.deepEqual(udpOf(packet!), { sourcePort: 7, destinationPort: 9, payload: Uint8Array.of(1, 2, 3) });
});

test("a closed socket neither sends nor hears", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1"])).record();
  const heard: Uint8Array[] = [];
  const socket = host.port.listenUdp(own4, (payload) => heard.push(payload));
  socket.close();
  assert.equal(socket.send(Uint8Array.of(1), at("10.32.0.2", 9)), Drop.noListener);
  assert.equal(host.deliver(encodeUdp(route4, datagram(7, 1))), Drop.noListener);
  assert.deepEqual(heard, []);
});

test("sockets of a detached endpoint are closed", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1"])).record();
  const socket = host.port.listenUdp(own4, () => {});
  await host.port.detach("web");
  assert.equal(socket.send(Uint8Array.of(1), at("10.32.0.2", 9)), Drop.noListener);
  await host.attach("web", ["10.32.0.1"]);
  host.port.listenUdp(own4, () => {});
});

test("the payload is the handler's to keep", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1"])).record();
  let kept: Uint8Array | undefined;
  host.port.listenUdp(own4, (payload) => kept = payload);
  const packet = encodeUdp(route4, datagram(7, 1, 2, 3));
  host.deliver(packet);
  packet.fill(0xff);
  assert.deepEqual(kept, Uint8Array.of(1, 2, 3));
});

test("a handler that throws ends its own datagram, and is logged ever more rarely", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1"])).record();
  let calls = 0;
  host.port.listenUdp(own4, () => {
    calls++;
    throw new Error("the application is broken");
  });
  for (let i = 0; i < 100; i++) assert.equal(host.deliver(encodeUdp(route4, datagram(7))), Drop.none);
  assert.deepEqual([calls, host.logged.length], [100, 7]);
});

test("over IPv4 a datagram may lack its checksum, over IPv6 not, and a wrong one is dropped", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1", "fd00::1"])).record();
  const heard: number[] = [];
  for (const address of ["10.32.0.1", "fd00::1"]) {
    host.port.listenUdp(at(address, 7), (payload) => heard.push(...payload));
  }
  const changed = (packet: Uint8Array, offset: number, ...bytes: number[]) => {
    packet.set(bytes, offset);
    return packet;
  };
  assert.equal(host.deliver(changed(encodeUdp(route4, datagram(7, 4)), 26, 0, 0)), Drop.none);
  assert.equal(host.deliver(changed(encodeUdp(route6, datagram(7, 6)), 46, 0, 0)), Drop.malformed);
  assert.equal(host.deliver(changed(encodeUdp(route4, datagram(7, 4)), 26, 1, 1)), Drop.badChecksum);
  assert.equal(host.deliver(changed(encodeUdp(route6, datagram(7, 6)), 46, 1, 1)), Drop.badChecksum);
  assert.deepEqual(heard, [4]);
});

test("a datagram to a closed port is answered with port unreachable that quotes it", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1", "fd00::1"])).record();
  for (const route of [route4, route6]) {
    assert.equal(host.deliver(encodeUdp(route, datagram(99, 1))), Drop.noListener);
    const answer = host.sent.pop()!;
    assert.deepEqual([answer.source, answer.destination], [route.destination, route.source]);
    const error = decodeIcmp(answer);
    assert.ok(typeof error === "object" && error.kind === "unreachable");
    assert.equal(error.code, answer.family === 4 ? 3 : 4);
    assert.deepEqual(parseQuote(error.quote)?.destination, route.destination);
  }
});

test("ICMP errors are sent 50 at once and 100 a second, the datagrams are counted all the same", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1"])).record();
  const flood = (count: number) => {
    for (let i = 0; i < count; i++) {
      assert.equal(host.deliver(encodeUdp(route4, datagram(99))), Drop.noListener);
    }
    return host.sent.splice(0).length;
  };
  assert.equal(flood(500), 50);
  await host.clock.advance(100);
  assert.equal(flood(500), 10);
  await host.clock.advance(60_000);
  assert.equal(flood(500), 50);
});

test("an ICMP error about a socket's datagram is taken quietly, one about anybody else's is dropped", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1"])).record();
  const socket = host.port.listenUdp(own4, () => {});
  socket.send(Uint8Array.of(1), at("10.32.0.2", 9));
  const error = () => icmpUnreachable(host.sent[0]!.bytes, "portUnreachable", ip("10.32.0.2"))!;
  assert.equal(host.deliver(error()), Drop.none);
  socket.close();
  assert.equal(host.deliver(error()), Drop.noListener);
});

test("a shut endpoint's socket sends nothing, and it is counted", async () => {
  const host = new Host().record();
  const leases = [{ owner: "web", address: own4.address, bits: 12 }];
  const endpoint = await host.port.attach({ owner: "web", leases, mtu: 1400 }, signal);
  const socket = host.port.listenUdp(own4, () => {});
  assert.equal(socket.send(Uint8Array.of(1), at("10.32.0.2", 9)), Drop.denied);
  assert.deepEqual([host.sent, host.drops], [[], [Drop.denied]]);
  await endpoint.open();
  assert.equal(socket.send(Uint8Array.of(1), at("10.32.0.2", 9)), Drop.none);
});
