/** Endpoints that go by themselves, and what becomes of their addresses. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { EndpointRig } from "../../tests/sim/endpoint_rig.ts";
import { MeshError } from "../contracts/errors.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";

const { signal } = new AbortController();

function heldBy(rig: EndpointRig): string[] {
  return rig.ipam.held.map(({ owner, address }) => `${owner} ${formatAddress(address)}`);
}

/** The port looks, and what it tells is worked off. */
async function looked(rig: EndpointRig): Promise<void> {
  await rig.port.link!.look();
  await rig.endpoints.settled();
}

test("an endpoint that is gone is detached at once, and its addresses are another's after 30 s", async () => {
  const rig = new EndpointRig("web", "db");
  const told: unknown[] = [];
  rig.events.on("endpoint:detached", (event) => void told.push(event), signal);
  await rig.attach("web");
  await rig.attach("db", { addresses: ["10.32.1.1"] });
  const address = parseAddress("10.32.0.10")!;
  assert.ok(rig.port.table.linkOf(address));
  rig.host.end("web");
  await looked(rig);
  assert.equal(rig.port.table.linkOf(address), undefined, "no packet is sent to what is not there");
  assert.deepEqual(rig.endpoints.list().map(({ owner }) => owner), ["netns:db"]);
  assert.deepEqual(told, [{ owner: "netns:web" }]);
  await rig.clock.advance(29_999);
  assert.deepEqual(heldBy(rig), ["netns:web 10.32.0.10", "netns:web fd00::b", "netns:db 10.32.1.1"]);
  await rig.clock.advance(1);
  await rig.endpoints.settled();
  assert.deepEqual(heldBy(rig), ["netns:db 10.32.1.1"]);
  assert.deepEqual([...rig.store.content.keys()], ["node/endpoint/netns:db"]);
  assert.deepEqual(told, [{ owner: "netns:web" }]);
  assert.equal(rig.clock.pending, 0);
});

test("a container that is started again in time has its address, in a namespace of another number", async () => {
  const rig = new EndpointRig("web");
  const before = await rig.attach("web", { addresses: ["net:default", "ip:10.32.1.5/24"] });
  rig.host.end("web");
  rig.host.namespaces.add("web");
  rig.host.numbers.set("web", "web'");
  const after = await rig.attach("web");
  assert.deepEqual([after.owner, after.addresses], ["netns:web'", before.addresses.slice(0, 2)]);
  const whole = await rig.attach("web", { addresses: ["ip:10.32.1.5/24"] });
  assert.deepEqual(whole.addresses.toSorted(), before.addresses.toSorted());
  await rig.clock.advance(30_000);
  await rig.endpoints.settled();
  assert.deepEqual(heldBy(rig).map((line) => line.split(" ")[0]), ["netns:web'", "netns:web'", "netns:web'"]);
  assert.deepEqual([...rig.store.content.keys()], ["node/endpoint/netns:web'"]);
});

test("a container has its address again whether it is named by its whole id or by its beginning", async () => {
  const [web, db] = ["3f2a1b0c9d8e7f6a5b4c", "3f2a1b0c9d8e00000000"];
  for (const [first, second] of [[web, web.slice(0, 13)], [web.slice(0, 13), web]] as const) {
    const rig = new EndpointRig(web, db);
    const attach = (container: string) => rig.endpoints.attach({ where: { container } }, signal);
    const before = await attach(first);
    rig.host.end(web);
    rig.host.namespaces.add(web);
    rig.host.numbers.set(web, "web'");
    await looked(rig);
    const other = await attach(db);
    assert.ok(!other.addresses.includes(before.addresses[0]!));
    const after = await attach(second);
    assert.deepEqual([after.owner, after.addresses], ["netns:web'", before.addresses]);
  }
});

test("another container whose namespace gets the number of one that is gone gets no address of it", async () => {
  const rig = new EndpointRig("web", "db");
  await rig.attach("web");
  rig.host.end("web");
  rig.host.numbers.set("db", "web");
  const attached = await rig.attach("db");
  assert.deepEqual([attached.owner, attached.where], ["netns:web", { netns: "db" }]);
  assert.deepEqual(attached.addresses, ["10.32.0.12/12", "fd00::d/48"]);
  await rig.clock.advance(30_000);
  await rig.endpoints.settled();
  assert.deepEqual(heldBy(rig), ["netns:web 10.32.0.12", "netns:web fd00::d"]);
});

test("one that is gone can be detached before its time is over, by what it was called", async () => {
  const rig = new EndpointRig("web");
  await rig.attach("web");
  rig.host.end("web");
  await looked(rig);
  const some = rig.endpoints.detach({ netns: "web" }, signal, ["10.32.0.10"]);
  await assert.rejects(some, { code: "NOT_FOUND" }, "it has nothing to take some of");
  await rig.endpoints.detach({ netns: "web" }, signal);
  rig.expectNothing();
  assert.equal(rig.clock.pending, 0);
});

test("a node that stops within the time leaves the addresses to the next start, which gives as much again", async () => {
  const rig = new EndpointRig("web");
  const before = await rig.attach("web");
  rig.host.end("web");
  await looked(rig);
  rig.stopping.abort();
  assert.equal(rig.clock.pending, 0);
  rig.stopping = new AbortController();
  rig.boot();
  await rig.endpoints.restore();
  await rig.clock.advance(29_000);
  rig.host.namespaces.add("web");
  rig.host.numbers.set("web", "web'");
  assert.deepEqual((await rig.attach("web")).addresses, before.addresses);
});

test("an attempt that fails keeps no container from its addresses, whatever the number of its namespace", async () => {
  for (const number of ["web", "web'"]) {
    const rig = new EndpointRig("web");
    const before = await rig.attach("web");
    rig.host.end("web");
    rig.host.namespaces.add("web");
    rig.host.numbers.set("web", number);
    rig.gate = () => Promise.reject(new MeshError("PLUGIN_FAILED", "not now"));
    await assert.rejects(rig.attach("web"), { code: "PLUGIN_FAILED" });
    assert.deepEqual(heldBy(rig), ["netns:web 10.32.0.10", "netns:web fd00::b"]);
    rig.gate = () => {};
    assert.deepEqual((await rig.attach("web")).addresses, before.addresses);
    rig.host.end("web");
    await looked(rig);
    await rig.clock.advance(30_000);
    await rig.endpoints.settled();
    rig.expectNothing();
    assert.equal(rig.clock.pending, 0);
  }
});

test("an attempt that fails because the node stops leaves the addresses to the next start", async () => {
  for (const number of ["web", "web'"]) {
    const rig = new EndpointRig("web");
    const before = await rig.attach("web");
    rig.host.end("web");
    rig.host.namespaces.add("web");
    rig.host.numbers.set("web", number);
    rig.host.before = (step) => {
      if (step.startsWith("attach")) rig.stopping.abort(new MeshError("NOT_RUNNING", "stop"));
    };
    await assert.rejects(rig.attach("web"), { code: "NOT_RUNNING" });
    rig.host.before = () => {};
    rig.stopping = new AbortController();
    rig.boot();
    await rig.endpoints.restore();
    assert.deepEqual((await rig.attach("web")).addresses, before.addresses);
  }
});
