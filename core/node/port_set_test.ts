import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { MemoryHost } from "../../tests/sim/memory_links.ts";
import { memoryPort, PacketTap } from "../../plugins/memory_port/mod.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { Attachment, Port } from "../contracts/port.ts";
import { parseAddress } from "../wire/address.ts";
import { GreProtocol } from "../wire/gre.ts";
import { macOfAddress } from "../wire/mac.ts";
import { PortSet } from "./port_set.ts";

const { signal } = new AbortController();
const packet: OverlayPacket = { protocol: GreProtocol.ipv4, payload: new Uint8Array(20), forwarded: false };

function inside(tap = new PacketTap()): Port {
  return memoryPort({ tap }).create(undefined as never);
}

function links(host = new MemoryHost()): Port {
  return host.plugin().create(undefined as never);
}

function request(owner: string, address: string): Attachment {
  const leases = [{ owner, address: parseAddress(address)!, bits: 12 }];
  return { owner, leases, mtu: 1400, ...owner !== "node" && { place: { owner, path: "/run/netns/x" } } };
}

test("a node has one port inside the process and at most one of links; anything else is refused in words", () => {
  const cases: readonly (readonly [readonly Port[], RegExp])[] = [
    [[], /port inside the process/],
    [[links()], /port inside the process/],
    [[inside(), inside()], /more than one port is inside/],
    [[inside(), links(), links()], /more than one port makes interfaces/],
  ];
  for (const [ports, message] of cases) {
    assert.throws(() => new PortSet(ports), { code: "UNSUPPORTED", message });
  }
  const port = links();
  assert.equal(new PortSet([port, inside()]).link, port);
  assert.equal(new PortSet([inside()]).link, undefined);
});

test("overlay sockets are those of the port that has them", () => {
  const host = { clock: new SimClock(), random: { fill: (bytes: Uint8Array) => bytes } };
  const port = userspace({}).create(host as never);
  assert.equal(new PortSet([links(), port]).overlay, port);
  assert.equal(new PortSet([inside()]).overlay, undefined);
});

test("an endpoint with a place goes to the links, and without links nowhere", async () => {
  const ports = new PortSet([links(), inside()]);
  await ports.attach(request("netns:web", "10.32.0.5"), signal);
  await ports.attach(request("node", "10.32.0.1"), signal);
  assert.deepEqual([...ports.attached()].map(({ owner }) => owner), ["node", "netns:web"], "inside first");
  const rootless = new PortSet([inside()]);
  await assert.rejects(rootless.attach(request("netns:web", "10.32.0.5"), signal), {
    code: "UNSUPPORTED",
    message: "This node runs rootless; start it with --host-mode",
  });
  assert.equal(rootless.deliverFrame(packet), Drop.noListener);
});

test("who holds an address or a MAC follows what is attached", async () => {
  const ports = new PortSet([inside(), links()]);
  const [own, web] = [parseAddress("10.32.0.1")!, parseAddress("10.32.0.5")!];
  assert.equal(ports.table.linkOf(web), undefined);
  await ports.attach(request("node", "10.32.0.1"), signal);
  await ports.attach(request("netns:web", "10.32.0.5"), signal);
  assert.equal(ports.table.linkOf(own), "inside");
  assert.deepEqual(ports.table.linkOf(web), macOfAddress(web));
  assert.equal(ports.table.localMac(macOfAddress(web)), true);
  assert.equal(await ports.detach("netns:web"), true);
  assert.equal(await ports.detach("netns:web"), false);
  assert.equal(ports.table.linkOf(web), undefined);
  assert.equal(ports.table.localMac(macOfAddress(web)), false);
});

test("one address is not given to two endpoints, whichever port they are on", async () => {
  const ports = new PortSet([inside(), links()]);
  await ports.attach(request("node", "10.32.0.1"), signal);
  await assert.rejects(ports.attach(request("netns:web", "10.32.0.1"), signal), {
    code: "ADDRESS_TAKEN",
    message: 'Cannot attach "netns:web": "node" holds 10.32.0.1; detach it first',
  });
  assert.equal((await ports.attach(request("node", "10.32.0.1"), signal)).owner, "node");
});

test("a packet says from which kind of port it comes", async () => {
  const [tap, host] = [new PacketTap(), new MemoryHost()];
  const ports = new PortSet([inside(tap), links(host)]);
  const heard: string[] = [];
  ports.receive((_, from) => {
    heard.push(from);
    return Drop.none;
  });
  await (await ports.attach(request("node", "10.32.0.1"), signal)).open();
  tap.inject(packet);
  host.send(packet.payload);
  assert.deepEqual(heard, ["process", "link"]);
});
