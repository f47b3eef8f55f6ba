/** The admin API on TCP: who is let in, what a caller may cost, and where it may listen. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { test } from "../../tests/harness.ts";
import { adminFixture } from "../admin/admin_fixture.ts";
import { createAdminClient } from "../admin/client.ts";
import { opens, tcpDoor } from "../admin/door.ts";
import { gatherMillis } from "../admin/event_hub.ts";
import { FixtureNode } from "../admin/mesh_node_fixture.ts";
import type { Endpoint } from "../contracts/values.ts";
import type { Caller, ListenOptions } from "./http_server.ts";
import { loopbackFetch } from "./loopback_http_client.ts";
import { parseLoopback } from "./loopback_endpoint.ts";
import { listenLoopback } from "./loopback_http_server.ts";

const token = "t".repeat(43);
const isToken = (shown: string) => shown === token;
const anywhere: Endpoint = { host: "127.0.0.1", port: 0 };
const knows = (authorization: string | undefined) => opens(tcpDoor(anywhere, isToken), authorization);

interface Served {
  readonly fixture: ReturnType<typeof adminFixture>;
  readonly endpoint: Endpoint;
  readonly base: string;
}

/** The API behind a token, closed at the end. */
async function serving(use: (served: Served) => Promise<void>, options: ListenOptions = {}): Promise<void> {
  const fixture = adminFixture();
  let bound = anywhere;
  const fetch = (request: Request, caller: Caller) =>
    fixture.app.fetch(request, { door: tcpDoor(bound, isToken), ...caller });
  await using server = await listenLoopback(fetch, anywhere, { knows, ...options });
  bound = server.endpoint;
  await use({ fixture, endpoint: bound, base: `http://127.0.0.1:${bound.port}` });
}

/** Sends bytes as they are, and gives all that comes back until the connection ends. */
async function speak({ port }: Endpoint, ...pieces: string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  for (const piece of pieces) socket.write(piece);
  return await heard(socket);
}

async function heard(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => text += String(chunk));
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

function head({ port }: Endpoint, lines = "", method = "GET"): string {
  return `${method} /v1/version HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n${lines}\r\n`;
}

test("the client with the token reads, writes and follows events; one without it learns nothing", async () => {
  await serving(async ({ fixture, base }) => {
    const client = createAdminClient(loopbackFetch(base, token));
    assert.deepEqual(await client.status(), fixture.node.status());
    await client.forget(["192.0.2.9:6783"]);
    assert.equal(fixture.log.entries.at(-1)?.fields["who"], "tcp 127.0.0.1");
    const following = new AbortController();
    const events = client.events(following.signal)[Symbol.asyncIterator]();
    const first = events.next();
    await fixture.clock.armed();
    fixture.node.events.emit("ring:changed", { version: 1 });
    fixture.clock.advance(gatherMillis);
    assert.equal((await first).value?.name, "ring:changed");
    following.abort();
    assert.equal((await events.next()).done, true);
    const calls = fixture.node.calls.length;
    await assert.rejects(createAdminClient(loopbackFetch(base, "x".repeat(43))).status(), {
      code: "TOKEN_INVALID",
    });
    assert.equal(fixture.node.calls.length, calls);
  });
});

test("a name that was rebound to this machine is refused, and so is a page of another site, also with the token", async () => {
  await serving(async ({ fixture, endpoint }) => {
    const shown = `Authorization: Bearer ${token}\r\n`;
    for (
      const host of ["evil.example", "127.0.0.1", `127.0.0.2:${endpoint.port}`, `localhost.:${endpoint.port}`]
    ) {
      const request = `GET /v1/version HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${shown}\r\n`;
      assert.match(await speak(endpoint, request), /^HTTP\/1\.1 403 /, host);
    }
    for (const line of ["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"]) {
      assert.match(await speak(endpoint, head(endpoint, `${shown}${line}\r\n`)), /^HTTP\/1\.1 403 /, line);
    }
    assert.match(await speak(endpoint, head(endpoint, shown)), /^HTTP\/1\.1 200 /);
    assert.match(await speak(endpoint, head(endpoint)), /^HTTP\/1\.1 401 .*\r\nwww-authenticate: Bearer /is);
    assert.deepEqual(fixture.node.calls, []);
  });
});

test("headers above 16 KiB and bodies above a mebibyte are refused", async () => {
  await serving(async ({ endpoint }) => {
    const shown = `Authorization: Bearer ${token}\r\n`;
    assert.match(await speak(endpoint, head(endpoint, `X: ${"a".repeat(17_000)}\r\n`)), /^HTTP\/1\.1 431 /);
    const large = `${shown}Content-Length: 1048577\r\n`;
    assert.match(
      await speak(endpoint, head(endpoint, large, "DELETE"), "x".repeat(1_048_577)),
      /^HTTP\/1\.1 413 /,
    );
  });
});

test("headers and bodies that come too slowly end the connection, and the others are served", async () => {
  await serving(async ({ endpoint, base }) => {
    const shown = `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n`;
    const slowHead = speak(endpoint, "GET /v1/version HTTP/1.1\r\nHost:");
    const body = `POST /v1/ping HTTP/1.1\r\nHost: 127.0.0.1:${endpoint.port}\r\n${shown}\r\ncut`;
    const slowBody = speak(endpoint, body);
    assert.equal((await createAdminClient(loopbackFetch(base, token)).version()).name, "selvage");
    assert.match(await slowHead, /^(HTTP\/1\.1 408 |$)/);
    assert.match(await slowBody, /^(HTTP\/1\.1 (408|400) |$)/);
  }, { limits: { headerMillis: 60, requestMillis: 150 } });
});

test("whoever shows the token keeps its connection when many others come, and gets in however many hold places", async () => {
  await serving(async ({ fixture, endpoint, base }) => {
    const client = createAdminClient(loopbackFetch(base, token));
    const following = new AbortController();
    const events = client.events(following.signal)[Symbol.asyncIterator]();
    const first = events.next();
    await fixture.clock.armed();
    const holders = Array.from({ length: 40 }, () => connect(endpoint.port, "127.0.0.1"));
    const ends = holders.map((socket) => heard(socket));
    for (const socket of holders) socket.write("GET /v1/version HTTP/1.1\r\nHost: ");
    await Promise.race(ends);
    assert.equal((await client.version()).name, "selvage");
    fixture.node.events.emit("ring:changed", { version: 1 });
    fixture.clock.advance(gatherMillis);
    assert.equal((await first).value?.name, "ring:changed");
    following.abort();
    await events.next();
    for (const socket of holders) socket.destroy();
    await Promise.all(ends);
  }, { limits: { connections: 4, burst: 16, graceMillis: 10 } });
});

test("of a flood without the token few requests are looked at, and the token's holder is served at once", async () => {
  await serving(async ({ fixture, endpoint, base }) => {
    const flood = Array.from({ length: 30 }, () => speak(endpoint, head(endpoint)));
    const answers = (await Promise.all(flood)).map((text) => /^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
    assert.equal(answers.filter((status) => status === "401").length, 3);
    assert.equal(answers.filter((status) => status === "429").length, 27);
    assert.equal((await createAdminClient(loopbackFetch(base, token)).version()).name, "selvage");
    assert.deepEqual(fixture.node.calls, []);
  }, { limits: { strangerRequests: 3 } });
});

test("a slow reader of events is dropped and counted, and the others and the node go on", async () => {
  await serving(async ({ fixture, endpoint, base }) => {
    const client = createAdminClient(loopbackFetch(base, token));
    const stuck = connect(endpoint.port, "127.0.0.1");
    stuck.write(
      `GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${endpoint.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    await once(stuck, "data");
    stuck.pause();
    assert.equal((await client.admin()).readers.open, 1);
    const detail = "x".repeat(10_000);
    let emitted = 0;
    while ((await client.admin()).readers.dropped === 0 && emitted < 20_000) {
      for (let i = 0; i < 50; i++, emitted++) {
        fixture.node.events.emit("alert:raised", { alert: `flood-${emitted}`, detail });
      }
    }
    assert.deepEqual((await client.admin()).readers, { open: 0, dropped: 1 });
    assert.equal(fixture.clock.pending, 0);
    stuck.destroy();
  });
});

test("an endpoint that others can reach, a name, or no endpoint at all is refused with what to write", () => {
  assert.deepEqual(parseLoopback("127.0.0.1:6784"), { host: "127.0.0.1", port: 6784 });
  assert.deepEqual(parseLoopback("[::1]:6784"), { host: "::1", port: 6784 });
  const refused = [
    "0.0.0.0:6784",
    "[::]:6784",
    "192.0.2.1:6784",
    "localhost:6784",
    "127.0.0.1",
    "",
    "[fe80::1]:1",
  ];
  for (const text of refused) {
    assert.throws(() => parseLoopback(text), {
      code: "CONFIG_INVALID",
      message: /write 127\.0\.0\.1:6784 or/,
    }, text);
  }
});

test("a port that is taken is named with the setting that changes it", async () => {
  await serving(async ({ endpoint }) => {
    const again = listenLoopback(() => new Response(), endpoint, { knows });
    await assert.rejects(again, { code: "BIND_FAILED", message: /address in use.*admin\.listen/ });
  });
});

test("the client sends its token to this machine alone", async () => {
  for (
    const base of [
      "http://192.0.2.1:6784",
      "https://127.0.0.1:6784",
      "http://example.net",
      "127.0.0.1:6784",
      "",
    ]
  ) {
    assert.throws(() => loopbackFetch(base, token), { code: "CONFIG_INVALID" }, base);
  }
  const client = createAdminClient(loopbackFetch("http://127.0.0.1:9", token));
  await assert.rejects(client.status(), { code: "NOT_RUNNING", message: /http:\/\/127\.0\.0\.1:9;/ });
});

test("IPv6 is served where this machine has it", async () => {
  const node = new FixtureNode();
  const fixture = adminFixture(node);
  let bound: Endpoint = { host: "::1", port: 0 };
  await using server = await listenLoopback(
    (request, caller) => fixture.app.fetch(request, { door: tcpDoor(bound, isToken), ...caller }),
    bound,
    { knows },
  );
  bound = server.endpoint;
  const client = createAdminClient(loopbackFetch(`http://[::1]:${bound.port}`, token));
  assert.equal((await client.version()).name, "selvage");
});
