/**
 * Tells flows apart by addresses, protocol and ports, as far as they are there: frames of one flow have one hash. It decides
 * about turns alone, so bytes that lie may only get their sender a worse one.
 */
import type { Arena } from "./arena.ts";

const ethernetHeaderLength = 14;
const tcp = 6;
const udp = 17;

/** 32 bits for the Ethernet frame at `frame`, of `length` bytes, which lies in the arena as a whole. */
export function flowHash({ view }: Arena, frame: number, length: number): number {
  const etherType = length < ethernetHeaderLength ? 0 : view.getUint16(frame + 12);
  const ip = frame + ethernetHeaderLength;
  if (etherType === 0x0800 && length >= ethernetHeaderLength + 24) return hash4(view, ip);
  if (etherType === 0x86dd && length >= ethernetHeaderLength + 44) return hash6(view, ip);
  return etherType;
}

/** Of fragments all but the first lack the ports, so none of them counts those. */
function hash4(view: DataView, ip: number): number {
  const protocol = view.getUint8(ip + 9);
  const isWhole = (view.getUint16(ip + 6) & 0x3fff) === 0;
  const hasPorts = isWhole && view.getUint8(ip) === 0x45 && (protocol === tcp || protocol === udp);
  const ports = hasPorts ? view.getInt32(ip + 20) : 0;
  return mixed(mixed(mixed(protocol, view.getInt32(ip + 12)), view.getInt32(ip + 16)), ports);
}

function hash6(view: DataView, ip: number): number {
  const protocol = view.getUint8(ip + 6);
  let hash: number = protocol;
  for (let at = 8; at < 40; at += 4) hash = mixed(hash, view.getInt32(ip + at));
  return protocol === tcp || protocol === udp ? mixed(hash, view.getInt32(ip + 40)) : hash;
}

/** Every bit of the word reaches the lowest ones, by which queues are chosen. */
function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word ^ (word >>> 16), 0x9e37_79b1);
  return product ^ (product >>> 15);
}
