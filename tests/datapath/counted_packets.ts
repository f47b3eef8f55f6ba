/**
 * UDP datagrams that say which one they are: what arrives is compared byte by byte with what was sent, and nothing may
 * arrive twice. They leave as frames of a TAP device, one by one or as a super-frame of several.
 */
import assert from "node:assert/strict";
import type { Address } from "../../core/contracts/values.ts";
import {
  checksumField,
  Gso,
  IP_START,
  Upper,
  VNET_LENGTH,
  VNET_NEEDS_CHECKSUM,
} from "../../core/datapath/super_frame.ts";
import { foldSum } from "../../core/wire/checksum.ts";
import { encodeEthernet, EtherType } from "../../core/wire/ethernet.ts";
import { readU16, readU32, writeU16, writeU32 } from "../../core/wire/field.ts";
import { decodeIp, ipHeaderLength, IpProtocol, pseudoSum } from "../../core/wire/ip.ts";
import { macOfAddress } from "../../core/wire/mac.ts";
import { decodeUdp, encodeUdp, udpHeaderLength } from "../../core/wire/udp.ts";
import type { SimRandom } from "../sim/random.ts";

/** From an interface of one host to one of another. */
export interface Way {
  readonly source: Address;
  readonly destination: Address;
  /** Of the interface that sends. */
  readonly mac: Uint8Array;
}

const numberLength = 4;
/** Lengths of payloads; the shortest holds its number. */
const shortest = 8;
const longest = 300;
const mostSegments = 12;

export class CountedPackets {
  readonly #way: Way;
  readonly #random: SimRandom;
  /** By number: 1 once it has arrived. */
  #arrived = new Uint8Array(1_024);
  #sent = 0;
  #delivered = 0;
  /** Packets below it may be lost. */
  #forgiven = 0;

  constructor(way: Way, random: SimRandom) {
    this.#way = way;
    this.#random = random;
  }

  get sent(): number {
    return this.#sent;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** What was sent so far may be lost; that it arrives twice is as wrong as ever. */
  forgive(): void {
    this.#forgiven = this.#sent;
  }

  /** Numbers of packets that have to arrive and have not. */
  missing(): readonly number[] {
    const numbers: number[] = [];
    for (let number = this.#forgiven; number < this.#sent; number++) {
      if (this.#arrived[number] !== 1) numbers.push(number);
    }
    return numbers;
  }

  /** What a TAP device gives next: a frame, or a super-frame of up to {@link mostSegments} datagrams. */
  frame(): Uint8Array {
    const size = shortest + this.#random.below(longest - shortest);
    const isSuper = this.#random.below(2) === 0;
    const count = isSuper ? 2 + this.#random.below(mostSegments - 1) : 1;
    const last = isSuper ? shortest + this.#random.below(size - shortest + 1) : size;
    const payload = new Uint8Array((count - 1) * size + last);
    for (let at = 0; at < payload.length; at += size) this.#fill(payload.subarray(at, at + size));
    const frame = this.#frameOf(payload);
    return isSuper ? asSuperFrame(frame, size) : frame;
  }

  /** A frame that was written to the TAP device at the other end. Throws what is wrong with it. */
  writtenFrame(frame: Uint8Array): void {
    const type = frame[1]!;
    assert.ok(type === Gso.none || type === Gso.udp, `a frame of type ${type}`);
    const packet = frame.subarray(IP_START);
    const payload = (frame[0]! & VNET_NEEDS_CHECKSUM) === 0 ? payloadOf(packet) : uncheckedPayloadOf(packet);
    const size = type === Gso.none ? payload.length : frame[4]! + 256 * frame[5]!;
    for (let at = 0; at < payload.length; at += size) this.#arrive(payload.subarray(at, at + size));
  }

  /** A packet that the main thread at the other end would deliver. */
  packet(packet: Uint8Array): void {
    this.#arrive(payloadOf(packet));
  }

  #frameOf(payload: Uint8Array): Uint8Array {
    const { source, destination, mac } = this.#way;
    const packet = encodeUdp({ source, destination }, { sourcePort: 1000, destinationPort: 2000, payload });
    const type = source.family === 4 ? EtherType.ipv4 : EtherType.ipv6;
    const ethernet = encodeEthernet(macOfAddress(destination), mac, type, packet);
    const frame = new Uint8Array(VNET_LENGTH + ethernet.length);
    frame.set(ethernet, VNET_LENGTH);
    return frame;
  }

  #fill(payload: Uint8Array): void {
    const number = this.#sent++;
    writeU32(payload, 0, number);
    for (let i = numberLength; i < payload.length; i++) payload[i] = contentOf(number, i);
    if (number < this.#arrived.length) return;
    const arrived = new Uint8Array(2 * this.#arrived.length);
    arrived.set(this.#arrived);
    this.#arrived = arrived;
  }

  #arrive(payload: Uint8Array): void {
    assert.ok(payload.length >= shortest, "a packet is too short");
    const number = readU32(payload, 0);
    assert.ok(number < this.#sent, `packet ${number} was never sent`);
    for (let i = numberLength; i < payload.length; i++) {
      if (payload[i] !== contentOf(number, i)) assert.fail(`byte ${i} of packet ${number} is another`);
    }
    assert.ok(this.#arrived[number] === 0, `packet ${number} arrives twice`);
    this.#arrived[number] = 1;
    this.#delivered++;
  }
}

function contentOf(number: number, at: number): number {
  return (Math.imul(number, 0x9e37_79b1) >>> 16) + at * 7 & 0xff;
}

/** With a partial checksum, as the kernel gives it where it may leave the cutting to the device. */
function asSuperFrame(frame: Uint8Array, size: number): Uint8Array {
  const ip = frame.subarray(IP_START);
  const headers = ipHeaderLength(ip[0]! >> 4 === 4 ? 4 : 6);
  // As the other offsets of this header, counted from that of Ethernet.
  const start = IP_START - VNET_LENGTH + headers;
  const field = checksumField(Upper.udp);
  const view = new DataView(frame.buffer);
  view.setUint8(0, VNET_NEEDS_CHECKSUM);
  view.setUint8(1, Gso.udp);
  view.setUint16(2, start + udpHeaderLength, true);
  view.setUint16(4, size, true);
  view.setUint16(6, start, true);
  view.setUint16(8, field, true);
  writeU16(ip, headers + field, foldSum(pseudoSum(ip, IpProtocol.udp, ip.length - headers)));
  return frame;
}

/** Of a whole packet, its checksums verified. */
function payloadOf(bytes: Uint8Array): Uint8Array {
  const packet = decodeIp(bytes);
  const datagram = typeof packet === "number" ? packet : decodeUdp(packet);
  if (typeof datagram === "number") assert.fail(`a packet is broken: ${datagram}`);
  return datagram.payload;
}

/** Of one whose checksum the kernel is to finish. */
function uncheckedPayloadOf(bytes: Uint8Array): Uint8Array {
  const headers = ipHeaderLength(bytes[0]! >> 4 === 4 ? 4 : 6);
  const length = readU16(bytes, headers + 4);
  assert.equal(length, bytes.length - headers, "the length of UDP");
  return bytes.subarray(headers + udpHeaderLength);
}
