/** A whole node with `noise` and `gre_udp`, each on a real socket, and a foreign router on the loopback interface. */
import assert from "node:assert/strict";
import type { MeshNode } from "../../core/contracts/node.ts";
import type { Composition } from "../../core/node/composition.ts";
import { createNode } from "../../core/node/create_node.ts";
import { formatAddress, parseAddress } from "../../core/wire/address.ts";
import { decodeArp, encodeArpReply, encodeArpRequest } from "../../core/wire/arp.ts";
import { concatBytes, copyBytes } from "../../core/wire/bytes.ts";
import { decodeEthernet, encodeEthernet, type EthernetFrame } from "../../core/wire/ethernet.ts";
import { decodeIcmp, encodeEcho } from "../../core/wire/icmp.ts";
import { decodeIp } from "../../core/wire/ip.ts";
import { macOfAddress } from "../../core/wire/mac.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { allowAll } from "../../plugins/allow_all/mod.ts";
import { greUdp } from "../../plugins/gre_udp/mod.ts";
import { memoryStore } from "../../plugins/memory_store/mod.ts";
import { noise } from "../../plugins/noise/mod.ts";
import { ring } from "../../plugins/ring/mod.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { udp } from "../../plugins/udp/mod.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import { test } from "../harness.ts";
import { greBytes, GreDevice, type GreOptions, type Heard } from "./gre_device.ts";

const behind = { 4: "192.168.7.9", 6: "2001:db8:7::9" } as const;
const prefixes = ["192.168.7.0/24", "2001:db8:7::/48"];
const { signal } = new AbortController();

function plugins(over: Partial<Composition>): Composition {
  return {
    store: memoryStore({}),
    transport: udp({ listen: "127.0.0.1:0" }),
    encapsulation: noise({}),
    discovery: [staticSeeds({ seeds: [] })],
    ipam: ring({}),
    policy: allowAll({}),
    port: userspace({}),
    ...over,
  };
}

interface Peer {
  readonly prefixes?: readonly string[];
  readonly key?: number;
  readonly ethernet?: boolean;
}

function nodeWith(device: GreDevice, peer: Peer = {}): Promise<MeshNode> {
  const entry = { name: "router-1", endpoint: device.endpoint, prefixes: [...peer.prefixes ?? prefixes] };
  const { key, ethernet } = peer;
  const options = { ...key !== undefined && { key }, ...ethernet !== undefined && { ethernet } };
  const encapsulation = greUdp({ peers: [{ ...entry, ...options }] });
  return createNode({
    name: "web-1",
    plugins: plugins({ beside: [{ encapsulation, over: udp({ listen: "127.0.0.1:0" }) }] }),
    intent: { found: { networkName: "loom", range: parsePrefix("10.32.0.0/12")! } },
  });
}

/** Where the node takes GRE: its second socket. */
const greEndpoint = (node: MeshNode) => node.status().listen[1]!;
const addressOf = (node: MeshNode, family: 4 | 6) =>
  node.status().addresses.find((text) => text.includes(":") === (family === 6))!;

function echo(source: string, destination: string, data = Uint8Array.of(1, 2, 3)): Uint8Array {
  const route = { source: parseAddress(source)!, destination: parseAddress(destination)! };
  return encodeEcho(route, { kind: "echoRequest", identifier: 7, sequence: 1, data });
}

function icmpOf({ inner }: Heard) {
  const packet = decodeIp(inner);
  assert.ok(typeof packet === "object");
  const icmp = decodeIcmp(packet);
  assert.ok(typeof icmp === "object");
  return icmp;
}

/** What a router's own IP stack would do. */
function answerEcho({ inner }: Heard, options: GreOptions): Uint8Array | undefined {
  const packet = decodeIp(inner);
  if (typeof packet === "number") return undefined;
  const icmp = decodeIcmp(packet);
  if (typeof icmp === "number" || icmp.kind !== "echoRequest") return undefined;
  const route = { source: packet.destination, destination: packet.source };
  return greBytes(encodeEcho(route, { ...icmp, kind: "echoReply" }), options);
}

/** The answer to a good request: what was sent before it has arrived too, since one socket on loopback keeps order. */
async function answerOf(node: MeshNode, device: GreDevice, options: GreOptions = {}): Promise<Heard> {
  device.send(greBytes(echo(behind[4], addressOf(node, 4)), options), greEndpoint(node));
  return await device.next();
}

test("a foreign router pings the node and is pinged, in both families", async () => {
  await using device = await GreDevice.listen();
  await using node = await nodeWith(device);
  assert.deepEqual(node.status().plugins["encapsulation"], ["noise", "gre_udp"]);
  assert.deepEqual(node.status().plugins["transport"], ["udp", "udp"]);
  for (const family of [4, 6] as const) {
    const own = addressOf(node, family);
    device.send(greBytes(echo(behind[family], own)), greEndpoint(node));
    const reply = await device.next();
    assert.deepEqual([reply.flags, reply.etherType], [0, family === 4 ? 0x0800 : 0x86dd]);
    const icmp = icmpOf(reply);
    assert.ok(icmp.kind === "echoReply");
    assert.deepEqual([icmp.identifier, icmp.data], [7, Uint8Array.of(1, 2, 3)]);
  }
  device.onPacket = (heard) => answerEcho(heard, {});
  for (const family of [4, 6] as const) {
    const { from, size } = await node.ping(behind[family], { size: 1_000 }, signal);
    assert.deepEqual([from, size], [behind[family], 1_000]);
  }
  assert.deepEqual(node.status().drops, {});
});

test("the router is a connection in plaintext: connecting until it is heard, and no matter of the node's health", async () => {
  await using device = await GreDevice.listen();
  await using node = await nodeWith(device);
  const shown = () =>
    node.connections().map((
      { name, state, endpoint, encrypted, aead },
    ) => [name, state, endpoint, encrypted, aead]);
  assert.deepEqual(shown(), [["router-1", "connecting", device.endpoint, false, null]]);
  assert.equal(node.status().healthy, true);
  await answerOf(node, device);
  assert.deepEqual(shown(), [["router-1", "established", device.endpoint, false, null]]);
  assert.equal(node.status().connections.established, 1);
  assert.equal(node.peers().length, 1, "it is no member");
  assert.equal(node.connections()[0]!.mtu, 1_372, "the worst overhead of both encapsulations counts");
});

test("a key is sent and required, and packets with checksum and sequence number are taken", async () => {
  await using device = await GreDevice.listen();
  await using node = await nodeWith(device, { key: 0xc0ffee });
  const request = echo(behind[4], addressOf(node, 4));
  device.send(greBytes(request), greEndpoint(node));
  device.send(greBytes(request, { key: 1 }), greEndpoint(node));
  const reply = await answerOf(node, device, { key: 0xc0ffee, sequence: 9, checksum: true });
  assert.deepEqual([reply.flags, reply.key, icmpOf(reply).kind], [0x2000, 0xc0ffee, "echoReply"]);
  device.onPacket = (heard) => answerEcho(heard, { key: 0xc0ffee, sequence: 0, checksum: true });
  assert.equal((await node.ping(behind[4], {}, signal)).from, behind[4]);
  assert.equal(node.status().drops.unknownSession, 2);
});

test("the router sends from its own prefixes to this node's addresses, and nothing else gets anywhere", async () => {
  await using device = await GreDevice.listen();
  await using node = await nodeWith(device);
  device.send(greBytes(echo("192.168.8.1", addressOf(node, 4))), greEndpoint(node));
  device.send(greBytes(echo(behind[4], "192.168.7.10")), greEndpoint(node));
  device.send(greBytes(echo(addressOf(node, 4), addressOf(node, 4))), greEndpoint(node));
  device.send(greBytes(echo(behind[4], "10.33.0.1")), greEndpoint(node));
  const answer = icmpOf(await device.next());
  assert.deepEqual(
    [answer.kind, "code" in answer && answer.code],
    ["unreachable", 1],
    "nobody holds that address",
  );
  assert.deepEqual(node.status().drops, { badSource: 2, notOurs: 1, noListener: 1 });
});

test("a control message of the router is for nobody: only members have channels", async () => {
  await using device = await GreDevice.listen();
  await using node = await nodeWith(device);
  const message = new Uint8Array([0, 0, 0x88, 0xb5, 4, ...new TextEncoder().encode("ring"), 1, 2, 3]);
  device.send(message, greEndpoint(node));
  await answerOf(node, device);
  assert.equal(node.status().drops.unsupported, 1);
});

test("a prefix inside the network's own range is not routed, and an alert names it, the device and the range", async () => {
  await using device = await GreDevice.listen();
  await using node = await nodeWith(device, { prefixes: ["192.168.7.0/24", "10.47.0.0/16"] });
  const [alert, ...others] = node.status().alerts;
  assert.deepEqual([others, alert?.name], [[], "device-prefix:10.47.0.0/16"]);
  assert.match(
    alert!.detail,
    /10\.47\.0\.0\/16 of the device "router-1" is not routed: .* own range 10\.32\.0\.0\/12/,
  );
  assert.equal(node.status().healthy, false);
  device.send(greBytes(echo("10.47.0.9", addressOf(node, 4))), greEndpoint(node));
  await answerOf(node, device);
  assert.deepEqual(node.status().drops, { badSource: 1 });
  device.onPacket = (heard) => answerEcho(heard, {});
  assert.equal((await node.ping(behind[4], {}, signal)).from, behind[4], "the other prefix is");
});

/** The router's interface. */
const routerMac = Uint8Array.of(2, 0, 0, 0, 0, 9);
const station = (text: string, mac = routerMac) => ({ address: parseAddress(text)!, mac });

/** A frame of the router in GRE. */
function inGre(frame: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0, 0, 0x65, 0x58), frame);
}

function frameOf({ etherType, inner }: Heard): EthernetFrame {
  assert.equal(etherType, 0x6558);
  const frame = decodeEthernet(inner);
  assert.ok(typeof frame === "object");
  return frame;
}

/** What the router's own ARP and IP would do. */
function answerFrame(heard: Heard): Uint8Array | undefined {
  const { etherType, payload, source } = frameOf(heard);
  const message = decodeArp(payload);
  if (etherType === 0x0806 && typeof message === "object") return inGre(encodeArpReply(message, routerMac));
  const answer = answerEcho({ ...heard, inner: payload }, {});
  return answer && inGre(encodeEthernet(source, routerMac, etherType, answer.subarray(4)));
}

test("a router with frames asks for the node's addresses, and for no others, and both ping each other", async () => {
  await using device = await GreDevice.listen();
  await using node = await nodeWith(device, { ethernet: true });
  const own = addressOf(node, 4);
  const ownMac = macOfAddress(parseAddress(own)!);
  const askedFor = async (address: string) => {
    device.send(inGre(encodeArpRequest(station(behind[4]), parseAddress(address)!)), greEndpoint(node));
    const message = decodeArp(frameOf(await device.next()).payload);
    assert.ok(typeof message === "object" && message.operation === "reply");
    return [formatAddress(message.sender), copyBytes(message.senderMac)];
  };
  const free = parseAddress("10.33.0.1")!;
  assert.deepEqual(await askedFor("10.33.0.1"), ["10.33.0.1", macOfAddress(free)], "the node speaks for it");
  const elsewhere = encodeArpRequest(station(behind[4]), parseAddress("203.0.113.1")!);
  device.send(inGre(elsewhere), greEndpoint(node));
  assert.deepEqual(await askedFor(own), [own, ownMac], "and nobody for the other");
  const request = encodeEthernet(ownMac, routerMac, 0x0800, echo(behind[4], own));
  device.send(inGre(request), greEndpoint(node));
  const answer = frameOf(await device.next());
  assert.deepEqual([answer.destination, answer.source], [routerMac, ownMac]);
  device.onPacket = answerFrame;
  assert.equal(
    (await node.ping("192.168.7.10", {}, signal)).from,
    "192.168.7.10",
    "whose MAC is asked for first",
  );
  device.send(inGre(encodeEthernet(ownMac, routerMac, 0x0800, echo("192.168.8.1", own))), greEndpoint(node));
  assert.equal((await node.ping(behind[4], {}, signal)).from, behind[4]);
  assert.deepEqual(node.status().drops, { badSource: 1 });
});
