import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import type { Address } from "../contracts/values.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { concatBytes, copyBytes } from "./bytes.ts";
import { groupReport, neighbour, ping, routerSolicitation } from "./captured_frames.ts";
import { echo6, fragments6, hex, tcp6, udp6 } from "./captured_packets.ts";
import { decodeEthernet, encodeEthernet, EtherType } from "./ethernet.ts";
import { writeU16 } from "./field.ts";
import { buildIcmp } from "./icmp.ts";
import { decodeIp, encodeIp, type IpPacket } from "./ip.ts";
import { decodeIpv6, type Ipv6Packet } from "./ipv6.ts";
import { macOfGroup, parseMac } from "./mac.ts";
import {
  allNodes,
  decodeAdvertisement,
  decodeSolicitation,
  encodeAdvertisement,
  encodeSolicitation,
  icmpv6Type,
  isLinkLocalOf,
  isLinkMessage,
  type NeighbourSolicitation,
  solicitedNode,
} from "./ndp.ts";

const ip = (text: string) => parseAddress(text)!;
const one = ip("fd00::1");
const seven = ip("fd00::7");
const sevensMac = parseMac("0a:5e:0a:20:00:07")!;
const nobody = ip("::");

function packetIn(frame: Uint8Array): Ipv6Packet {
  const ethernet = decodeEthernet(frame);
  assert.ok(typeof ethernet === "object");
  const packet = decodeIpv6(ethernet.payload);
  assert.ok(typeof packet === "object", `drop ${packet}`);
  return packet;
}

function solicitationIn(frame: Uint8Array): NeighbourSolicitation {
  const solicitation = decodeSolicitation(packetIn(frame));
  assert.ok(typeof solicitation === "object", `drop ${solicitation}`);
  return solicitation;
}

interface Parts {
  readonly source?: Address;
  readonly destination?: Address;
  readonly hopLimit?: number;
  readonly code?: number;
  readonly target?: Address;
  readonly options?: Uint8Array;
}

/** A solicitation with a right checksum, decoded. */
function solicit(parts: Parts): NeighbourSolicitation | Drop {
  const { source = one, target = seven, destination = solicitedNode(target) } = parts;
  const body = concatBytes(target.bytes, parts.options ?? new Uint8Array(0));
  const route = { source, destination, hopLimit: parts.hopLimit ?? 255 };
  const packet = decodeIpv6(buildIcmp(route, { type: 135, code: parts.code ?? 0, rest: 0 }, body));
  assert.ok(typeof packet === "object");
  return decodeSolicitation(packet);
}

test("solicitations of the kernel are read: of many, of one, and for duplicates", () => {
  assert.deepEqual(solicitationIn(neighbour.solicitation), { source: one, target: seven, isProbe: false });
  const source = ip("fe80::85e:aff:fe20:7");
  assert.deepEqual(solicitationIn(neighbour.unicast), { source, target: one, isProbe: false });
  assert.deepEqual(solicitationIn(neighbour.probe), { source: nobody, target: seven, isProbe: true });
});

test("our advertisement is the kernel's bit for bit", () => {
  const packet = encodeAdvertisement(solicitationIn(neighbour.solicitation), {
    target: seven,
    mac: sevensMac,
    override: true,
  });
  const one = parseMac("0a:5e:0a:20:00:01")!;
  assert.deepEqual(encodeEthernet(one, sevensMac, EtherType.ipv6, packet), neighbour.advertisement);
});

test("who asked is answered with Solicited, a probe to all nodes without, and Override as it is told", () => {
  const flagsOf = (frame: Uint8Array, override: boolean) => {
    const bytes = encodeAdvertisement(solicitationIn(frame), { target: seven, mac: sevensMac, override });
    const packet = decodeIp(bytes);
    assert.ok(typeof packet === "object" && packet.hopLimit === 255);
    return [formatAddress(packet.destination), packet.payload[4]! >>> 5];
  };
  assert.deepEqual(flagsOf(neighbour.solicitation, true), ["fd00::1", 0b011]);
  assert.deepEqual(flagsOf(neighbour.solicitation, false), ["fd00::1", 0b010]);
  assert.deepEqual(flagsOf(neighbour.probe, true), ["ff02::1", 0b001]);
  assert.deepEqual(flagsOf(neighbour.probe, false), ["ff02::1", 0b000]);
});

test("a solicitation that crossed a router, or has a code, a group as target or too little, is malformed", () => {
  assert.equal(typeof solicit({}), "object");
  assert.equal(solicit({ hopLimit: 254 }), Drop.malformed);
  assert.equal(solicit({ code: 1 }), Drop.malformed);
  assert.equal(solicit({ target: allNodes, destination: one }), Drop.malformed);
  for (const length of [0, 8, 15]) {
    const cut = buildIcmp(
      { source: one, destination: seven, hopLimit: 255 },
      { type: 135, code: 0, rest: 0 },
      new Uint8Array(length),
    );
    const packet = decodeIpv6(cut);
    assert.ok(typeof packet === "object");
    assert.equal(decodeSolicitation(packet), Drop.malformed);
  }
});

test("options have a length and end with the message", () => {
  assert.equal(typeof solicit({ options: hex("0101020304050607 0e01000000000000 6302") }), "number");
  assert.equal(
    typeof solicit({ options: hex("0101020304050607 6302000000000000 0000000000000000") }),
    "object",
  );
  for (const options of ["0100000000000000", "01", "0102020304050607", "0101020304", "010102030405060700"]) {
    assert.equal(solicit({ options: hex(options) }), Drop.malformed, options);
  }
});

test("another message is no solicitation", () => {
  for (const frame of [neighbour.advertisement, routerSolicitation, groupReport]) {
    assert.equal(decodeSolicitation(packetIn(frame)), Drop.unsupported);
  }
});

test("a probe goes to the group of its target and tells no MAC", () => {
  assert.equal(typeof solicit({ source: nobody }), "object");
  assert.equal(solicit({ source: nobody, destination: seven }), Drop.malformed);
  assert.equal(solicit({ source: nobody, destination: allNodes }), Drop.malformed);
  assert.equal(solicit({ source: nobody, destination: solicitedNode(one) }), Drop.malformed);
  assert.equal(solicit({ source: nobody, options: hex("0101020304050607") }), Drop.malformed);
  assert.equal(typeof solicit({ source: nobody, options: hex("0e01000000000000") }), "object");
});

test("our solicitation is the kernel's bit for bit", () => {
  const firstsMac = parseMac("0a:5e:0a:20:00:01")!;
  assert.deepEqual(
    encodeSolicitation(seven, one, firstsMac),
    copyBytes(packetIn(neighbour.solicitation).bytes),
  );
});

test("the advertisement of the kernel is read, and ours with and without Override", () => {
  const told = decodeAdvertisement(packetIn(neighbour.advertisement));
  assert.ok(typeof told === "object");
  assert.deepEqual({ ...told, mac: copyBytes(told.mac!) }, { target: seven, mac: sevensMac, override: true });
  const weaker = encodeAdvertisement({ source: one, target: seven, isProbe: false }, {
    ...{ target: seven, mac: sevensMac, override: false },
  });
  const packet = decodeIpv6(weaker);
  assert.ok(typeof packet === "object");
  const read = decodeAdvertisement(packet);
  assert.ok(typeof read === "object" && !read.override);
});

test("an advertisement without a MAC is one, and what RFC 4861 forbids of it is malformed", () => {
  const advertise = (
    options: Uint8Array,
    { rest = 0x6000_0000, hopLimit = 255, to = one, target = seven } = {},
  ) => {
    const body = concatBytes(target.bytes, options);
    const packet = decodeIpv6(
      buildIcmp({ source: seven, destination: to, hopLimit }, { type: 136, code: 0, rest }, body),
    );
    assert.ok(typeof packet === "object");
    return decodeAdvertisement(packet);
  };
  const none = new Uint8Array(0);
  assert.deepEqual(advertise(none), { target: seven, mac: undefined, override: true });
  assert.equal(advertise(none, { to: allNodes }), Drop.malformed, "solicited by all");
  assert.deepEqual(advertise(none, { to: allNodes, rest: 0 }), {
    target: seven,
    mac: undefined,
    override: false,
  });
  assert.equal(advertise(none, { hopLimit: 254 }), Drop.malformed);
  assert.equal(advertise(none, { target: allNodes }), Drop.malformed);
  assert.equal(advertise(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0)), Drop.malformed);
  assert.equal(
    advertise(concatBytes(Uint8Array.of(2, 2), new Uint8Array(14))),
    Drop.malformed,
    "14 bytes of MAC",
  );
  assert.equal(decodeAdvertisement(packetIn(neighbour.solicitation)), Drop.unsupported);
});

test("any changed bit of a solicitation behind its type is a bad checksum", () => {
  for (let bit = 8 * 41; bit < 8 * (neighbour.solicitation.length - 14); bit++) {
    const bytes = copyBytes(neighbour.solicitation, 14);
    bytes[bit >>> 3]! ^= 0x80 >>> (bit & 7);
    const packet = decodeIpv6(bytes);
    assert.ok(typeof packet === "object");
    assert.equal(decodeSolicitation(packet), Drop.badChecksum, `bit ${bit}`);
  }
});

test("a solicitation in fragments is malformed", () => {
  const whole = packetIn(neighbour.solicitation);
  const body = concatBytes(hex("3a00000100000001"), whole.payload);
  const route = { source: one, destination: whole.destination, hopLimit: 255 };
  const packet = decodeIpv6(encodeIp({ ...route, protocol: 44 }, body));
  assert.ok(typeof packet === "object" && packet.isFragment);
  assert.equal(decodeSolicitation(packet), Drop.malformed);
});

test("the group of an address ends in its last 24 bits, in a MAC in 32 bits of that", () => {
  assert.equal(formatAddress(solicitedNode(ip("fd00::12:3456:789a"))), "ff02::1:ff56:789a");
  assert.deepEqual(macOfGroup(solicitedNode(seven)), copyBytes(neighbour.solicitation, 0, 6));
});

test("a link-local address is of the MAC that it is made of, and of no other", () => {
  const address = ip("fe80::85e:aff:fe20:7");
  assert.ok(isLinkLocalOf(address, sevensMac));
  const property = fc.property(fc.nat(127), fc.nat(47), fc.boolean(), (bit, macBit, isAddress) => {
    const bytes = copyBytes(address.bytes);
    const mac = copyBytes(sevensMac);
    if (isAddress) bytes[bit >>> 3]! ^= 0x80 >>> (bit & 7);
    else mac[macBit >>> 3]! ^= 0x80 >>> (macBit & 7);
    assert.ok(!isLinkLocalOf({ family: 6, bytes }, mac));
  });
  fc.assert(property, { seed: 1, numRuns: 500 });
  assert.ok(!isLinkLocalOf(ip("169.254.0.7"), sevensMac));
});

test("what neighbours tell each other is known, and nothing else is", () => {
  for (const frame of [groupReport, routerSolicitation, ...Object.values(neighbour)]) {
    assert.ok(isLinkMessage(packetIn(frame)));
  }
  const decoded = (bytes: Uint8Array): IpPacket => {
    const packet = decodeIp(bytes);
    assert.ok(typeof packet === "object", `drop ${packet}`);
    return packet;
  };
  for (const bytes of [udp6, tcp6, echo6.request, ...fragments6, ping.one.subarray(14)]) {
    assert.ok(!isLinkMessage(decoded(bytes)));
  }
  const igmp = encodeIp(
    { source: ip("10.32.0.1"), destination: ip("224.0.0.22"), protocol: 2 },
    new Uint8Array(8),
  );
  assert.ok(isLinkMessage(decoded(igmp)));
  const types = [...Array(256).keys()].filter((type) =>
    isLinkMessage(
      decoded(buildIcmp({ source: one, destination: seven }, { type, code: 0, rest: 0 }, hex(""))),
    )
  );
  const neighbours = [130, 131, 132, 133, 134, 135, 136, 137, 141, 142, 143, 148, 149, 151, 152, 153];
  assert.deepEqual(types, neighbours);
});

test("a first fragment is judged by its type, a message without one is between neighbours, later fragments are not", () => {
  const fragment = (field: number, rest: string) => {
    const header = hex("3a00000000000001");
    writeU16(header, 2, field);
    const packet = decodeIp(
      encodeIp({ source: one, destination: seven, protocol: 44 }, concatBytes(header, hex(rest))),
    );
    assert.ok(typeof packet === "object", `drop ${packet}`);
    return packet;
  };
  assert.ok(isLinkMessage(fragment(0, "")));
  assert.ok(isLinkMessage(fragment(1, "8600000000000000")));
  assert.ok(!isLinkMessage(fragment(1, "8000000000000000")));
  assert.ok(!isLinkMessage(fragment(9, "8600000000000000")));
});

test("the type is told of ICMPv6 alone", () => {
  assert.equal(icmpv6Type(packetIn(routerSolicitation)), 133);
  for (const bytes of [udp6, fragments6[1], ping.one.subarray(14)]) {
    const packet = decodeIp(bytes);
    assert.ok(typeof packet === "object");
    assert.equal(icmpv6Type(packet), undefined);
  }
});
