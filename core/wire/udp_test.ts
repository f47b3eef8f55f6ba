import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { parseAddress } from "./address.ts";
import { concatBytes, copyBytes } from "./bytes.ts";
import { fragments4, fragments6, tcp4, udp4, udp6 } from "./captured_packets.ts";
import { readU16, writeU16 } from "./field.ts";
import { decodeIp, encodeIp, type IpRoute } from "./ip.ts";
import { decodeUdp, encodeUdp, type UdpDatagram } from "./udp.ts";

const route4: IpRoute = { source: parseAddress("10.32.0.1")!, destination: parseAddress("10.32.0.7")! };
const route6: IpRoute = { source: parseAddress("fd00::1")!, destination: parseAddress("fd00::7")! };

function decode(packet: Uint8Array): UdpDatagram | Drop {
  const decoded = decodeIp(packet);
  return typeof decoded === "number" ? decoded : decodeUdp(decoded);
}

test("datagrams of the kernel decode to what was sent and are built the same, bit for bit", () => {
  for (const [packet, route, text] of [[udp4, route4, "hello"], [udp6, route6, "hello!"]] as const) {
    const datagram = decode(packet);
    const payload = new TextEncoder().encode(text);
    assert.deepEqual(datagram, { sourcePort: 40000, destinationPort: 7, payload });
    assert.ok(typeof datagram !== "number");
    const header = route === route4 ? 20 : 40;
    assert.deepEqual(encodeUdp(route, datagram).subarray(header), packet.subarray(header));
  }
});

test("what is built decodes to the same datagram in both families", () => {
  const port = fc.nat(65_535);
  const datagram = fc.record({
    sourcePort: port,
    destinationPort: port,
    payload: fc.uint8Array({ maxLength: 99 }),
  }, { noNullPrototype: true });
  const property = fc.property(datagram, fc.constantFrom(route4, route6), (wanted, route) => {
    assert.deepEqual(decode(encodeUdp(route, wanted)), wanted);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("a checksum that comes out as zero is sent as ffff", () => {
  for (const route of [route4, route6]) {
    const header = route === route4 ? 20 : 40;
    const sum = readU16(
      encodeUdp(route, { sourcePort: 0, destinationPort: 9, payload: new Uint8Array(0) }),
      header + 6,
    );
    const packet = encodeUdp(route, { sourcePort: sum, destinationPort: 9, payload: new Uint8Array(0) });
    assert.equal(readU16(packet, header + 6), 0xffff);
    assert.equal(typeof decode(packet), "object");
  }
});

test("no checksum is good over IPv4 and malformed over IPv6", () => {
  const [without4, without6] = [copyBytes(udp4), copyBytes(udp6)];
  writeU16(without4, 26, 0);
  writeU16(without6, 46, 0);
  assert.equal(typeof decode(without4), "object");
  assert.equal(decode(without6), Drop.malformed);
});

test("any changed bit of addresses, ports or payload is a bad checksum", () => {
  for (let bit = 8 * 8; bit < udp6.length * 8; bit++) {
    const isLength = bit >= 44 * 8 && bit < 46 * 8;
    const broken = copyBytes(udp6);
    broken[bit >>> 3]! ^= 0x80 >>> (bit & 7);
    if (!isLength) assert.equal(decode(broken), Drop.badChecksum, `bit ${bit}`);
  }
});

test("a length below 8 or beyond the packet is malformed and a shorter one cuts the datagram", () => {
  for (const length of [0, 7, 14, 65_535]) {
    const packet = copyBytes(udp4);
    writeU16(packet, 24, length);
    assert.equal(decode(packet), Drop.malformed, String(length));
  }
  for (let length = 0; length < 8; length++) {
    assert.equal(
      decode(encodeIp({ ...route4, protocol: 17 }, udp4.subarray(20, 20 + length))),
      Drop.malformed,
    );
  }
  const surplus = encodeIp(
    { ...route4, protocol: 17 },
    concatBytes(udp4.subarray(20), new Uint8Array(5).fill(9)),
  );
  const datagram = decode(surplus);
  assert.ok(typeof datagram !== "number");
  assert.deepEqual(datagram.payload, new TextEncoder().encode("hello"));
});

test("fragments and other protocols are unsupported", () => {
  for (const packet of [...fragments4, ...fragments6, tcp4]) assert.equal(decode(packet), Drop.unsupported);
});

test("a payload over the limit cannot be built, the largest can", () => {
  const datagram = (length: number) => ({
    sourcePort: 1,
    destinationPort: 2,
    payload: new Uint8Array(length),
  });
  assert.throws(() => encodeUdp(route4, datagram(65_508)), { code: "INVALID_ARGUMENT" });
  assert.throws(() => encodeUdp(route6, datagram(65_528)), { code: "INVALID_ARGUMENT" });
  assert.deepEqual(decode(encodeUdp(route4, datagram(65_507))), datagram(65_507));
  assert.deepEqual(decode(encodeUdp(route6, datagram(65_527))), datagram(65_527));
});
