import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { parseAddress } from "../wire/address.ts";
import { decodeIpv4 } from "../wire/ipv4.ts";
import { decodeUdp, encodeUdp } from "../wire/udp.ts";
import { completeFrame, VNET_HEADER_LENGTH } from "./vnet_header.ts";

const route = { source: parseAddress("10.9.0.1")!, destination: parseAddress("10.9.0.2")! };
const ipOffset = VNET_HEADER_LENGTH + 14;
const udpOffset = ipOffset + 20;

/** A UDP datagram behind Ethernet and the header, as a network card that finishes checksums would get it. */
function unfinished(payload: Uint8Array): { packet: Uint8Array; whole: Uint8Array } {
  const whole = encodeUdp(route, { sourcePort: 4000, destinationPort: 53, payload });
  const packet = new Uint8Array(ipOffset + whole.length);
  packet.set(whole, ipOffset);
  const length = payload.length + 8;
  // Addresses 10.9.0.1 and 10.9.0.2, protocol 17, length.
  let sum = 0x0a09 + 1 + 0x0a09 + 2 + 17 + length;
  sum = (sum & 0xffff) + (sum >>> 16);
  new DataView(packet.buffer).setUint16(udpOffset + 6, sum);
  packet.set([1, 0, 0, 0, 0, 0, 34, 0, 6, 0]);
  return { packet, whole };
}

test("a checksum that holds only the pseudo-header is finished, for even and odd lengths", () => {
  for (const length of [0, 1, 2, 7, 1000, 1001]) {
    const payload = Uint8Array.from({ length }, (_, i) => i * 7);
    const { packet, whole } = unfinished(payload);
    assert.equal(completeFrame(packet), true);
    assert.deepEqual(packet.subarray(ipOffset), Uint8Array.from(whole));
    const ip = decodeIpv4(packet.subarray(ipOffset));
    assert.ok(typeof ip === "object");
    assert.equal(typeof decodeUdp(ip), "object");
  }
});

test("a checksum that comes out as zero is written as its other form, for zero says that a UDP datagram has none", () => {
  const { packet } = unfinished(new Uint8Array(2));
  const before = new DataView(packet.buffer).getUint16(udpOffset + 6);
  const view = new DataView(packet.buffer);
  // The payload makes the sum of all words 0xffff.
  const rest = 0xffff - ((before + 4000 + 53 + 10) % 0xffff);
  view.setUint16(udpOffset + 8, rest);
  assert.equal(completeFrame(packet), true);
  assert.equal(view.getUint16(udpOffset + 6), 0xffff);
});

test("a frame whose header is all zero is whole and stays as it is", () => {
  const packet = Uint8Array.from({ length: 80 }, (_, i) => i < VNET_HEADER_LENGTH ? 0 : i);
  const copy = packet.slice();
  assert.equal(completeFrame(packet), true);
  assert.deepEqual(packet, copy);
});

test("super-packets, short packets and checksums outside of the frame are refused and not written to", () => {
  const short = new Uint8Array(9);
  assert.equal(completeFrame(short), false);
  const segments = new Uint8Array(100);
  segments[1] = 1;
  assert.equal(completeFrame(segments), false);
  for (const [start, field] of [[89, 0], [34, 55], [0xffff, 0], [0, 0xffff], [0xffff, 0xffff]] as const) {
    const packet = new Uint8Array(VNET_HEADER_LENGTH + 90);
    const view = new DataView(packet.buffer);
    packet[0] = 1;
    view.setUint16(6, start, true);
    view.setUint16(8, field, true);
    const copy = packet.slice();
    assert.equal(completeFrame(packet), false);
    assert.deepEqual(packet, copy);
  }
});
