/**
 * For tests: a device whose link carries frames. Behind it are 10.32.0.0/24 and fd00::/64, as in the frames that were
 * captured of two kernels; ours are 10.32.0.7 and fd00::7, and with them 10.32.0.8, which nobody holds.
 */
import type { Drop } from "../../core/contracts/drop.ts";
import type { EncapsulationOutput } from "../../core/contracts/encapsulation.ts";
import type { Address, Millis } from "../../core/contracts/values.ts";
import { formatAddress, parseAddress } from "../../core/wire/address.ts";
import { encodeEthernet, EtherType } from "../../core/wire/ethernet.ts";
import { decodeGre, encodeGre, GreProtocol } from "../../core/wire/gre.ts";
import { encodeUdp } from "../../core/wire/udp.ts";
import { parseMac } from "../../core/wire/mac.ts";
import { type Device, deviceOf } from "./device.ts";
import { GreUdpMachine } from "./machine.ts";

export const ip = (text: string): Address => parseAddress(text)!;
/** The interface of 10.32.0.1 and fd00::1. */
export const firstMac = parseMac("0a:5e:0a:20:00:01")!;
/** Of another station behind the device. */
export const otherMac = parseMac("02:00:00:00:00:99")!;

export const tap: Device = deviceOf({
  name: "tap",
  endpoint: "198.51.100.9:4754",
  prefixes: ["10.32.0.0/24", "fd00::/64"],
  ethernet: true,
});

const ours = new Set(["10.32.0.7", "fd00::7", "10.32.0.8"]);

export class FrameRig {
  readonly machine: GreUdpMachine;
  readonly device: Device;
  readonly dropped: Drop[] = [];
  now: Millis = 1_000;

  constructor(device: Device = tap) {
    this.device = device;
    this.machine = new GreUdpMachine([device], {
      count: (drop, times = 1) => this.dropped.push(...new Array<Drop>(times).fill(drop)),
    });
    this.machine.answerFor((address) => ours.has(formatAddress(address)));
    this.machine.connect({ endpoint: device.endpoint });
  }

  /** A frame of the device. */
  hear(frame: Uint8Array): Drop {
    const datagram = encodeGre({ protocol: GreProtocol.ethernet, key: this.device.key }, frame);
    return this.machine.handleDatagram(datagram, this.device.endpoint, this.now);
  }

  /** A packet of ours to the device. */
  seal(payload: Uint8Array): Drop {
    const protocol = payload[0]! >>> 4 === 4 ? EtherType.ipv4 : EtherType.ipv6;
    return this.machine.seal(this.device.id, { protocol, payload, forwarded: false }, this.now);
  }

  /** To `now` in one step, or by each deadline up to then. */
  advance(millis: Millis): void {
    const end = this.now + millis;
    for (
      let at = this.machine.pollTimeout();
      at !== undefined && at <= end;
      at = this.machine.pollTimeout()
    ) {
      this.now = at;
      this.machine.handleTimeout(at);
    }
    this.now = end;
  }

  outputs(): EncapsulationOutput[] {
    const outputs: EncapsulationOutput[] = [];
    for (let output = this.machine.poll(); output !== undefined; output = this.machine.poll()) {
      outputs.push(output);
    }
    return outputs;
  }

  /** Frames for the device since the last look; all else is passed over. */
  frames(): Uint8Array[] {
    return this.outputs().flatMap((output) => {
      if (output.type !== "transmit") return [];
      const gre = decodeGre(output.datagram);
      if (typeof gre === "number" || gre.protocol !== GreProtocol.ethernet) {
        throw new Error("no frame in GRE");
      }
      return [gre.payload];
    });
  }

  /** IP packets for the node since the last look. */
  packets(): Uint8Array[] {
    return this.outputs().flatMap((output) => output.type === "packet" ? [output.packet.payload] : []);
  }
}

export function udpPacket(from: string, to: string, length = 3): Uint8Array {
  const payload = new Uint8Array(length).fill(7);
  return encodeUdp({ source: ip(from), destination: ip(to) }, {
    sourcePort: 7,
    destinationPort: 9,
    payload,
  });
}

export function udpFrame(
  from: string,
  to: string,
  macs: { readonly from: Uint8Array; readonly to: Uint8Array },
): Uint8Array {
  const packet = udpPacket(from, to);
  const type = packet[0]! >>> 4 === 4 ? EtherType.ipv4 : EtherType.ipv6;
  return encodeEthernet(macs.to, macs.from, type, packet);
}
