import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { concatBytes, copyBytes } from "./bytes.ts";
import { echo4, echo6, fragments4, fragments6, tcp4, tcp6, udp4, udp6 } from "./captured_packets.ts";
import { checksum } from "./checksum.ts";
import { writeU16 } from "./field.ts";
import { type ParsedPacket, parseFlow } from "./flow.ts";
import { GreProtocol } from "./gre.ts";
import { encodeIp } from "./ip.ts";

const route4 = { source: parseAddress("10.32.0.1")!, destination: parseAddress("10.32.0.7")! };

function flow(packet: Uint8Array): ParsedPacket {
  const parsed = parseFlow(greProtocol(packet), packet);
  assert.ok(typeof parsed !== "number", `dropped: ${parsed}`);
  return parsed;
}

function greProtocol(packet: Uint8Array): number {
  return packet.length > 0 && packet[0]! >>> 4 === 6 ? GreProtocol.ipv6 : GreProtocol.ipv4;
}

function repair(bytes: Uint8Array): void {
  if (bytes.length < 20 || bytes[0] !== 0x45) return;
  writeU16(bytes, 10, 0);
  writeU16(bytes, 10, checksum(bytes, 0, 20));
}

test("a flow names both ends of the kernel's packets", () => {
  const ends = (packet: Uint8Array) => {
    const { source, sourcePort, destination, destinationPort, protocol } = flow(packet);
    return [protocol, formatAddress(source), sourcePort, formatAddress(destination), destinationPort];
  };
  assert.deepEqual(ends(udp4), [17, "10.32.0.1", 40000, "10.32.0.7", 7]);
  assert.deepEqual(ends(udp6), [17, "fd00::1", 40000, "fd00::7", 7]);
  assert.deepEqual(ends(tcp4), [6, "10.32.0.1", 50240, "10.32.0.7", 80]);
  assert.deepEqual(ends(tcp6), [6, "fd00::1", 53074, "fd00::7", 80]);
  assert.deepEqual(ends(echo4.request), [1, "10.32.0.7", 0, "10.32.0.1", 0]);
  assert.deepEqual(ends(echo6.request), [58, "fd00::7", 0, "fd00::1", 0]);
});

test("hop limit, payload offset and length are those of the headers", () => {
  const { family, hopLimit, payloadOffset, length, isLaterFragment } = flow(
    concatBytes(udp4, new Uint8Array(9)),
  );
  assert.deepEqual([family, hopLimit, payloadOffset, length, isLaterFragment], [
    4,
    64,
    20,
    udp4.length,
    false,
  ]);
  assert.deepEqual([flow(fragments6[0]).payloadOffset, flow(fragments6[0]).length], [
    48,
    fragments6[0].length,
  ]);
});

test("a first fragment has ports and a later one has none and says so", () => {
  for (const [first, later] of [fragments4, fragments6]) {
    assert.deepEqual([flow(first).sourcePort, flow(first).destinationPort, flow(first).isLaterFragment], [
      40000,
      7,
      false,
    ]);
    assert.deepEqual([flow(later).sourcePort, flow(later).destinationPort, flow(later).isLaterFragment], [
      0,
      0,
      true,
    ]);
  }
});

test("a packet without its whole transport header is malformed, also as a first fragment", () => {
  for (const [protocol, needed] of [[6, 20], [17, 8], [132, 12], [136, 8]] as const) {
    for (let length = 0; length <= needed; length++) {
      const packet = encodeIp({ ...route4, protocol }, new Uint8Array(length));
      const result = parseFlow(GreProtocol.ipv4, packet);
      if (length < needed) assert.equal(result, Drop.malformed, `${protocol} ${length}`);
      else assert.equal(typeof result, "object");
    }
  }
  const tiny = encodeIp({ ...route4, protocol: 6 }, tcp4.subarray(20, 36));
  writeU16(tiny, 6, 0x2000);
  repair(tiny);
  assert.equal(parseFlow(GreProtocol.ipv4, tiny), Drop.malformed);
});

test("a later fragment that overlaps the transport header is malformed", () => {
  for (
    const [protocol, offset, isMalformed] of [[6, 1, true], [6, 2, true], [6, 3, false], [
      17,
      1,
      false,
    ]] as const
  ) {
    const packet = encodeIp({ ...route4, protocol }, new Uint8Array(24));
    writeU16(packet, 6, offset);
    repair(packet);
    const result = parseFlow(GreProtocol.ipv4, packet);
    if (isMalformed) assert.equal(result, Drop.malformed, `${protocol} ${offset}`);
    else assert.equal(typeof result, "object");
  }
});

test("a packet of another version than its GRE protocol says is malformed", () => {
  assert.equal(parseFlow(GreProtocol.ipv6, udp4), Drop.malformed);
  assert.equal(parseFlow(GreProtocol.ipv4, udp6), Drop.malformed);
});

test("what is no IP is unsupported", () => {
  for (const protocol of [GreProtocol.ethernet, GreProtocol.control, 0, 0x0806]) {
    assert.equal(parseFlow(protocol, udp4), Drop.unsupported);
  }
});

test("faults of the IP header come through", () => {
  const broken = copyBytes(udp4);
  broken[8] = 63;
  assert.equal(parseFlow(GreProtocol.ipv4, broken), Drop.badChecksum);
});
