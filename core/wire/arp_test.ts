import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { type ArpMessage, decodeArp, encodeArpReply, encodeArpRequest, isAnnouncement } from "./arp.ts";
import { concatBytes, copyBytes } from "./bytes.ts";
import { arp } from "./captured_frames.ts";
import { formatMac, parseMac } from "./mac.ts";

function decode(frame: Uint8Array): ArpMessage {
  const message = decodeArp(frame.subarray(14));
  assert.ok(typeof message === "object", `drop ${message}`);
  return message;
}

const shown = ({ operation, senderMac, sender, target }: ArpMessage) =>
  `${operation} ${formatMac(senderMac)} ${formatAddress(sender)} ${formatAddress(target)}`;

test("requests, replies and announcements of the kernel are read", () => {
  assert.equal(shown(decode(arp.request)), "request 0a:5e:0a:20:00:01 10.32.0.1 10.32.0.7");
  assert.equal(shown(decode(arp.reply)), "reply 0a:5e:0a:20:00:07 10.32.0.7 10.32.0.1");
  const kinds = [arp.request, arp.unicast, arp.announcement].map((frame) => isAnnouncement(decode(frame)));
  assert.deepEqual(kinds, [false, false, true]);
});

test("our replies are the kernel's bit for bit, also to a probe", () => {
  const seven = parseMac("0a:5e:0a:20:00:07")!;
  assert.deepEqual(encodeArpReply(decode(arp.request), seven), arp.reply);
  const probe = copyBytes(arp.request);
  probe.fill(0, 28, 32);
  assert.deepEqual(encodeArpReply(decode(probe), seven), arp.probeReply);
});

test("our requests are the kernel's bit for bit", () => {
  const sender = { address: parseAddress("10.32.0.1")!, mac: parseMac("0a:5e:0a:20:00:01")! };
  assert.deepEqual(encodeArpRequest(sender, parseAddress("10.32.0.7")!), arp.request);
});

test("padding is ignored, and a cut message is malformed", () => {
  const message = arp.request.subarray(14);
  assert.deepEqual(decodeArp(concatBytes(message, new Uint8Array(18).fill(7))), decodeArp(message));
  for (let length = 0; length < message.length; length++) {
    assert.equal(decodeArp(message.subarray(0, length)), Drop.malformed);
  }
});

test("another medium, protocol, operation or length of addresses is refused", () => {
  const changed = (at: number, value: number) => {
    const message = copyBytes(arp.request, 14);
    message[at] = value;
    return decodeArp(message);
  };
  assert.equal(changed(1, 6), Drop.unsupported, "IEEE 802 in place of Ethernet");
  assert.equal(changed(2, 0x86), Drop.unsupported);
  assert.equal(changed(7, 0), Drop.unsupported);
  assert.equal(changed(7, 3), Drop.unsupported, "reverse ARP");
  assert.equal(changed(6, 1), Drop.unsupported);
  assert.equal(changed(4, 8), Drop.malformed);
  assert.equal(changed(5, 16), Drop.malformed);
});

test("the addresses outlive the frame's buffer", () => {
  const buffer = copyBytes(arp.request);
  const { sender, target } = decode(buffer);
  buffer.fill(0xff);
  assert.deepEqual([formatAddress(sender), formatAddress(target)], ["10.32.0.1", "10.32.0.7"]);
});
