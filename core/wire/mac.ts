/**
 * MAC addresses: kinds of them, and the one that an overlay address stands for.
 *
 *     IPv4  0a:5e:aa:bb:cc:dd   the four bytes of the address
 *     IPv6  0e:hh:hh:hh:hh:hh   its last 40 bits, exclusive-or 40 bits of a hash over the 88 bits before them
 *
 * Both are unicast and locally administered (IEEE Std 802-2014 §8.4). Every node derives the same MAC without asking,
 * which is what lets it answer for an address that is elsewhere. Of an IPv4 address there is a way back. Of IPv6
 * addresses no two in the same /88 share a MAC, and two others hardly ever do; somebody who looks for two that do finds
 * them, so nothing but the way of a frame may hang on it: whose a packet is, its IP addresses tell.
 */
import type { Address } from "../contracts/values.ts";
import { readU16, readU32, writeU16, writeU32 } from "./field.ts";

export const macLength = 6;
/** All stations. */
export const broadcastMac: Uint8Array = new Uint8Array(macLength).fill(0xff);

const prefix4 = 0x0a5e;
const prefix6 = 0x0e;

/** The MAC of an overlay address, in 6 new bytes. */
export function macOfAddress(address: Address): Uint8Array<ArrayBuffer> {
  const mac = new Uint8Array(macLength);
  writeMacOfAddress(mac, 0, address);
  return mac;
}

/** {@link macOfAddress} written into `out`, which has 6 bytes at `offset`. Allocates nothing. */
export function writeMacOfAddress(out: Uint8Array, offset: number, { family, bytes }: Address): void {
  if (family === 4) {
    writeU16(out, offset, prefix4);
    writeU32(out, offset + 2, readU32(bytes, 0));
    return;
  }
  const [first, second] = [readU32(bytes, 0), readU32(bytes, 4)];
  // The 88 bits that are hashed: the last byte of the third word belongs to the other part.
  const third = readU32(bytes, 8) >>> 8;
  out[offset] = prefix6;
  out[offset + 1] = bytes[11]! ^ firstHash6(first, second, third);
  writeU32(out, offset + 2, readU32(bytes, 12) ^ lastHash6(first, second, third));
}

/** 32 bits, of which the lowest 8 go into the second byte of an IPv6 address's MAC; the words may have either sign. */
export function firstHash6(first: number, second: number, third: number): number {
  return mix(mix(mix(0x9e37_79b1, first), second), third);
}

/** 32 bits that go into its last four bytes. */
export function lastHash6(first: number, second: number, third: number): number {
  return mix(mix(mix(0x85eb_ca6b, first), second), third);
}

/** The hash after one more word, each bit of it with an effect on every bit: the finish of MurmurHash3. */
function mix(before: number, word: number): number {
  let hash = before ^ word;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}

/** The IPv4 address whose MAC this is; undefined for any other MAC, also that of an IPv6 address. */
export function addressOfMac(mac: Uint8Array): Address | undefined {
  if (mac.length !== macLength || readU16(mac, 0) !== prefix4) return undefined;
  return { family: 4, bytes: new Uint8Array(mac.subarray(2)) };
}

/** True for a MAC that {@link macOfAddress} may have made. */
export function isDerivedMac(mac: Uint8Array): boolean {
  return mac.length === macLength && (readU16(mac, 0) === prefix4 || mac[0] === prefix6);
}

/** Whether `mac` is the one that `address` stands for. Allocates nothing. */
export function isMacOf(mac: Uint8Array, address: Address): boolean {
  writeMacOfAddress(scratch, 0, address);
  return mac.length === macLength && sameMac(mac, scratch);
}

const scratch = new Uint8Array(macLength);

/** The MAC of a multicast group (RFC 1112 §6.4, RFC 2464 §7): 01:00:5e and 23 bits, or 33:33 and 32 bits. */
export function macOfGroup({ family, bytes }: Address): Uint8Array<ArrayBuffer> {
  const last = readU32(bytes, bytes.length - 4);
  const mac = new Uint8Array(macLength);
  writeU16(mac, 0, family === 4 ? 0x0100 : 0x3333);
  writeU32(mac, 2, family === 4 ? (0x5e00_0000 | (last & 0x7f_ffff)) >>> 0 : last);
  return mac;
}

/** Group addresses: multicast and broadcast. */
export function isGroupMac(mac: Uint8Array): boolean {
  return (mac[0]! & 1) === 1;
}

export function isBroadcastMac(mac: Uint8Array): boolean {
  return sameMac(mac, broadcastMac);
}

/** 01:80:c2:00:00:00 to 0f: between neighbours on one cable, and never bridged (IEEE Std 802.1Q §8.6.3). STP, LLDP, LACP. */
export function isBridgeLocalMac(mac: Uint8Array): boolean {
  return readU32(mac, 0) === 0x0180_c200 && readU16(mac, 4) <= 0x0f;
}

/** For two MACs of 6 bytes. */
export function sameMac(left: Uint8Array, right: Uint8Array): boolean {
  return readU32(left, 0) === readU32(right, 0) && readU16(left, 4) === readU16(right, 4);
}

/** The 48 bits of the MAC as a number, which may serve as a key. */
export function macToNumber(mac: Uint8Array): number {
  return readU16(mac, 0) * 0x1_0000_0000 + readU32(mac, 2);
}

/** `0a:5e:0a:20:00:01`. */
export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

const text = /^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$/;

/** The 6 bytes of a text with colons; undefined for any other text. */
export function parseMac(mac: string): Uint8Array<ArrayBuffer> | undefined {
  if (!text.test(mac)) return undefined;
  return Uint8Array.from(mac.split(":"), (byte) => parseInt(byte, 16));
}
