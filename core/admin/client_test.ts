import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { MeshError } from "../contracts/errors.ts";
import { adminFixture } from "./admin_fixture.ts";
import { createAdminClient } from "./client.ts";
import type { AdminClient, AdminEvent } from "./client.ts";
import { errorCodes } from "./error_kinds.ts";
import { gatherMillis } from "./event_hub.ts";
import { queueLimit } from "./event_reader.ts";
import { other, secretOfToken } from "./mesh_node_fixture.ts";

/** A client of something that answers always the same. */
function clientOf(status: number, body: string): AdminClient {
  return createAdminClient(() => new Response(body, { status }));
}

test("every method gives what the node gives", async () => {
  const { fetch, node } = adminFixture();
  const client = createAdminClient(fetch);
  assert.deepEqual(await client.status(), node.status());
  assert.deepEqual(await client.peers(), node.peers());
  assert.deepEqual(await client.links(), node.links());
  assert.deepEqual(await client.connections(), node.connections());
  assert.deepEqual(await client.ipam(), node.ipam());
  assert.deepEqual(await client.targets(), node.targets());
  assert.deepEqual(await client.members(), node.members.list());
  assert.deepEqual(await client.tokens(), node.tokens.list());
  assert.deepEqual(await client.version(), { name: "selvage", version: "0.1.0", api: "v1" });
  assert.deepEqual(await client.endpoints(), node.endpoints.list());
  assert.deepEqual(await client.host(), node.host.status());
  assert.deepEqual(await client.services(), node.host.status()?.services);
  assert.deepEqual(await client.hide(), ["10.32.0.9/12"]);
  assert.deepEqual(await client.bridges(), { bridges: node.bridges.list(), devices: node.bridges.devices() });
  assert.equal((await client.attach({ where: { host: "" } })).device, "mesh0");
  assert.equal((await client.createToken()).token, secretOfToken);
  assert.equal((await client.ping("web-2", { size: 8 })).size, 8);
});

test("what the client is given arrives at the node", async () => {
  const { fetch, node, clock, stopped } = adminFixture();
  const client = createAdminClient(fetch);
  await client.createToken({ lifetimeSeconds: 60 });
  await client.revokeToken("6f1d0c8a92b34e57a0c1d2e3f4a5b697");
  await client.revokeMember("web-2");
  await client.connect(["192.0.2.9:6783"]);
  await client.connect([], { replace: true });
  await client.ping("web-2", { family: 6 });
  await client.attach({ where: { netns: "web" }, mtu: 1300 });
  await client.detach("netns:4:1");
  await client.detach({ netns: "/run/netns/web" });
  await client.detach({ host: "" });
  await client.detach("netns:4:1", undefined, ["10.32.1.5", "net:10.32.2.0/24"]);
  await client.expose();
  await client.expose({ randomFully: true });
  await client.hide(["10.32.0.9"]);
  await client.putService({ listen: "[::]:8080", target: "[fd00::5]:80", rebind: true });
  await client.removeService("tcp", "0.0.0.0:8080");
  assert.equal((await client.attachBridge("br0")).port, "join1");
  await client.detachBridge("br0");
  await assert.rejects(client.detachBridge("br9"), { code: "NOT_FOUND" });
  await client.stop();
  clock.advance(0);
  assert.equal(stopped(), 1);
  assert.deepEqual(node.calls, [
    'tokens.create({"lifetimeSeconds":60})',
    'tokens.revoke("6f1d0c8a92b34e57a0c1d2e3f4a5b697")',
    'members.revoke("web-2")',
    'connect(["192.0.2.9:6783"], {})',
    'connect([], {"replace":true})',
    'ping("web-2", {"family":6})',
    'endpoints.attach({"where":{"netns":"web"},"mtu":1300})',
    'endpoints.detach("netns:4:1")',
    'endpoints.detach({"netns":"/run/netns/web"})',
    'endpoints.detach({"host":""})',
    'endpoints.detach("netns:4:1", "10.32.1.5", "net:10.32.2.0/24")',
    "host.expose({})",
    'host.expose({"randomFully":true})',
    'host.hide(["10.32.0.9"])',
    'host.putService({"listen":"[::]:8080","target":"[fd00::5]:80","rebind":true})',
    'host.removeService("tcp", "0.0.0.0:8080")',
    'bridges.attach("br0")',
    'bridges.detach("br0")',
    'bridges.detach("br9")',
  ]);
});

test("health resolves for a node that is not well", async () => {
  const { fetch, node } = adminFixture();
  node.answers = { healthy: false, state: "joining" };
  const answer = await createAdminClient(fetch).health();
  assert.deepEqual(answer, { healthy: false, state: "joining", alerts: [] });
});

test("an error of the node is the same error for the caller", async () => {
  const { fetch, node } = adminFixture();
  const client = createAdminClient(fetch);
  for (const code of errorCodes) {
    node.fail = new MeshError(code, `Cannot because of ${code}`, { details: { code } });
    const expected = { name: "MeshError", code, message: `Cannot because of ${code}`, details: { code } };
    await assert.rejects(client.status(), expected);
    await assert.rejects(client.connect(["192.0.2.9:6783"]), expected);
  }
});

test("a refused argument says where it is wrong", async () => {
  const { fetch } = adminFixture();
  const ping = createAdminClient(fetch).ping("web-2", { size: -1 });
  await assert.rejects(ping, { code: "INVALID_ARGUMENT", message: /^Cannot take the request: size: / });
});

test("a name goes as one segment of the path, whatever is in it", async () => {
  const { fetch, node } = adminFixture();
  const client = createAdminClient(fetch);
  for (const name of ["a/b", "a b", "%2e", "?x=1", "#", ":peer", "index", "ü", "..."]) {
    await assert.rejects(client.revokeMember(name), { code: "NOT_FOUND" });
    assert.equal(node.calls.at(-1), `members.revoke(${JSON.stringify(name)})`);
  }
});

test("a name that a URL would resolve to another route is refused before it is sent", async () => {
  const { fetch, node } = adminFixture();
  const client = createAdminClient(fetch);
  for (const name of ["", ".", ".."]) {
    await assert.rejects(client.revokeMember(name), { code: "INVALID_ARGUMENT" });
    await assert.rejects(client.revokeToken(name), { code: "INVALID_ARGUMENT" });
  }
  assert.deepEqual(node.calls, []);
});

test("an answer that is none of ours is told as such", async () => {
  await assert.rejects(clientOf(200, "<html>").status(), { code: "MALFORMED" });
  for (const body of ["<html>Bad Gateway", "", "null", "7", '{"code":"TELEPORT_FAILED"}', '{"code":7}']) {
    const error = { code: "INTERNAL", message: "The admin API answered 502 without saying why" };
    await assert.rejects(clientOf(502, body).status(), error);
  }
});

test("what fetch rejects with comes through", async () => {
  const error = new MeshError("NOT_RUNNING", "no node is running");
  const client = createAdminClient(() => Promise.reject(error));
  await assert.rejects(client.status(), error);
  await assert.rejects(
    (async () => {
      for await (const _ of client.events(new AbortController().signal)) assert.fail("no event");
    })(),
    error,
  );
});

test("an aborted signal rejects with its reason", async () => {
  const { fetch } = adminFixture();
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const obedient = createAdminClient((input, init) => {
    init?.signal?.throwIfAborted();
    return fetch(input, init);
  });
  await assert.rejects(obedient.status(signal), reason);
});

async function collect(events: AsyncIterable<AdminEvent>, into: AdminEvent[]): Promise<void> {
  for await (const event of events) into.push(event);
}

test("events come typed, in order, until the node stops", async () => {
  const { fetch, node, clock } = adminFixture();
  const seen: AdminEvent[] = [];
  const done = collect(createAdminClient(fetch).events(new AbortController().signal), seen);
  await clock.armed();
  const endpoint = { host: "192.0.2.9", port: 6783 };
  node.events.emit("peer:up", { peer: other, name: "web-2", endpoint });
  node.events.emit("node:stopping", {});
  await done;
  assert.deepEqual(seen, [
    { id: "1", name: "peer:up", detail: { peer: other, name: "web-2", endpoint: "192.0.2.9:6783" } },
    { id: "2", name: "node:stopping", detail: {} },
  ]);
});

test("leaving the loop over events closes the stream", async () => {
  const { fetch, node, clock } = adminFixture();
  const leave = (async () => {
    for await (const { name } of createAdminClient(fetch).events(new AbortController().signal)) return name;
  })();
  await clock.armed();
  node.events.emit("ring:changed", { version: 1 });
  clock.advance(gatherMillis);
  assert.equal(await leave, "ring:changed");
  assert.equal(clock.pending, 0);
});

test("a reader that was too slow is told so by an error", async () => {
  const { fetch, node, clock } = adminFixture();
  const events = createAdminClient(fetch).events(new AbortController().signal)[Symbol.asyncIterator]();
  const first = events.next();
  await clock.armed();
  for (let n = 0; n <= 2 * queueLimit; n++) node.events.emit("alert:cleared", { alert: `alert ${n}` });
  assert.equal((await first).value.name, "alert:cleared");
  await assert.rejects(async () => {
    for (let i = 0; i <= 2 * queueLimit; i++) await events.next();
  }, { code: "TIMEOUT", message: /too slow/ });
});

test("an abort ends the loop over events without an error, a failure does not", async () => {
  const controller = new AbortController();
  const broken = createAdminClient(() => {
    const body = new ReadableStream<Uint8Array>({
      pull: () => Promise.reject(new MeshError("UNREACHABLE", "the connection broke off")),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  await assert.rejects(collect(broken.events(controller.signal), []), { code: "UNREACHABLE" });
  controller.abort();
  await collect(broken.events(controller.signal), []);
});

test("events of a newer node are skipped, and events that are not JSON are refused", async () => {
  const stream =
    'id: 1\nevent: peer:teleported\ndata: {}\n\nid: 2\nevent: ring:changed\ndata: {"version":1}\n\n';
  const { signal } = new AbortController();
  const seen: AdminEvent[] = [];
  await collect(clientOf(200, stream).events(signal), seen);
  assert.deepEqual(seen.map(({ id }) => id), ["2"]);
  const broken = clientOf(200, "event: ring:changed\ndata: {\n\n").events(signal);
  await assert.rejects(collect(broken, []), { code: "MALFORMED" });
});

test("a refused stream is the node's error", async () => {
  const { fetch } = adminFixture();
  const foreign = createAdminClient((input, init) =>
    fetch(new Request(input, { ...init, headers: { host: "evil.example" } }))
  );
  await assert.rejects(collect(foreign.events(new AbortController().signal), []), {
    code: "INVALID_ARGUMENT",
  });
});
