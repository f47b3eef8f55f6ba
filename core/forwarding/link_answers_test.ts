import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { formatAddress } from "../wire/address.ts";
import { decodeArp } from "../wire/arp.ts";
import { concatBytes } from "../wire/bytes.ts";
import { hex } from "../wire/captured_packets.ts";
import { decodeEthernet, encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { writeU16 } from "../wire/field.ts";
import { buildIcmp } from "../wire/icmp.ts";
import { encodeIp } from "../wire/ip.ts";
import { decodeIpv6 } from "../wire/ipv6.ts";
import { formatMac, macOfAddress, macOfGroup } from "../wire/mac.ts";
import { solicitedNode } from "../wire/ndp.ts";
import type { LinkDecision, LinkView } from "./link.ts";
import { ip, linkView, macOf } from "./link_fixture.ts";
import { frameFromPort } from "./link_from_port.ts";

const handled: LinkDecision = { to: "handled" };
const dropped = (drop: Drop): LinkDecision => ({ to: "nowhere", drop });

interface ArpSpec {
  readonly sender?: string;
  readonly target: string;
  readonly operation?: number;
  readonly mac?: string;
  readonly senderMac?: string;
  readonly toMac?: string;
}

/** From 10.40.0.2 on its interface unless it says otherwise. */
function arpFrame(spec: ArpSpec): Uint8Array {
  const { sender = "10.40.0.2", mac = "10.40.0.2", senderMac = mac, toMac = "ff:ff:ff:ff:ff:ff" } = spec;
  const message = concatBytes(
    ...[hex("00010800060400"), Uint8Array.of(spec.operation ?? 1)],
    ...[macOf(senderMac), ip(sender).bytes, new Uint8Array(6), ip(spec.target).bytes],
  );
  return encodeEthernet(macOf(toMac), macOf(mac), EtherType.arp, message);
}

const askArp = (spec: ArpSpec) => frameFromPort(arpFrame(spec), linkView());

/** "to: what is told", or the decision. */
function arpAnswer(decision: LinkDecision): string | LinkDecision {
  if (decision.to !== "answer") return decision;
  const frame = decodeEthernet(decision.frame);
  assert.ok(typeof frame === "object" && frame.etherType === EtherType.arp);
  const message = decodeArp(frame.payload);
  assert.ok(typeof message === "object" && message.operation === "reply");
  assert.deepEqual(message.senderMac, frame.source);
  return `${formatMac(frame.destination)}: ${formatAddress(message.sender)} ${formatMac(message.senderMac)}`;
}

interface SolicitationSpec {
  readonly source?: string;
  readonly target: string;
  readonly mac?: string;
  /** Absent: to the group of the target. */
  readonly toMac?: string;
  readonly hopLimit?: number;
}

function solicitation(spec: SolicitationSpec): Uint8Array {
  const { source = "fd00:40::2", mac = "10.40.0.2", hopLimit = 255 } = spec;
  const target = ip(spec.target);
  const destination = spec.toMac === undefined ? solicitedNode(target) : target;
  const option = source === "::" ? hex("") : concatBytes(hex("0101"), macOf(mac));
  const route = { source: ip(source), destination, hopLimit };
  const packet = buildIcmp(route, { type: 135, code: 0, rest: 0 }, concatBytes(target.bytes, option));
  const toMac = spec.toMac === undefined ? macOfGroup(destination) : macOf(spec.toMac);
  return encodeEthernet(toMac, macOf(mac), EtherType.ipv6, packet);
}

const solicit = (spec: SolicitationSpec, view: LinkView = linkView()) =>
  frameFromPort(solicitation(spec), view);

/** "to which MAC and address: what is told, and the flags R, S, O", or the decision. */
function advertised(decision: LinkDecision): string | LinkDecision {
  if (decision.to !== "answer") return decision;
  const frame = decodeEthernet(decision.frame);
  const packet = typeof frame === "object" ? decodeIpv6(frame.payload) : frame;
  assert.ok(typeof frame === "object" && typeof packet === "object" && packet.hopLimit === 255);
  assert.equal(packet.payload[0], 136);
  const target = formatAddress({ family: 6, bytes: packet.payload.subarray(8, 24) });
  assert.equal(formatAddress(packet.source), target);
  assert.deepEqual(packet.payload.subarray(24, 26), hex("0201"));
  assert.deepEqual(packet.payload.subarray(26), frame.source);
  const flags = (packet.payload[4]! >>> 5).toString(2).padStart(3, "0");
  const receiver = `${formatMac(frame.destination)} ${formatAddress(packet.destination)}`;
  return `${receiver}: ${target} ${formatMac(frame.source)} ${flags}`;
}

test("ARP for an address that another has is answered with the MAC it stands for, also to a unicast question", () => {
  const answer = "0a:5e:0a:28:00:02: 10.41.0.9 0a:5e:0a:29:00:09";
  assert.equal(arpAnswer(askArp({ target: "10.41.0.9" })), answer);
  assert.equal(arpAnswer(askArp({ target: "10.41.0.9", toMac: "10.41.0.9" })), answer);
  const device = askArp({ target: "192.168.7.1" });
  assert.equal(arpAnswer(device), "0a:5e:0a:28:00:02: 192.168.7.1 0a:5e:c0:a8:07:01");
});

test("ARP for an address inside the process is answered, also to a probe", () => {
  const told = "0a:5e:0a:28:00:02: 10.40.0.1 0a:5e:0a:28:00:01";
  assert.equal(arpAnswer(askArp({ target: "10.40.0.1" })), told);
  assert.equal(arpAnswer(askArp({ sender: "0.0.0.0", target: "10.40.0.1" })), told);
});

test("ARP for our own range, for nobody's, and probes for others are not answered, and cross nothing", () => {
  for (const target of ["10.40.0.3", "10.40.0.99", "192.0.2.1"]) {
    assert.deepEqual(askArp({ target }), handled);
  }
  assert.deepEqual(askArp({ sender: "0.0.0.0", target: "10.41.0.9" }), handled);
  assert.deepEqual(askArp({ sender: "0.0.0.0", target: "10.40.0.3" }), handled);
});

test("announcements and replies cross nothing", () => {
  assert.deepEqual(askArp({ target: "10.40.0.2" }), handled);
  assert.deepEqual(askArp({ target: "10.41.0.9", operation: 2 }), handled);
  assert.deepEqual(askArp({ target: "10.41.0.9", operation: 2, toMac: "10.41.0.9" }), handled);
});

test("who lies about its MAC or its address in ARP is a bad source", () => {
  const lies: ArpSpec[] = [
    { target: "10.41.0.9", senderMac: "02:42:ac:11:00:02" },
    { target: "10.41.0.9", sender: "10.40.0.3" },
    { target: "10.40.0.1", sender: "10.40.0.1" },
    { target: "10.41.0.9", sender: "10.41.0.8", operation: 2 },
    { target: "10.41.0.9", sender: "0.0.0.0", senderMac: "10.41.0.9" },
  ];
  for (const lie of lies) assert.deepEqual(askArp(lie), dropped(Drop.badSource), JSON.stringify(lie));
  const own = { target: "10.41.0.9", sender: "10.40.0.3", mac: "02:42:ac:11:00:02" };
  assert.equal(arpAnswer(askArp(own)), "02:42:ac:11:00:02: 10.41.0.9 0a:5e:0a:29:00:09");
});

test("ARP that is malformed or tagged is dropped", () => {
  const frame = arpFrame({ target: "10.41.0.9" });
  assert.deepEqual(frameFromPort(frame.subarray(0, 41), linkView()), dropped(Drop.malformed));
  const tagged = concatBytes(frame.subarray(0, 12), hex("81000064"), frame.subarray(12));
  assert.deepEqual(frameFromPort(tagged, linkView()), dropped(Drop.unsupported));
});

test("a solicitation for what another has is answered as by a proxy: solicited, and not to override", () => {
  const mac = formatMac(macOfAddress(ip("fd00:41::9")));
  const answer = `0a:5e:0a:28:00:02 fd00:40::2: fd00:41::9 ${mac} 010`;
  assert.equal(advertised(solicit({ target: "fd00:41::9" })), answer);
  assert.equal(advertised(solicit({ target: "fd00:41::9", toMac: "fd00:41::9" })), answer);
});

test("a solicitation from a link-local address is answered to it", () => {
  const source = "fe80::85e:aff:fe28:2";
  const told = advertised(solicit({ source, target: "fd00:41::9" }));
  assert.equal(typeof told, "string");
  assert.ok(String(told).startsWith(`0a:5e:0a:28:00:02 ${source}: fd00:41::9 `));
});

test("a solicitation for an address inside the process is answered as by its holder", () => {
  const mac = formatMac(macOfAddress(ip("fd00:40::1")));
  const answer = `0a:5e:0a:28:00:02 fd00:40::2: fd00:40::1 ${mac} 011`;
  assert.equal(advertised(solicit({ target: "fd00:40::1" })), answer);
});

test("a search for duplicates is answered to all for addresses inside the process, and not for others", () => {
  const mac = formatMac(macOfAddress(ip("fd00:40::1")));
  const found = advertised(solicit({ source: "::", target: "fd00:40::1" }));
  assert.equal(found, `33:33:00:00:00:01 ff02::1: fd00:40::1 ${mac} 001`);
  for (const target of ["fd00:41::9", "fd00:40::2", "fd00:40::99", "fe80::85e:aff:fe28:2"]) {
    assert.deepEqual(solicit({ source: "::", target }), handled, target);
  }
});

test("solicitations for our own range and for nobody's are not answered", () => {
  for (const target of ["fd00:40::3", "fd00:40::99", "2001:db8::1", "fe80::85e:aff:fe28:3"]) {
    assert.deepEqual(solicit({ target }), handled, target);
  }
});

test("what was answered for elsewhere is remembered as a next hop, and nothing else is", () => {
  const view = linkView();
  solicit({ target: "fd00:40::1" }, view);
  solicit({ source: "::", target: "fd00:41::8" }, view);
  solicit({ target: "fd00:40::99" }, view);
  assert.equal(view.neighbours.size, 0);
  solicit({ target: "fd00:41::9" }, view);
  assert.deepEqual(view.neighbours.addressOf(macOf("fd00:41::9")), ip("fd00:41::9"));
});

test("a solicitation from another's address, from afar, or with a wrong checksum is dropped", () => {
  assert.deepEqual(solicit({ source: "fd00:40::3", target: "fd00:41::9" }), dropped(Drop.badSource));
  assert.deepEqual(solicit({ source: "fd00:41::8", target: "fd00:41::9" }), dropped(Drop.badSource));
  assert.deepEqual(solicit({ target: "fd00:41::9", hopLimit: 64 }), dropped(Drop.malformed));
  const frame = solicitation({ target: "fd00:41::9" });
  writeU16(frame, 14 + 40 + 2, 0x1234);
  assert.deepEqual(frameFromPort(frame, linkView()), dropped(Drop.badChecksum));
});

/** An ICMPv6 message of 10.40.0.2's interface with 24 bytes of body, to all nodes. */
function message(type: number): Uint8Array {
  const route = { source: ip("fe80::85e:aff:fe28:2"), destination: ip("ff02::1"), hopLimit: 255 };
  const packet = buildIcmp(route, { type, code: 0, rest: 0 }, new Uint8Array(24));
  return encodeEthernet(macOf("33:33:00:00:00:01"), macOf("10.40.0.2"), EtherType.ipv6, packet);
}

test("advertisements of neighbours, questions for routers and memberships in groups stay on the link", () => {
  for (const type of [130, 131, 132, 133, 136, 143]) {
    assert.deepEqual(frameFromPort(message(type), linkView()), handled, `ICMPv6 type ${type}`);
  }
  const route = { source: ip("10.40.0.2"), destination: ip("224.0.0.22"), protocol: 2 };
  const igmp = encodeEthernet(
    macOf("01:00:5e:00:00:16"),
    macOf("10.40.0.2"),
    EtherType.ipv4,
    encodeIp(route, new Uint8Array(16)),
  );
  assert.deepEqual(frameFromPort(igmp, linkView()), handled);
});

test("router advertisements and redirects of an endpoint are refused, also behind a tag", () => {
  for (const type of [134, 137]) {
    const frame = message(type);
    assert.deepEqual(frameFromPort(frame, linkView()), dropped(Drop.unsupported));
    const tagged = concatBytes(frame.subarray(0, 12), hex("81000064"), frame.subarray(12));
    assert.deepEqual(frameFromPort(tagged, linkView()), dropped(Drop.unsupported));
  }
});

test("for a device elsewhere the answer is the MAC that it has, and for one behind our bridge there is none", () => {
  assert.equal(
    arpAnswer(askArp({ target: "192.168.50.9" })),
    "0a:5e:0a:28:00:02: 192.168.50.9 52:54:00:00:00:09",
  );
  const asker = { sender: "192.168.50.2", mac: "52:54:00:00:00:02" };
  assert.equal(
    arpAnswer(askArp({ ...asker, target: "10.41.0.9" })),
    "52:54:00:00:00:02: 10.41.0.9 0a:5e:0a:29:00:09",
  );
  assert.deepEqual(askArp({ target: "192.168.50.2" }), handled);
});
