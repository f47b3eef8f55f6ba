/** Flows of made-up hosts, as a kernel hands them to a TAP: super-frames, now and then with what ends a run of alike packets. */
import { concatBytes } from "../../core/wire/bytes.ts";
import { foldSum } from "../../core/wire/checksum.ts";
import { writeU16, writeU32 } from "../../core/wire/field.ts";
import { IpProtocol, pseudoSum } from "../../core/wire/ip.ts";
import { SimRandom } from "../sim/random.ts";
import { encodeVnet, resize } from "./super_frame_twin.ts";

/** Payloads are pieces of this: drawing each byte anew would take longer than all the rest. */
const content = new SimRandom(1).fill(new Uint8Array(0x4_0000));

export class TrafficFlow {
  readonly macs: Uint8Array;
  readonly #random: SimRandom;
  readonly #isIpv4: boolean;
  readonly #isTcp: boolean;
  /** Without options of TCP. */
  readonly #headers: Uint8Array;
  readonly #mss: number;
  #sequence: number;
  #identification: number;
  #acknowledged = 1;
  #window = 500;
  #timestamp = 1;

  constructor(random: SimRandom) {
    this.#random = random;
    this.#isIpv4 = random.chance(0.5);
    this.#isTcp = random.chance(0.7);
    this.macs = random.fill(new Uint8Array(12));
    this.#headers = this.#isIpv4 ? this.#ipv4() : this.#ipv6();
    this.#mss = random.pick([8, 100, 536, 1220, 1348, 1400]);
    // Near the end of their range, so that they wrap.
    this.#sequence = random.chance(0.5) ? 2 ** 32 - random.below(20_000) : random.next();
    this.#identification = random.chance(0.5) ? 65_536 - random.below(30) : random.below(65_536);
  }

  /** What the TAP gives for one write of this flow: vnet header, Ethernet header, packet. */
  taken(): Uint8Array {
    const random = this.#random;
    const most = this.#isTcp ? 64_000 : 128 * this.#mss;
    const bytes = random.chance(0.05) ? random.below(Math.min(most, 64_000)) : random.below(6 * this.#mss);
    const from = random.below(content.length - bytes);
    const payload = content.subarray(from, from + bytes);
    const header = this.#isTcp ? this.#tcp() : new Uint8Array(8);
    writeU32(header, 0, this.#isTcp ? 0xc350_0050 : 0x1f90_9c40);
    const packet = concatBytes(this.#headers, header, payload);
    const segments = Math.max(1, Math.ceil(bytes / this.#mss));
    this.#finishHeaders(packet, segments);
    this.#sequence += bytes;
    const type = !this.#isTcp ? 5 : (this.#isIpv4 ? 1 : 4) | (header[13]! & 0x80);
    const isSuper = segments > 1;
    const vnet = encodeVnet({
      needsChecksum: true,
      type: isSuper ? type : 0,
      // A hint of the kernel, of which nothing may depend.
      headerLength: random.below(200),
      segmentSize: isSuper ? this.#mss : 0,
      start: 14 + this.#headers.length,
      field: this.#isTcp ? 16 : 6,
    });
    const etherType = this.#isIpv4 ? [0x08, 0x00] : [0x86, 0xdd];
    return concatBytes(vnet, this.macs, Uint8Array.from(etherType), packet);
  }

  #finishHeaders(packet: Uint8Array, segments: number): void {
    const at = this.#headers.length;
    const length = packet.length - at;
    if (this.#isIpv4) {
      writeU16(packet, 4, this.#identification);
      this.#identification += segments;
    }
    resize(packet);
    if (!this.#isTcp) writeU16(packet, at + 4, length);
    const protocol = this.#isTcp ? IpProtocol.tcp : IpProtocol.udp;
    writeU16(packet, at + (this.#isTcp ? 16 : 6), foldSum(pseudoSum(packet, protocol, length)));
  }

  #tcp(): Uint8Array {
    const random = this.#random;
    // What one side says changes seldom while it sends in bulk.
    if (random.chance(0.05)) this.#acknowledged += random.below(5_000);
    if (random.chance(0.03)) this.#window = random.below(65_536);
    if (random.chance(0.1)) this.#timestamp++;
    const header = new Uint8Array(32);
    writeU32(header, 4, this.#sequence);
    writeU32(header, 8, this.#acknowledged);
    header[12] = 0x80;
    header[13] = random.chance(0.95) ? 0x10 : random.pick([0x12, 0x14, 0x30, 0x50, 0x90, 0xd0, 0x11]);
    if (random.chance(0.2)) header[13] |= 0x08;
    writeU16(header, 14, this.#window);
    header.set([1, 1, 8, 10], 20);
    writeU32(header, 24, this.#timestamp);
    return header;
  }

  #ipv4(): Uint8Array {
    const random = this.#random;
    const options = random.chance(0.1) ? 8 : 0;
    const header = new Uint8Array(20 + options).fill(1, 20);
    header[0] = 0x45 + options / 4;
    header[1] = random.pick([0, 2, 0xb8]);
    header[6] = random.chance(0.5) ? 0x40 : 0;
    header[8] = 64;
    header[9] = this.#isTcp ? 6 : 17;
    header.set([10, 32, 0, random.below(4), 10, 32, 1, random.below(4)], 12);
    return header;
  }

  #ipv6(): Uint8Array {
    const random = this.#random;
    const header = new Uint8Array(40);
    writeU32(header, 0, 0x6000_0000 | random.below(2 ** 20));
    header[6] = this.#isTcp ? 6 : 17;
    header[7] = 64;
    header.set([0xfd, random.below(2)], 8);
    header.set([0xfd, random.below(2)], 24);
    return header;
  }
}
