/**
 * The headers of an IP packet in an arena, checked once and kept as numbers. It takes less for granted than the decoders of
 * `core/wire` tell apart: the data path only asks whether it understands a packet as a whole.
 */
import { Drop } from "../contracts/drop.ts";
import { foldSum, sumView } from "../wire/checksum.ts";
import type { Arena } from "./arena.ts";
import { checksumField, EtherType, pseudoSumOf, Upper } from "./super_frame.ts";

const mostExtensions = 8;
const hopByHop = 0;
const routing = 43;
const fragment = 44;
const destinationOptions = 60;
const icmp = 1;
const igmp = 2;
const icmp6 = 58;
const sctp = 132;
const udpLite = 136;
/** ICMPv6 types from here on are between neighbours, or of kinds that nobody sends to a single host far away. */
const firstLinkType = 130;

export class ArenaPacket {
  readonly #view: DataView;
  /** Of the IP header in the arena. */
  offset = 0;
  /** Of the whole packet by its own header; what the caller had beyond it is padding of the link. */
  length = 0;
  version = 0;
  /** Protocol above IP and all extension headers that are walked; of a fragment it tells nothing. */
  upper = 0;
  /** From the IP header to the header above it. */
  upperStart = 0;
  /** Length of a TCP or UDP header that lies whole in the packet; else 0, and always 0 in a fragment. */
  upperHeader = 0;
  isFragment = false;
  /** IPv4 options, or IPv6 extension headers. */
  hasOptions = false;

  constructor(arena: Arena) {
    this.#view = arena.view;
  }

  /**
   * Reads the packet of `etherType` and at most `length` bytes at `offset`, which lie in the arena. `none`, or why the packet
   * is not to be passed on: malformed, badChecksum of the IPv4 header; unsupported, a source route that is not used up.
   * After a drop nothing here means anything.
   */
  parse(offset: number, length: number, etherType: number): Drop {
    this.offset = offset;
    this.upperHeader = 0;
    this.isFragment = false;
    this.hasOptions = false;
    this.version = length === 0 ? 0 : this.#view.getUint8(offset) >>> 4;
    if (this.version !== 4 && this.version !== 6) return Drop.malformed;
    if (etherType !== (this.version === 4 ? EtherType.ipv4 : EtherType.ipv6)) return Drop.malformed;
    const fault = this.version === 4 ? this.#parse4(length) : this.#parse6(length);
    if (fault === Drop.none && !this.isFragment) this.#parseUpper();
    return fault;
  }

  get sourceOffset(): number {
    return this.offset + (this.version === 4 ? 12 : 8);
  }

  get destinationOffset(): number {
    return this.offset + (this.version === 4 ? 16 : 24);
  }

  /**
   * The kind of packet that the data path carries by itself: whole, with its transport header whole, and of no meaning to
   * the link it is on. The rest is for the main thread, which reads fragments and extension headers as `core/wire` does.
   */
  get isPlain(): boolean {
    // With IPv4 options it may be source-routed.
    if (this.isFragment || this.hasOptions) return false;
    if (this.upper === Upper.tcp || this.upper === Upper.udp) return this.upperHeader > 0;
    if (this.upper === icmp6 && this.version === 6) {
      return this.upperLength >= 8 && this.#type < firstLinkType;
    }
    return this.version === 4 && this.upper !== igmp && this.upperLength >= leastLength(this.upper);
  }

  /** Whether a plain packet is an ICMP message about another one (RFC 792, RFC 4443 §2.1). */
  get isIcmpError(): boolean {
    if (this.version === 6) return this.upper === icmp6 && this.#type < 128;
    if (this.upper !== icmp) return false;
    const type = this.#type;
    return (type >= 3 && type <= 5) || type === 11 || type === 12;
  }

  /** Of a plain packet: source port in the upper half, destination port in the lower; 0 for a protocol without ports. */
  get ports(): number {
    const { upper } = this;
    const hasPorts = upper === Upper.tcp || upper === Upper.udp || upper === sctp || upper === udpLite;
    return hasPorts ? this.#view.getInt32(this.offset + this.upperStart) : 0;
  }

  /** Of IP and TCP or UDP together. */
  get headerLength(): number {
    return this.upperStart + this.upperHeader;
  }

  /** Bytes behind the IP headers. */
  get upperLength(): number {
    return this.length - this.upperStart;
  }

  /** Whether `start`, from the IP header, and `field` name the checksum of the TCP or UDP header. */
  isChecksumAt(start: number, field: number): boolean {
    if (this.upperHeader === 0 || start !== this.upperStart || field !== checksumField(this.upper)) {
      return false;
    }
    return this.upper === Upper.tcp || this.udpLengthIsRight;
  }

  /** The pseudo-header has the UDP length, the sum has what is there: they must not differ. */
  get udpLengthIsRight(): boolean {
    return this.#view.getUint16(this.offset + this.upperStart + 4) === this.upperLength;
  }

  /**
   * Writes the checksum of TCP or UDP in full, for `length` bytes at `ip` that have headers of this packet's shape. Zero
   * would say that a UDP datagram has none, so it is written as its other form (RFC 768).
   */
  completeChecksum(ip: number, length: number): void {
    const view = this.#view;
    const start = ip + this.upperStart;
    const field = start + checksumField(this.upper);
    const bytes = length - this.upperStart;
    view.setUint16(field, 0);
    const sum = ~foldSum(sumView(view, start, bytes, pseudoSumOf(view, ip, this.upper, bytes))) & 0xffff;
    view.setUint16(field, sum === 0 ? 0xffff : sum);
  }

  /** Of an ICMP message. */
  get #type(): number {
    return this.#view.getUint8(this.offset + this.upperStart);
  }

  #parse4(length: number): Drop {
    if (length < 20) return Drop.malformed;
    const view = this.#view;
    const at = this.offset;
    const header = (view.getUint8(at) & 15) * 4;
    const total = view.getUint16(at + 2);
    if (header < 20 || total < header || total > length) return Drop.malformed;
    if (foldSum(sumView(view, at, header)) !== 0xffff) return Drop.badChecksum;
    this.length = total;
    this.upper = view.getUint8(at + 9);
    this.upperStart = header;
    this.hasOptions = header > 20;
    this.isFragment = (view.getUint16(at + 6) & 0x3fff) !== 0;
    return Drop.none;
  }

  #parse6(length: number): Drop {
    if (length < 40) return Drop.malformed;
    const view = this.#view;
    const at = this.offset;
    const total = 40 + view.getUint16(at + 4);
    if (total > length) return Drop.malformed;
    this.length = total;
    this.upper = view.getUint8(at + 6);
    this.upperStart = 40;
    return isExtension(this.upper) ? this.#walkExtensions() : Drop.none;
  }

  #walkExtensions(): Drop {
    const view = this.#view;
    this.hasOptions = true;
    for (let walked = 0; isExtension(this.upper); walked++) {
      const at = this.offset + this.upperStart;
      if (walked === mostExtensions || this.upperStart + 8 > this.length) return Drop.malformed;
      if (this.upper === hopByHop && walked > 0) return Drop.malformed;
      this.isFragment = this.upper === fragment;
      if (this.isFragment) return Drop.none;
      const bytes = 8 * (view.getUint8(at + 1) + 1);
      if (this.upperStart + bytes > this.length) return Drop.malformed;
      if (this.upper === routing && view.getUint8(at + 3) !== 0) return Drop.unsupported;
      this.upper = view.getUint8(at);
      this.upperStart += bytes;
    }
    return Drop.none;
  }

  #parseUpper(): void {
    const room = this.upperLength;
    if (this.upper === Upper.udp && room >= 8) this.upperHeader = 8;
    if (this.upper !== Upper.tcp || room < 20) return;
    const header = (this.#view.getUint8(this.offset + this.upperStart + 12) >>> 4) * 4;
    if (header >= 20 && header <= room) this.upperHeader = header;
  }
}

function isExtension(next: number): boolean {
  return next === hopByHop || next === routing || next === fragment || next === destinationOptions;
}

/** Bytes that a header above IPv4 has at least, of protocols that the main thread judges by more than their number. */
function leastLength(upper: number): number {
  if (upper === sctp) return 12;
  return upper === udpLite || upper === icmp || upper === icmp6 ? 8 : 0;
}
