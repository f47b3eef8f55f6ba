/** The MACs of `core/wire/mac.ts` over an arena: what its functions make of an address, without one. */
import { firstHash6, lastHash6 } from "../wire/mac.ts";
import type { Arena } from "./arena.ts";

const prefix4 = 0x0a5e;
const prefix6 = 0x0e;

/** The MAC of an IPv4 address, given as a signed number, in 6 bytes at `out`. */
export function writeDerivedMac4({ view }: Arena, out: number, address: number): void {
  view.setUint16(out, prefix4);
  view.setInt32(out + 2, address);
}

/** The MAC of the IPv6 address at `address`, in 6 bytes at `out`. */
export function writeDerivedMac6({ bytes, view }: Arena, out: number, address: number): void {
  const first = view.getInt32(address);
  const second = view.getInt32(address + 4);
  const third = view.getInt32(address + 8) >>> 8;
  bytes[out] = prefix6;
  bytes[out + 1] = bytes[address + 11]! ^ firstHash6(first, second, third);
  view.setInt32(out + 2, view.getInt32(address + 12) ^ lastHash6(first, second, third));
}

/** Whether the 6 bytes at `mac` are that MAC. */
export function isDerivedMac6({ bytes, view }: Arena, mac: number, address: number): boolean {
  if (bytes[mac] !== prefix6) return false;
  const first = view.getInt32(address);
  const second = view.getInt32(address + 4);
  const third = view.getInt32(address + 8) >>> 8;
  const last = view.getInt32(address + 12) ^ lastHash6(first, second, third);
  if (view.getInt32(mac + 2) !== last) return false;
  return bytes[mac + 1] === (bytes[address + 11]! ^ (firstHash6(first, second, third) & 0xff));
}

/** Whether the 6 bytes at both places are equal. */
export function isSameMac({ view }: Arena, left: number, right: number): boolean {
  return view.getInt32(left) === view.getInt32(right) && view.getInt16(left + 4) === view.getInt16(right + 4);
}
