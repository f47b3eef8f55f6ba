/**
 * ARP for IPv4 over Ethernet (RFC 826, RFC 5227).
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |     Hardware Type: 1          |    Protocol Type: 0x0800      |
 *    |  HW Length: 6 | Proto. Len: 4 |           Operation           |
 *    |                      Sender MAC (6 bytes)                     |
 *    |                     Sender address (4 bytes)                  |
 *    |                      Target MAC (6 bytes)                     |
 *    |                     Target address (4 bytes)                  |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { Drop } from "../contracts/drop.ts";
import type { Address } from "../contracts/values.ts";
import { sameAddress } from "./address.ts";
import { copyBytes } from "./bytes.ts";
import { ethernetHeaderLength, EtherType } from "./ethernet.ts";
import { readU16, writeU16 } from "./field.ts";
import { broadcastMac, macLength } from "./mac.ts";

const messageLength = 28;
const ethernetHardware = 1;
const operations = { 1: "request", 2: "reply" } as const;
const operationNumbers = { request: 1, reply: 2 } as const;
/** What a request says of the MAC that it asks for. */
const noMac = new Uint8Array(macLength);

export interface ArpMessage {
  readonly operation: "request" | "reply";
  /** A view of the message. */
  readonly senderMac: Uint8Array;
  /** A copy, as `target` is. 0.0.0.0 in a probe (RFC 5227 §2.1.1). */
  readonly sender: Address;
  readonly target: Address;
}

/** The message in the payload of a frame, whose padding is ignored. */
export function decodeArp(payload: Uint8Array): ArpMessage | Drop {
  if (payload.length < messageLength) return Drop.malformed;
  if (readU16(payload, 0) !== ethernetHardware || readU16(payload, 2) !== EtherType.ipv4) {
    return Drop.unsupported;
  }
  if (payload[4] !== macLength || payload[5] !== 4) return Drop.malformed;
  const operation = operations[readU16(payload, 6) as 1 | 2];
  if (operation === undefined) return Drop.unsupported;
  return {
    operation,
    senderMac: payload.subarray(8, 14),
    sender: { family: 4, bytes: copyBytes(payload, 14, 18) },
    target: { family: 4, bytes: copyBytes(payload, 24, 28) },
  };
}

/** An announcement, or "gratuitous ARP": it asks nothing, it tells who the sender is (RFC 5227 §2.3). */
export function isAnnouncement({ sender, target }: ArpMessage): boolean {
  return sameAddress(sender, target);
}

/** The frame that tells who sent `request` that its target is at `mac`. Without padding. */
export function encodeArpReply(request: ArpMessage, mac: Uint8Array): Uint8Array<ArrayBuffer> {
  const asker = { address: request.sender, mac: request.senderMac };
  return encodeArp(operationNumbers.reply, { address: request.target, mac }, asker, request.senderMac);
}

/** An address, and the 6-byte MAC that it is at. */
export interface ArpStation {
  readonly address: Address;
  readonly mac: Uint8Array;
}

/** The frame to all that asks who has `target`. Without padding. */
export function encodeArpRequest(sender: ArpStation, target: Address): Uint8Array<ArrayBuffer> {
  return encodeArp(operationNumbers.request, sender, { address: target, mac: noMac }, broadcastMac);
}

function encodeArp(
  operation: number,
  sender: ArpStation,
  target: ArpStation,
  destination: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(ethernetHeaderLength + messageLength);
  frame.set(destination);
  frame.set(sender.mac, macLength);
  writeU16(frame, 2 * macLength, EtherType.arp);
  const at = ethernetHeaderLength;
  writeU16(frame, at, ethernetHardware);
  writeU16(frame, at + 2, EtherType.ipv4);
  writeU16(frame, at + 4, (macLength << 8) | 4);
  writeU16(frame, at + 6, operation);
  frame.set(sender.mac, at + 8);
  frame.set(sender.address.bytes, at + 14);
  frame.set(target.mac, at + 18);
  frame.set(target.address.bytes, at + 24);
  return frame;
}
