import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { Route } from "../contracts/ipam.ts";
import type { Address, PeerId } from "../contracts/values.ts";
import { deviceAge, mostDevices } from "../forwarding/foreign_devices.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { concatBytes } from "../wire/bytes.ts";
import { hex } from "../wire/captured_packets.ts";
import { encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { broadcastMac, formatMac, macOfAddress, parseMac } from "../wire/mac.ts";
import { formatPrefix, parsePrefix } from "../wire/prefix.ts";
import { Alerts } from "./alerts.ts";
import { EventBus } from "./event_bus.ts";
import { ForeignLinks, tellingAge } from "./foreign_links.ts";
import { decodeForeign, encodeForeign } from "./foreign_message.ts";
import { FakeChannel, FakeLog } from "./node_fixture.ts";

const us = "us" as PeerId;
const ann = "ann" as PeerId;
const bob = "bob" as PeerId;
const ip = (text: string): Address => parseAddress(text)!;
const mac = (number: number) =>
  parseMac(
    `52:54:00:00:${(number >> 8).toString(16).padStart(2, "0")}:${
      (number & 255).toString(16).padStart(2, "0")
    }`,
  )!;
const endpoint = mac(0xff);

/** Who has 192.168.50.2, and is at 192.168.50.<n>. */
function arp(number: number, sender = `192.168.50.${number}`, target = "192.168.50.2"): Uint8Array {
  const message = concatBytes(
    ...[hex("0001080006040001"), mac(number), ip(sender).bytes, new Uint8Array(6), ip(target).bytes],
  );
  return encodeEthernet(broadcastMac, mac(number), EtherType.arp, message);
}

class Rig {
  readonly clock = new SimClock();
  readonly channel = new FakeChannel();
  readonly events = new EventBus(new FakeLog());
  readonly written: Uint8Array[] = [];
  readonly #stop = new AbortController();
  readonly alerts: Alerts;
  readonly links: ForeignLinks;

  constructor(isJoined = true) {
    const { clock, channel, events } = this;
    const { signal } = this.#stop;
    channel.connected = [ann, bob];
    this.alerts = new Alerts({ clock, events, log: new FakeLog() }, signal);
    const routes: Route[] = [
      { prefix: parsePrefix("10.40.0.0/16")!, owner: us },
      { prefix: parsePrefix("10.41.0.0/16")!, owner: ann },
      { prefix: parsePrefix("192.168.7.0/24")!, owner: bob, isDevice: true },
    ];
    this.links = new ForeignLinks({
      ...{ self: us, channel, clock, events, alerts: this.alerts, signal },
      routes: { routes: () => routes, version: () => 1 },
      ranges: () => [parsePrefix("10.32.0.0/12")!],
      isEndpointMac: (each) => formatMac(each) === formatMac(endpoint),
      isEndpointAddress: (address) => formatAddress(address) === "10.40.0.1",
      write: (frame) => void this.written.push(frame),
      nameOf: (peer) => `node ${peer}`,
    });
    this.links.joined(isJoined);
  }

  tell(from: PeerId, number: number, since: number, ...addresses: string[]): void {
    const device = { mac: mac(number), since, addresses: addresses.map(ip) };
    for (const message of encodeForeign({ devices: [device] })) this.channel.hear(from, message);
  }

  /** What was said since the last call, once per peer. */
  said(): string[] {
    return this.channel.sent.splice(0).map(({ to, message }) => {
      const { devices, gone, sought } = decodeForeign(message)!;
      const words = [
        ...devices.map(({ mac, addresses }) => [formatMac(mac), ...addresses.map(formatAddress)].join(" ")),
        ...gone.map((each) => `-${formatMac(each)}`),
        ...sought.map((each) => `?${formatAddress(each)}`),
      ];
      return `${to}: ${words.join(", ")}`;
    });
  }

  routes(): string[] {
    return [...this.links.routes()].map(({ prefix, owner }) => `${formatPrefix(prefix)} ${owner}`).sort();
  }

  alert(): string | undefined {
    return this.alerts.list().find(({ name }) => name === "mac-clash")?.detail;
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.resolve();
    assert.equal(this.clock.pending, 0);
  }
}

async function withRig(body: (rig: Rig) => unknown, isJoined = true): Promise<void> {
  const rig = new Rig(isJoined);
  await body(rig);
  await rig.end();
}

test("a device is learned from its first frame, counts as one of ours, and all are told at once", () =>
  withRig((rig) => {
    rig.links.hear(arp(1, undefined, "192.168.50.1"));
    assert.ok(rig.links.isHere(mac(1)));
    assert.deepEqual(rig.links.linkOf(ip("192.168.50.1")), mac(1));
    assert.deepEqual(rig.routes(), ["192.168.50.1/32 us"]);
    assert.deepEqual(rig.said(), ["ann", "bob"].map((to) => `${to}: 52:54:00:00:00:01 192.168.50.1`));
    rig.links.hear(arp(1, undefined, "192.168.50.1"));
    assert.deepEqual(rig.said(), []);
  }));

test("without a joined bridge nothing is learned, and after the last one nothing is known", async () => {
  await withRig((rig) => {
    rig.links.hear(arp(1));
    assert.equal(rig.links.isHere(mac(1)), false);
  }, false);
  await withRig((rig) => {
    rig.links.hear(arp(1, undefined, "192.168.50.1"));
    rig.said();
    rig.links.joined(false);
    assert.equal(rig.links.isHere(mac(1)), false);
    assert.deepEqual(rig.said(), ["ann: -52:54:00:00:00:01", "bob: -52:54:00:00:00:01"]);
  });
});

test("inside the ranges a device has free addresses of this node only, and the others are not told", () =>
  withRig((rig) => {
    const addresses = ["10.40.0.1", "10.40.0.9", "10.41.0.9", "10.32.0.9", "192.168.7.9"];
    for (const [i, sender] of addresses.entries()) rig.links.hear(arp(i + 1, sender, sender));
    assert.deepEqual(addresses.filter((each) => rig.links.linkOf(ip(each)) !== undefined), ["10.40.0.9"]);
    assert.deepEqual(rig.routes(), []);
    assert.deepEqual(rig.links.macOf(ip("10.40.0.9")), undefined);
    assert.ok(rig.said().every((words) => !words.includes("10.")));
  }));

test("a device elsewhere has its real MAC and its node; a member has no address of the ranges, nor one of a router", () =>
  withRig((rig) => {
    rig.tell(ann, 2, 5, "192.168.50.2", "10.40.0.7", "10.41.0.7", "192.168.7.7");
    assert.equal(rig.links.ownerOf(mac(2)), ann);
    assert.deepEqual(rig.links.macOf(ip("192.168.50.2")), mac(2));
    assert.deepEqual(rig.routes(), ["192.168.50.2/32 ann"]);
    assert.equal(rig.links.linkOf(ip("192.168.50.2")), undefined);
    assert.equal(rig.links.isHere(mac(2)), false);
  }));

test("of two members with one MAC the earlier keeps it, an alert names both, and it ends with the clash", () =>
  withRig((rig) => {
    rig.links.hear(arp(1, undefined, "192.168.50.1"));
    rig.tell(ann, 1, 5, "192.168.50.1");
    assert.equal(rig.links.ownerOf(mac(1)), ann);
    assert.equal(rig.links.isHere(mac(1)), false);
    assert.match(
      rig.alert()!,
      /52:54:00:00:00:01 is behind bridges of node ann, which keeps it, and of node us/,
    );
    assert.deepEqual(rig.links.devices().map(({ node, isUsed }) => `${node} ${isUsed}`), [
      "node us false",
      "node ann true",
    ]);
    rig.events.emit("peer:down", { peer: ann, name: "ann", reason: "test" });
    assert.ok(rig.links.isHere(mac(1)));
    assert.equal(rig.alert(), undefined);
  }));

test("a frame that comes in while the mesh brings frames of its source here has come around", () =>
  withRig(async (rig) => {
    rig.tell(ann, 2, 5, "192.168.50.2");
    assert.equal(rig.links.isEcho(mac(2)), false);
    rig.links.wrote(arp(2));
    rig.links.hear(arp(2));
    assert.ok(rig.links.isEcho(mac(2)));
    assert.equal(rig.alert(), undefined);
    await rig.clock.advance(2_000);
    assert.equal(rig.links.isEcho(mac(2)), false);
    // Later it may have moved here: its old node keeps it until that has forgotten it.
    rig.links.hear(arp(2));
    assert.ok(rig.alert()!.includes("node us"));
  }));

test("all is told again every 30 s, and what is not repeated is forgotten", () =>
  withRig(async (rig) => {
    rig.links.hear(arp(1, undefined, "192.168.50.1"));
    rig.tell(ann, 2, 5, "192.168.50.2");
    await rig.clock.advance(10_000);
    rig.said();
    await rig.clock.advance(30_000);
    assert.deepEqual(rig.said(), ["ann", "bob"].map((to) => `${to}: 52:54:00:00:00:01 192.168.50.1`));
    assert.equal(rig.links.ownerOf(mac(2)), ann);
    await rig.clock.advance(tellingAge - 35_000);
    assert.equal(rig.links.ownerOf(mac(2)), undefined);
    await rig.clock.advance(deviceAge);
    assert.equal(rig.links.isHere(mac(1)), false);
    assert.equal(rig.clock.pending, 0);
  }));

test("a new session hears of all devices, and one that ends takes its own along", () =>
  withRig((rig) => {
    rig.links.hear(arp(1, undefined, "192.168.50.1"));
    rig.said();
    const endpoint = { host: "192.0.2.1", port: 6783 };
    rig.events.emit("peer:up", { peer: bob, name: "bob", endpoint });
    assert.deepEqual(rig.said(), ["bob: 52:54:00:00:00:01 192.168.50.1"]);
    rig.tell(bob, 3, 5, "192.168.50.3");
    rig.events.emit("peer:down", { peer: bob, name: "bob", reason: "test" });
    assert.equal(rig.links.ownerOf(mac(3)), undefined);
  }));

test("who asks for an address that nobody has told of makes the others ask behind their bridges, at a bounded rate", () =>
  withRig((rig) => {
    rig.links.hear(arp(0xff, "10.40.0.1", "192.168.50.2"));
    assert.deepEqual(rig.said(), ["ann: ?192.168.50.2", "bob: ?192.168.50.2"]);
    rig.links.hear(arp(0xff, "10.40.0.1", "10.41.0.9"));
    assert.deepEqual(rig.said(), []);
    for (let i = 0; i < 100; i++) rig.links.hear(arp(0xff, "10.40.0.1", `198.51.100.${i}`));
    assert.ok(rig.said().length <= 40);
    for (let i = 0; i < 100; i++) {
      for (const message of encodeForeign({ sought: [ip("192.168.50.9"), ip("10.41.0.9")] })) {
        rig.channel.hear(ann, message);
      }
    }
    assert.equal(rig.written.length, 20);
    assert.deepEqual(rig.written[0]!.subarray(6, 12), macOfAddress(ip("0.0.0.0")));
  }));

test("a member that tells without end fills its own places only, and costs little", () =>
  withRig((rig) => {
    const before = rig.links.version();
    for (let i = 0; i < 3 * mostDevices; i++) rig.tell(ann, 0x100 + i, 5);
    assert.equal(rig.links.devices().length, mostDevices);
    assert.ok(rig.links.version() - before <= 12, `${rig.links.version() - before} times`);
    rig.tell(bob, 3, 5);
    assert.equal(rig.links.devices().length, mostDevices + 1);
  }));
