/** What a container may send that it should not: every frame is written into its interface as it is. */
import assert from "node:assert/strict";
import { Drop, dropNames } from "../../core/contracts/drop.ts";
import type { Address } from "../../core/contracts/values.ts";
import type { TapDevice } from "../../core/runtime/tap_device.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { encodeEthernet, EtherType } from "../../core/wire/ethernet.ts";
import { broadcastMac, macOfAddress, macOfGroup } from "../../core/wire/mac.ts";
import { allNodes, encodeAdvertisement, NdpType, solicitedNode } from "../../core/wire/ndp.ts";
import { buildIcmp } from "../../core/wire/icmp.ts";
import { encodeUdp } from "../../core/wire/udp.ts";
import { test } from "../harness.ts";
import { type Bed, type Container, onBed, type PortAtWork, run, skip, until } from "./bed.ts";
import { injector } from "./injector.ts";
import { linkLocalOf } from "../../plugins/tap/ingress_rules.ts";

const [own4, own6, far4, far6, stolen4, stolen6] = [
  "10.32.0.1",
  "fd00:1::1",
  "10.33.0.1",
  "fd00:2::1",
  "10.32.0.2",
  "fd00:1::2",
].map((text) => parseAddress(text)!) as [Address, Address, Address, Address, Address, Address];
const none6 = parseAddress("::")!;
const ownMac = macOfAddress(own4);
const stolenMac = macOfAddress(stolen4);
const farMac = macOfAddress(far4);

function ip(source: Address, destination: Address, mac = ownMac): Uint8Array {
  const type = source.family === 4 ? EtherType.ipv4 : EtherType.ipv6;
  const datagram = { sourcePort: 1, destinationPort: 2, payload: Uint8Array.of(1, 2, 3) };
  return encodeEthernet(farMac, mac, type, encodeUdp({ source, destination }, datagram));
}

interface Arp {
  readonly sender: Address | undefined;
  readonly mac?: Uint8Array;
  readonly operation?: number;
  readonly hardware?: number;
}

function arp({ sender, mac = ownMac, operation = 1, hardware = 1 }: Arp): Uint8Array {
  const payload = new Uint8Array(46);
  payload.set([0, hardware, 8, 0, 6, 4, 0, operation]);
  payload.set(mac, 8);
  if (sender !== undefined) payload.set(sender.bytes, 14);
  payload.set(far4.bytes, 24);
  return encodeEthernet(broadcastMac, ownMac, EtherType.arp, payload);
}

function icmp6(source: Address, destination: Address, type: number, body: Uint8Array): Uint8Array {
  const packet = buildIcmp({ source, destination, hopLimit: 255 }, { type, code: 0, rest: 0 }, body);
  return encodeEthernet(macOfGroup(destination), ownMac, EtherType.ipv6, packet);
}

function advertises(target: Address): Uint8Array {
  const probe = { source: own6, target, isProbe: true };
  const packet = encodeAdvertisement(probe, { target: own6, mac: ownMac, override: true });
  const frame = encodeEthernet(macOfGroup(allNodes), ownMac, EtherType.ipv6, packet);
  frame.set(target.bytes, frame.length - 24);
  return frame;
}

/** `frame` with a tag of this VLAN. */
function tagged(frame: Uint8Array, vlan: number, type: number = EtherType.vlan): Uint8Array {
  const out = new Uint8Array(frame.length + 4);
  out.set(frame.subarray(0, 12));
  out.set([type >> 8, type & 0xff, vlan >> 8, vlan & 0xff], 12);
  out.set(frame.subarray(12), 16);
  return out;
}

function ofType(type: number): Uint8Array {
  return encodeEthernet(farMac, ownMac, type, new Uint8Array(46));
}

const allowed: Record<string, Uint8Array> = {
  "IPv4 from a lease": ip(own4, far4),
  "IPv6 from a lease": ip(own6, far6),
  "an ARP request": arp({ sender: own4 }),
  "an ARP reply": arp({ sender: own4, operation: 2 }),
  "an ARP probe": arp({ sender: undefined }),
  "IPv6 from the link-local address": ip(linkLocalOf(ownMac), far6),
  "an advertisement of a lease": advertises(own6),
  "a probe for a lease": icmp6(none6, solicitedNode(own6), NdpType.neighbourSolicitation, own6.bytes),
  "a solicitation": icmp6(own6, solicitedNode(far6), NdpType.neighbourSolicitation, far6.bytes),
  "a multicast report from ::": icmp6(none6, parseAddress("ff02::16")!, 143, new Uint8Array(20)),
};

const refused: Record<string, readonly [Drop, Uint8Array]> = {
  "another MAC": [Drop.badSource, ip(own4, far4, stolenMac)],
  "another's IPv4": [Drop.badSource, ip(stolen4, far4)],
  "another's IPv6": [Drop.badSource, ip(stolen6, far6)],
  "IPv4 from 0.0.0.0": [Drop.badSource, ip(parseAddress("0.0.0.0")!, far4)],
  "IPv6 from ::": [Drop.badSource, ip(none6, far6)],
  "another's link-local address": [Drop.badSource, ip(linkLocalOf(stolenMac), far6)],
  "another's address in ARP": [Drop.badSource, arp({ sender: stolen4, operation: 2 })],
  "another's MAC in ARP": [Drop.badSource, arp({ sender: own4, mac: stolenMac })],
  "an ARP reply from 0.0.0.0": [Drop.badSource, arp({ sender: undefined, operation: 2 })],
  "ARP of other hardware": [Drop.malformed, arp({ sender: own4, hardware: 6 })],
  "a router advertisement": [
    Drop.badSource,
    icmp6(linkLocalOf(ownMac), allNodes, NdpType.routerAdvertisement, new Uint8Array(12)),
  ],
  "a redirect": [Drop.badSource, icmp6(linkLocalOf(ownMac), allNodes, NdpType.redirect, new Uint8Array(36))],
  "an advertisement of another's address": [Drop.badSource, advertises(stolen6)],
  "a solicitation from another's address": [
    Drop.badSource,
    icmp6(stolen6, solicitedNode(far6), NdpType.neighbourSolicitation, far6.bytes),
  ],
  "a probe for another's address": [
    Drop.badSource,
    icmp6(none6, solicitedNode(stolen6), NdpType.neighbourSolicitation, stolen6.bytes),
  ],
  "a VLAN tag": [Drop.unsupported, tagged(ip(own4, far4), 7)],
  "a priority tag": [Drop.unsupported, tagged(ip(own4, far4), 0)],
  "two tags": [Drop.unsupported, tagged(tagged(ip(own4, far4), 7), 8, EtherType.serviceVlan)],
  "LLDP": [Drop.unsupported, ofType(0x88cc)],
  "a length in place of a type": [Drop.unsupported, ofType(46)],
};

const few = ["10.32.0.1", "fd00:1::1"];
/** So many of each family that rules look them up in sets. */
const many = [...few, ...[5, 6, 7, 8, 9].flatMap((host) => [`10.32.0.${host}`, `fd00:1::${host}`])];

async function withInjector(
  { allowLayer2 = false, addresses = few }: { allowLayer2?: boolean; addresses?: readonly string[] },
  body: (work: PortAtWork & { bed: Bed; device: TapDevice }) => Promise<void>,
): Promise<void> {
  await onBed(async (bed) => {
    const work = await bed.started();
    const web = bed.container();
    const request = await bed.request(work.port, web, ...addresses);
    await (await work.port.attach({ ...request, link: { allowLayer2 } }, bed.signal)).open();
    const device = await injector(web);
    try {
      await body({ ...work, bed, device });
    } finally {
      await device[Symbol.asyncDispose]();
    }
  });
}

function counted(drops: ReadonlyMap<Drop, number>): Record<string, number> {
  return Object.fromEntries([...drops].map(([drop, count]) => [dropNames[drop]!, count]));
}

function sum(drops: ReadonlyMap<Drop, number>): number {
  return [...drops.values()].reduce((total, count) => total + count, 0);
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length >= right.length && right.every((byte, i) => left[i] === byte);
}

test(
  "what a container may send reaches the TAP device as it was sent, with few addresses and with many",
  async () => {
    for (const addresses of [few, many]) {
      await withInjector({ addresses }, async ({ device, frames, drops, port }) => {
        for (const [name, frame] of Object.entries(allowed)) {
          assert.ok(device.write(frame), name);
          await until(() => frames.some((seen) => isSame(seen, frame)));
        }
        await port.look();
        assert.deepEqual(counted(drops), {});
      });
    }
  },
  { skip },
);

test(
  "what a container may not send is dropped before the bridge and counted once by its reason, also with many addresses",
  async () => {
    for (const addresses of [few, many]) {
      await withInjector({ addresses }, async ({ device, frames, drops, port }) => {
        for (const [name, [reason, frame]] of Object.entries(refused)) {
          drops.clear();
          assert.ok(device.write(frame), name);
          while (sum(drops) === 0) {
            await port.look();
          }
          assert.deepEqual(counted(drops), { [dropNames[reason]!]: 1 }, name);
        }
        device.write(allowed["IPv4 from a lease"]!);
        await until(() => frames.some((seen) => isSame(seen, allowed["IPv4 from a lease"]!)));
        for (const [name, [, frame]] of Object.entries(refused)) {
          assert.ok(!frames.some((seen) => isSame(seen, frame)), name);
        }
      });
    }
  },
  { skip },
);

test(
  "with allowLayer2 other protocols and tags pass too, but neither another MAC nor another's address",
  () =>
    withInjector({ allowLayer2: true }, async ({ device, frames, drops, port }) => {
      for (const frame of [ofType(0x88cc), ofType(46), tagged(ip(own4, far4), 7), ip(own4, far4)]) {
        assert.ok(device.write(frame));
        await until(() => frames.some((seen) => isSame(seen, frame)));
      }
      for (
        const name of ["another MAC", "another's IPv4", "another's address in ARP", "a router advertisement"]
      ) {
        drops.clear();
        device.write(refused[name]![1]);
        while (sum(drops) === 0) await port.look();
        assert.deepEqual(counted(drops), { badSource: 1 }, name);
      }
    }),
  { skip },
);

test("a frame from the mesh reaches its container alone, and one to nobody none", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const [web, db] = [bed.container(), bed.container()];
    await bed.join(port, web, "10.32.0.1");
    await bed.join(port, db, "10.32.0.2");
    const received = (container: Container, index = "mesh0") => {
      const text = run("ip", "-n", container.name, "-j", "-s", "link", "show", index);
      return (JSON.parse(text) as { stats64: { rx: { bytes: number } } }[])[0]!.stats64.rx.bytes;
    };
    const payload = new Uint8Array(1000);
    payload.set(encodeEthernet(ownMac, farMac, EtherType.ipv4, new Uint8Array(60)));
    const before = [received(web), received(db)];
    const deliver = (bytes: Uint8Array) =>
      port.deliver({ protocol: 0x6558, payload: bytes, forwarded: false });
    for (let i = 0; i < 10; i++) assert.equal(deliver(payload), Drop.none);
    await until(() => received(web) >= before[0]! + 9_000);
    assert.ok(received(db) < before[1]! + 1_000);
    payload.set(macOfAddress(parseAddress("10.32.0.99")!));
    for (let i = 0; i < 10; i++) assert.equal(deliver(payload), Drop.none);
    assert.ok(received(web) < before[0]! + 11_000 && received(db) < before[1]! + 1_000);
    assert.equal(port.deliver({ protocol: 0x0800, payload, forwarded: false }), Drop.unsupported);
    assert.equal(deliver(new Uint8Array(13)), Drop.malformed);
    assert.equal(deliver(new Uint8Array(70_000)), Drop.tooBig);
    await port[Symbol.asyncDispose]();
    assert.equal(deliver(payload), Drop.noListener);
  }), { skip });
