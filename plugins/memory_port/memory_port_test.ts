import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { Address } from "../../core/contracts/values.ts";
import { parseAddress, sameAddress } from "../../core/wire/address.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { decodeIp } from "../../core/wire/ip.ts";
import { decodeUdp, encodeUdp } from "../../core/wire/udp.ts";
import { portUnderTest, testPort } from "../../tests/conformance/port.ts";
import { test } from "../../tests/harness.ts";
import { memoryPort, PacketTap } from "./mod.ts";

function udpPacket(source: Address, destination: Address, payload: Uint8Array) {
  const datagram = { sourcePort: portUnderTest, destinationPort: portUnderTest, payload };
  const protocol = source.family === 4 ? GreProtocol.ipv4 : GreProtocol.ipv6;
  return { protocol, payload: encodeUdp({ source, destination }, datagram), forwarded: false };
}

function payloadsAt(tap: PacketTap, at: Address): Uint8Array[] {
  return tap.delivered.flatMap(({ payload }) => {
    const packet = decodeIp(payload);
    if (typeof packet === "number" || !sameAddress(packet.destination, at)) return [];
    const datagram = decodeUdp(packet);
    return typeof datagram === "number" ? [] : [datagram.payload];
  });
}

testPort({
  name: "memory_port",
  create: () => {
    const tap = new PacketTap();
    return {
      port: memoryPort({ tap }).create(undefined as never),
      send: (from, to, payload) => tap.inject(udpPacket(from, to, payload)),
      listen: (at) => ({ received: () => payloadsAt(tap, at) }),
    };
  },
});

const own = parseAddress("10.32.0.1")!;
const leases = [{ owner: "web", address: own, bits: 12 }];
const { signal } = new AbortController();

test("the tap sends packets with any source, so that a node's own check can be tested", async () => {
  const tap = new PacketTap();
  const port = memoryPort({ tap }).create(undefined as never);
  port.receive(() => Drop.badSource);
  await (await port.attach({ owner: "web", leases, mtu: 1400 }, signal)).open();
  const spoofed = udpPacket(parseAddress("10.99.9.9")!, own, Uint8Array.of(1));
  assert.equal(tap.inject(spoofed), Drop.badSource);
  assert.equal(new PacketTap().inject(spoofed), Drop.noRoute);
});

test("the tap records 10,000 packets, then says so", async () => {
  const tap = new PacketTap();
  const port = memoryPort({ tap }).create(undefined as never);
  await (await port.attach({ owner: "web", leases, mtu: 1400 }, signal)).open();
  const packet = udpPacket(parseAddress("10.33.0.1")!, own, new Uint8Array(0));
  for (let i = 0; i < 10_000; i++) assert.equal(port.deliver(packet), Drop.none);
  assert.equal(port.deliver(packet), Drop.queueFull);
  assert.equal(tap.delivered.length, 10_000);
});

test("a tap that is none is a configuration error with its path", () => {
  assert.throws(() => memoryPort({ tap: {} as never }), {
    code: "CONFIG_INVALID",
    message: "memory_port.tap: expected a PacketTap",
  });
});
