import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { parseAddress } from "../wire/address.ts";
import { checksum } from "../wire/checksum.ts";
import { writeU16 } from "../wire/field.ts";
import { decodeIp } from "../wire/ip.ts";
import { encodeUdp } from "../wire/udp.ts";
import { fitPath } from "./path_fit.ts";

/** A packet of `length` bytes from a port of the overlay. */
function packet(family: 4 | 6, length: number): Uint8Array {
  const [source, destination] = family === 4 ? ["10.32.0.1", "10.32.0.2"] : ["fd00::1", "fd00::2"];
  const payload = new Uint8Array(length - (family === 4 ? 28 : 48)).map((_, i) => i);
  return encodeUdp(
    { source: parseAddress(source!)!, destination: parseAddress(destination!)!, hopLimit: 64 },
    { sourcePort: 1, destinationPort: 2, payload },
  );
}

/** The same with "don't fragment" set or clear. */
function withFlag(bytes: Uint8Array, dontFragment: boolean): Uint8Array {
  bytes[6] = dontFragment ? 0x40 : 0;
  writeU16(bytes, 10, 0);
  writeU16(bytes, 10, checksum(bytes, 0, 20));
  return bytes;
}

test("what the path carries goes as it is, and so does everything while the path is not known", () => {
  for (const [bytes, mtu] of [[packet(4, 1_400), 1_400], [packet(6, 9_000), undefined]] as const) {
    assert.deepEqual(fitPath(bytes, mtu), { packets: [bytes] });
  }
});

test("IPv6, and IPv4 that may not be fragmented, is too big by one byte", () => {
  assert.deepEqual(fitPath(packet(6, 1_401), 1_400), { tooBig: 1_400 });
  assert.deepEqual(fitPath(withFlag(packet(4, 1_401), true), 1_400), { tooBig: 1_400 });
  assert.deepEqual(fitPath(withFlag(packet(4, 637), true), 636), { tooBig: 636 });
});

test("no IPv6 sender is told less than 1,280 bytes, and what it then sends goes", () => {
  assert.deepEqual(fitPath(packet(6, 1_281), 636), { tooBig: 1_280 });
  const least = packet(6, 1_280);
  assert.deepEqual(fitPath(least, 636), { packets: [least] });
});

test("IPv4 that may be fragmented is, into packets that pass", () => {
  const fit = fitPath(withFlag(packet(4, 1_400), false), 636);
  assert.ok("packets" in fit);
  assert.deepEqual(fit.packets.map((each) => each.length), [636, 636, 168]);
  for (const each of fit.packets) assert.equal(typeof decodeIp(each), "object");
});

test("what is no IP packet is neither sent nor told of", () => {
  assert.deepEqual(fitPath(new Uint8Array(2_000), 1_400), { drop: Drop.malformed });
});
