/** The whole way: client, socket, server, API, node. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "../../tests/harness.ts";
import { adminFixture } from "../admin/admin_fixture.ts";
import type { AdminFixture } from "../admin/admin_fixture.ts";
import { createAdminClient } from "../admin/client.ts";
import type { AdminClient, AdminEvent } from "../admin/client.ts";
import { gatherMillis } from "../admin/event_hub.ts";
import { FixtureNode, other, secretOfToken } from "../admin/mesh_node_fixture.ts";
import { largestBody } from "../admin/request_guards.ts";
import type { PingOptions, PingResult } from "../contracts/node.ts";
import { withDirectory } from "./temporary_directory_fixture.ts";
import { unixFetch } from "./unix_http_client.ts";
import { listenUnix } from "./unix_http_server.ts";

interface Served {
  readonly fixture: AdminFixture;
  readonly client: AdminClient;
  readonly path: string;
  readonly close: () => Promise<void>;
}

async function served(use: (served: Served) => Promise<void>, node?: FixtureNode): Promise<void> {
  await withDirectory(async (directory) => {
    const fixture = adminFixture(node);
    await using server = await listenUnix(fixture.app.fetch, join(directory, "admin.sock"));
    const client = createAdminClient(unixFetch(server.path));
    await use({ fixture, client, path: server.path, close: () => server.close() });
  });
}

test("reads, writes and errors come through the socket as the node gave them", async () => {
  await served(async ({ fixture: { node }, client }) => {
    assert.deepEqual(await client.status(), node.status());
    assert.equal((await client.createToken({ lifetimeSeconds: 60 })).token, secretOfToken);
    await client.revokeToken("6f1d0c8a92b34e57a0c1d2e3f4a5b697");
    await client.connect(["192.0.2.9:6783"], { replace: true });
    assert.equal((await client.ping("web-2", { size: 8 })).size, 8);
    await assert.rejects(client.ping("10.32.0.99"), { code: "TIMEOUT" });
    await assert.rejects(client.revokeMember("web-9"), { code: "NOT_FOUND" });
  });
});

test("events come through the socket until the node stops", async () => {
  await served(async ({ fixture: { node, clock }, client }) => {
    const seen: AdminEvent[] = [];
    const done = (async () => {
      for await (const event of client.events(new AbortController().signal)) seen.push(event);
    })();
    await clock.armed();
    for (let i = 1; i <= 100; i++) node.events.emit("alert:cleared", { alert: `alert-${i}` });
    node.events.emit("node:stopping", {});
    await done;
    assert.deepEqual(seen.map(({ id }) => Number(id)), Array.from({ length: 101 }, (_, i) => i + 1));
    assert.equal(clock.pending, 0);
  });
});

test("a client that aborts or goes away leaves no reader behind", async () => {
  await served(async ({ fixture: { node, clock }, client, path }) => {
    const controller = new AbortController();
    const events = client.events(controller.signal)[Symbol.asyncIterator]();
    const first = events.next();
    await clock.armed();
    node.events.emit("peer:revoked", { peer: other });
    clock.advance(gatherMillis);
    assert.equal((await first).value?.name, "peer:revoked");
    const ended = events.next();
    controller.abort();
    assert.equal((await ended).done, true);
    const socket = connect(path);
    socket.write("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
    await clock.disarmed();
  });
});

test("a reader that does not read is dropped, and the others and the node go on", async () => {
  await served(async ({ fixture: { node, clock, log }, client, path }) => {
    const stuck = connect(path);
    stuck.write("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(stuck, "data");
    stuck.pause();
    const detail = "x".repeat(10_000);
    const isDropped = () => log.entries.some(({ message }) => message === "Event reader dropped");
    for (let i = 0; i < 100_000 && !isDropped(); i++) {
      node.events.emit("alert:raised", { alert: `flood-${i}`, detail });
      if (i % 50 === 0) await client.version();
    }
    assert.ok(isDropped());
    assert.equal(clock.pending, 0);
    stuck.destroy();
  });
});

test("closing the server ends event streams and their readers", async () => {
  await served(async ({ fixture: { clock }, client, close }) => {
    const events = client.events(new AbortController().signal)[Symbol.asyncIterator]();
    const next = events.next();
    await clock.armed();
    await close();
    assert.equal((await next).done, true);
    assert.equal(clock.pending, 0);
  });
});

/** Answers no ping until its caller gives up. */
class PatientNode extends FixtureNode {
  readonly asked = Promise.withResolvers<void>();
  readonly gaveUp = Promise.withResolvers<void>();

  override ping(_to: string, _options: PingOptions, signal: AbortSignal): Promise<PingResult> {
    this.asked.resolve();
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        this.gaveUp.resolve();
        reject(signal.reason);
      });
    });
  }
}

test("a caller that gives up ends its ping", async () => {
  const node = new PatientNode();
  await served(async ({ client }) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const refused = assert.rejects(client.ping("web-2", {}, controller.signal), reason);
    await node.asked.promise;
    controller.abort(reason);
    await refused;
    await node.gaveUp.promise;
  }, node);
});

test("bodies above the limit are refused, announced or not, and the server goes on", async () => {
  await served(async ({ client, path }) => {
    const headers = { "content-type": "application/json" };
    const body = "x".repeat(largestBody + 1);
    for (
      const [method, target] of [["POST", "/v1/ping"], [
        "DELETE",
        "/v1/tokens/6f1d0c8a92b34e57a0c1d2e3f4a5b697",
      ]] as const
    ) {
      const response = await unixFetch(path)(target, { method, headers, body });
      assert.deepEqual([response.status, (await response.json()).code], [413, "INVALID_ARGUMENT"]);
    }
    const head = "POST /v1/ping HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    const chunk = `80000\r\n${"x".repeat(0x80000)}\r\n`;
    const text = await raw(path, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}0\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 413 .*"code":"INVALID_ARGUMENT"/s);
    assert.equal((await client.version()).name, "selvage");
  });
});

/** Sends bytes and gives the first piece of the answer. */
async function raw(path: string, bytes: string): Promise<string> {
  const socket = connect(path);
  socket.on("error", () => {});
  socket.write(bytes);
  const [answer] = await once(socket, "data");
  socket.destroy();
  return String(answer);
}

test("a foreign host is refused, also where the request target names it", async () => {
  await served(async ({ fixture: { node }, path }) => {
    const response = await unixFetch(path)("http://evil.example/v1/status");
    assert.deepEqual([response.status, (await response.json()).code], [403, "INVALID_ARGUMENT"]);
    const requests = [
      "GET http://evil.example/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
      "GET /v1/status HTTP/1.1\r\nHost: localhost:6784\r\n\r\n",
      "POST /v1/stop HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n",
    ];
    for (const request of requests) assert.match(await raw(path, request), /^HTTP\/1\.1 403 /);
    assert.deepEqual(node.calls, []);
  });
});

test("stop is answered before the server it closes is gone", async () => {
  await served(async ({ fixture, client, path, close }) => {
    const stopping = client.stop();
    await fixture.clock.armed();
    fixture.clock.advance(0);
    await Promise.all([stopping, close()]);
    assert.equal(fixture.stopped(), 1);
    await assert.rejects(client.status(), { code: "NOT_RUNNING", message: new RegExp(path) });
  });
});
