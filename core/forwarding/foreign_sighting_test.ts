import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { formatAddress } from "../wire/address.ts";
import { decodeArp } from "../wire/arp.ts";
import { concatBytes } from "../wire/bytes.ts";
import { hex } from "../wire/captured_packets.ts";
import { decodeEthernet, encodeEthernet, type EthernetFrame, EtherType } from "../wire/ethernet.ts";
import { buildIcmp } from "../wire/icmp.ts";
import { decodeIpv6 } from "../wire/ipv6.ts";
import { macOfGroup } from "../wire/mac.ts";
import { decodeSolicitation, solicitedNode } from "../wire/ndp.ts";
import { questionFor, questionMac } from "./foreign_question.ts";
import { isDeviceMac, sightingIn, soughtIn, sourceIn } from "./foreign_sighting.ts";
import { farMac, frameOf, ip, macOf } from "./link_fixture.ts";

const parsed = (frame: Uint8Array): EthernetFrame => {
  const ethernet = decodeEthernet(frame);
  assert.ok(typeof ethernet === "object");
  return ethernet;
};

interface ArpSpec {
  readonly operation?: number;
  readonly sender?: string;
  readonly senderMac?: Uint8Array;
  readonly target?: string;
  readonly mac?: Uint8Array;
}

function arp(spec: ArpSpec): EthernetFrame {
  const { operation = 1, sender = "192.168.50.9", mac = farMac, senderMac = mac, target = "192.168.50.2" } =
    spec;
  const message = concatBytes(
    ...[hex("00010800060400"), Uint8Array.of(operation), senderMac, ip(sender).bytes],
    ...[new Uint8Array(6), ip(target).bytes],
  );
  return parsed(encodeEthernet(macOf("ff:ff:ff:ff:ff:ff"), mac, EtherType.arp, message));
}

function neighbour(type: number, source: string, target: string, hopLimit = 255): EthernetFrame {
  const destination = solicitedNode(ip(target));
  const body = concatBytes(ip(target).bytes, hex("0201"), farMac);
  const route = { source: ip(source), destination, hopLimit };
  const packet = buildIcmp(route, { type, code: 0, rest: 0 }, body);
  return parsed(encodeEthernet(macOfGroup(destination), farMac, EtherType.ipv6, packet));
}

const claims = (frame: EthernetFrame) => sightingIn(frame)?.addresses.map(formatAddress);

test("what a device says of itself in ARP and neighbour discovery is learned", () => {
  assert.deepEqual(claims(arp({})), ["192.168.50.9"]);
  assert.deepEqual(claims(arp({ operation: 2 })), ["192.168.50.9"]);
  assert.deepEqual(claims(neighbour(135, "2001:db8::9", "2001:db8::1")), ["2001:db8::9"]);
  assert.deepEqual(claims(neighbour(136, "fe80::9", "2001:db8::9")), ["2001:db8::9"]);
});

test("probes, link-local addresses, lies about the MAC, packets from afar and IP sources teach no address", () => {
  assert.deepEqual(claims(arp({ sender: "0.0.0.0" })), []);
  assert.deepEqual(claims(arp({ senderMac: macOf("52:54:00:00:00:77") })), []);
  assert.deepEqual(claims(arp({ sender: "127.0.0.1" })), []);
  assert.deepEqual(claims(neighbour(135, "fe80::9", "2001:db8::1")), []);
  assert.deepEqual(claims(neighbour(136, "2001:db8::9", "2001:db8::9", 64)), []);
  const packet = parsed(frameOf({ from: "8.8.8.8", to: "10.40.0.2", fromMac: "52:54:00:00:00:09" }));
  assert.deepEqual(claims(packet), []);
  assert.equal(formatAddress(sourceIn(packet)!), "8.8.8.8");
});

test("a MAC that stands for an address, a group's and none at all are no device's", () => {
  for (const mac of ["10.40.0.2", "fd00::1"]) {
    assert.equal(sightingIn(arp({ mac: macOf(mac) })), undefined, mac);
  }
  for (const mac of ["01:00:5e:00:00:01", "00:00:00:00:00:00"]) assert.ok(!isDeviceMac(macOf(mac)), mac);
  assert.ok(isDeviceMac(farMac));
});

test("questions name whom they seek; probes, replies and announcements seek nobody", () => {
  const sought = (frame: EthernetFrame) => {
    const address = soughtIn(frame);
    return address && formatAddress(address);
  };
  assert.equal(sought(arp({})), "192.168.50.2");
  assert.equal(sought(neighbour(135, "2001:db8::9", "2001:db8::1")), "2001:db8::1");
  for (const none of [{ operation: 2 }, { sender: "0.0.0.0" }, { target: "192.168.50.9" }]) {
    assert.equal(sought(arp(none)), undefined);
  }
  assert.equal(sought(neighbour(136, "2001:db8::9", "2001:db8::9")), undefined);
  assert.equal(sought(arp({ target: "169.254.1.1" })), undefined);
});

test("the node asks from a MAC that nobody has, and as no rival", () => {
  const four = parsed(questionFor(ip("192.168.50.9")));
  assert.deepEqual(four.source, questionMac);
  const message = decodeArp(four.payload);
  assert.ok(typeof message === "object");
  assert.deepEqual([formatAddress(message.sender), formatAddress(message.target)], [
    "0.0.0.0",
    "192.168.50.9",
  ]);
  const six = decodeIpv6(parsed(questionFor(ip("2001:db8::9"))).payload);
  assert.ok(typeof six === "object");
  const solicitation = decodeSolicitation(six);
  assert.ok(typeof solicitation === "object" && !solicitation.isProbe);
  assert.equal(formatAddress(solicitation.source), "fe80::85e:ff:fe00:0");
});
