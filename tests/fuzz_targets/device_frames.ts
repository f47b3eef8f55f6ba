/** Fuzz target of the frames that a foreign device sends in GRE: ARP, neighbour discovery and IP, through the whole machine. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { decodeArp } from "../../core/wire/arp.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { arp, groupReport, neighbour, ping, routerSolicitation } from "../../core/wire/captured_frames.ts";
import { hex } from "../../core/wire/captured_packets.ts";
import { decodeEthernet } from "../../core/wire/ethernet.ts";
import { decodeIp } from "../../core/wire/ip.ts";
import { isDerivedMac, macOfAddress } from "../../core/wire/mac.ts";
import { decodeSolicitation } from "../../core/wire/ndp.ts";
import { firstMac, FrameRig, ip, udpFrame, udpPacket } from "../../plugins/gre_udp/ethernet_fixture.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { mendFrame } from "./link.ts";

const drops: ReadonlySet<number> = new Set(Object.values(Drop));
const question = udpPacket("10.32.0.7", "10.32.0.1");
const words = [
  ...["0806", "0800", "86dd", "81000064", "ffffffffffff", "333300000001", "0a200001", "0a200007", "0a200008"],
  ...["00000000", "ff", "3a", "86", "87", "88", "89", "0201", "0101"],
].map(hex);

const deviceFrameTarget: FuzzTarget = {
  name: "device-frame",
  seeds: [
    ...[...Object.values(arp), ...Object.values(neighbour), groupReport, routerSolicitation, ping.one],
    udpFrame("10.32.0.1", "10.32.0.7", { from: firstMac, to: macOfAddress(ip("10.32.0.7")) }),
    udpFrame("fd00::1", "fd00::7", { from: firstMac, to: macOfAddress(ip("fd00::7")) }),
  ],
  words: [...words, ...["10.32.0.7", "fd00::7", "fd00::1"].map((text) => macOfAddress(ip(text)))],
  mend: mendFrame,
  run(input) {
    const rig = new FrameRig();
    rig.seal(question);
    rig.frames();
    const drop = rig.hear(input);
    assert.ok(drops.has(drop));
    const outputs = rig.outputs();
    if (drop !== Drop.none) {
      assert.deepEqual(outputs, []);
      return false;
    }
    assert.ok(outputs.length <= 3, "more than that it is up, an answer, and what has waited");
    for (const output of outputs) {
      if (output.type === "packet") assertInside(input, output.packet.payload);
      if (output.type === "transmit") assertMayLeave(input, output.datagram.subarray(4));
    }
    return true;
  },
};

/** Read again in the plainest way: a packet that goes on is one that the frame had, and none between neighbours. */
function assertInside(input: Uint8Array, packet: Uint8Array): void {
  assert.ok(equalBytes(packet, input.subarray(14, 14 + packet.length)));
  assert.equal(input[0]! & 1, 0, "a frame to a group");
  const read = decodeIp(packet);
  assert.ok(typeof read === "object");
  assert.ok(read.family === 4 || typeof decodeSolicitation(read) === "number");
}

/** From a MAC of ours, and to who has sent the frame or, found to be a duplicate, to all. */
function assertMayLeave(input: Uint8Array, bytes: Uint8Array): void {
  const frame = decodeEthernet(bytes);
  assert.ok(typeof frame === "object" && !frame.isTagged && isDerivedMac(frame.source));
  const asker = input.subarray(6, 12);
  assert.ok(equalBytes(frame.destination, asker) || frame.destination[0] === 0x33);
  if (frame.etherType !== 0x0806) return;
  const message = decodeArp(frame.payload);
  assert.ok(typeof message === "object" && message.operation === "reply");
  assert.ok(equalBytes(message.senderMac, macOfAddress(message.sender)));
}

export const deviceFrameTargets: readonly FuzzTarget[] = [deviceFrameTarget];
