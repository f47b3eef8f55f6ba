import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { NodeEvents } from "../contracts/events.ts";
import type { PeerId } from "../contracts/values.ts";
import { addressFromBytes, formatAddress } from "../wire/address.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import { relayEndpointTo } from "../wire/relay_endpoint.ts";
import { streamEndpoint } from "../wire/stream_endpoint.ts";
import { adminFixture } from "./admin_fixture.ts";
import type { AdminFixture } from "./admin_fixture.ts";
import { eventDocument, eventNames } from "./event_documents.ts";
import { gatherMillis, mostReaders } from "./event_hub.ts";
import { heartbeatMillis, queueBytes, queueLimit } from "./event_reader.ts";
import { eventSchemas } from "./event_schemas.ts";
import { other, self } from "./mesh_node_fixture.ts";

const details: NodeEvents = {
  "node:ready": { id: self },
  "node:stopping": {},
  "peer:up": { peer: other, name: "web-2", endpoint: { host: "2001:db8::1", port: 6783 } },
  "peer:down": { peer: other, name: "web-2", reason: "3 keepalives unanswered" },
  "peer:roamed": { peer: other, endpoint: { host: "192.0.2.9", port: 40_000 }, relay: null },
  "peer:liveness": { peer: other, liveness: "suspect" },
  "peer:encryption": { peer: other, encrypted: false },
  "peer:admitted": { peer: other, name: "web-2" },
  "peer:revoked": { peer: other },
  "ring:changed": { version: 4 },
  "lease:changed": {
    lease: { owner: "c1", address: { family: 4, bytes: Uint8Array.of(10, 32, 0, 9) }, bits: 12 },
    state: "allocated",
  },
  "lease:waiting": {
    owner: "web",
    subnet: { address: { family: 4, bytes: Uint8Array.of(10, 32, 2, 0) }, bits: 24 },
  },
  "endpoint:attached": {
    owner: "netns:4:1",
    addresses: [{ family: 4, bytes: Uint8Array.of(10, 32, 0, 9) }],
  },
  "endpoint:detached": { owner: "netns:4:1" },
  "connection:changed": {
    endpoint: { host: "192.0.2.9", port: 6783 },
    peer: null,
    state: "retrying",
    reason: "no answer",
  },
  "target:changed": { target: "mesh.example.net:6783", state: "forgotten", reason: null },
  "target:resolved": {
    target: "mesh.example.net:6783",
    places: [{ host: "2001:db8::1", port: 6783 }],
    reason: null,
  },
  "target:failed": {
    endpoint: { host: "192.0.2.9", port: 6783 },
    code: "TIMEOUT",
    reason: "line\nbreak: \u2028",
  },
  "alert:raised": { alert: "clock", detail: "jumped" },
  "alert:cleared": { alert: "clock" },
};

/** A stream read piece by piece; one piece is one frame. */
class Frames {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(response: Response) {
    assert.ok(response.body !== null);
    this.#reader = response.body.getReader();
  }

  async next(): Promise<string | undefined> {
    const { done, value } = await this.#reader.read();
    return done ? undefined : new TextDecoder().decode(value);
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

async function follow({ request }: AdminFixture): Promise<Frames> {
  const response = await request("GET", "/v1/events");
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const frames = new Frames(response);
  assert.equal(await frames.next(), ": events of this node\n\n");
  return frames;
}

test("every event of the node arrives with its number, its name and its document", async () => {
  const fixture = adminFixture();
  const frames = await follow(fixture);
  for (const [i, name] of eventNames.filter((event) => event !== "node:stopping").entries()) {
    fixture.node.events.emit(name, details[name]);
    await fixture.clock.advance(gatherMillis);
    const frame = await frames.next() ?? "";
    const [id, event, data = "", ...end] = frame.split("\n");
    assert.deepEqual([id, event, end], [`id: ${i + 1}`, `event: ${name}`, ["", ""]]);
    const document = JSON.parse(data.slice("data: ".length));
    assert.deepEqual(eventSchemas[name].parse(document), document);
    assert.deepEqual(document, eventDocument(name, details[name]));
  }
  await frames.cancel();
});

test("addresses and endpoints are text, as everywhere in the API", () => {
  assert.equal(eventDocument("peer:up", details["peer:up"]).endpoint, "[2001:db8::1]:6783");
  assert.equal(eventDocument("peer:roamed", details["peer:roamed"]).endpoint, "192.0.2.9:40000");
  for (
    const endpoint of [
      streamEndpoint({ host: "192.0.2.9", port: 6783 }),
      streamEndpoint({ host: "2001:db8::1", port: 6783 }),
      relayEndpointTo(self, other)!,
    ]
  ) {
    const shown = eventDocument("connection:changed", { ...details["connection:changed"], endpoint });
    assert.equal(shown.endpoint, formatEndpoint(endpoint));
  }
  assert.deepEqual(eventDocument("lease:changed", details["lease:changed"]).lease, {
    owner: "c1",
    address: "10.32.0.9",
    bits: 12,
  });
});

test("a leased address reads as the wire codec writes it", () => {
  const group = fc.oneof(
    fc.constant([0, 0]),
    fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 2, maxLength: 2 }),
  );
  const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) =>
    Uint8Array.from(groups.flat())
  );
  const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), (bytes) => {
      const address = addressFromBytes(bytes);
      assert.ok(address !== undefined);
      const isMapped = bytes.length === 16 && bytes.subarray(0, 10).every((byte) => byte === 0);
      fc.pre(!isMapped);
      const lease = { owner: "c1", address, bits: 12 };
      const { lease: shown } = eventDocument("lease:changed", { lease, state: "released" });
      assert.equal(shown.address, formatAddress(address));
    }),
    { seed: 1, numRuns: 1000 },
  );
});

test("numbers count the node's events, also those that nobody read", async () => {
  const fixture = adminFixture();
  fixture.node.events.emit("ring:changed", { version: 1 });
  const first = await follow(fixture);
  fixture.node.events.emit("ring:changed", { version: 2 });
  await fixture.clock.advance(gatherMillis);
  const second = await follow(fixture);
  fixture.node.events.emit("ring:changed", { version: 3 });
  await fixture.clock.advance(gatherMillis);
  assert.match(await first.next() ?? "", /^id: 2\n/);
  assert.match(await first.next() ?? "", /^id: 3\n/);
  assert.match(await second.next() ?? "", /^id: 3\n/);
  await Promise.all([first.cancel(), second.cancel()]);
});

test("a quiet stream has a heartbeat every 15 seconds", async () => {
  const fixture = adminFixture();
  const frames = await follow(fixture);
  for (let beat = 0; beat < 3; beat++) {
    const next = frames.next();
    fixture.clock.advance(heartbeatMillis);
    assert.equal(await next, ": heartbeat\n\n");
  }
  await frames.cancel();
});

test("a reader that has gone leaves no timer and no queue", async () => {
  const fixture = adminFixture();
  const frames = await follow(fixture);
  assert.equal(fixture.clock.pending, 1);
  await frames.cancel();
  assert.equal(fixture.clock.pending, 0);
  fixture.node.events.emit("ring:changed", { version: 1 });
});

test("a reader that waits when it goes leaves nothing either", async () => {
  const fixture = adminFixture();
  const frames = await follow(fixture);
  const waiting = frames.next();
  await frames.cancel();
  assert.equal(await waiting, undefined);
  fixture.node.events.emit("ring:changed", { version: 1 });
  assert.equal(fixture.clock.pending, 0);
});

test("a slow reader gets what it had room for and a last event that says so; a fast one misses nothing", async () => {
  const fixture = adminFixture();
  const slow = await follow(fixture);
  const fast = await follow(fixture);
  const batch = 64;
  for (let told = 0; told < queueLimit + batch; told += batch) {
    for (let n = told; n < told + batch; n++) {
      fixture.node.events.emit("alert:cleared", { alert: `alert ${n}` });
    }
    await fixture.clock.advance(gatherMillis);
    for (let n = told; n < told + batch; n++) {
      assert.match(await fast.next() ?? "", new RegExp(`"alert ${n}"`));
    }
  }
  for (let id = 1; id <= queueLimit; id++) assert.match(await slow.next() ?? "", new RegExp(`^id: ${id}\n`));
  assert.equal(
    await slow.next(),
    `event: stream:dropped\ndata: {"reason":"too slow","limit":${queueLimit}}\n\n`,
  );
  assert.equal(await slow.next(), undefined);
  assert.equal(fixture.log.entries.filter(({ message }) => message === "Event reader dropped").length, 1);
  await fast.cancel();
  assert.equal(fixture.clock.pending, 0);
});

test("a slow reader is dropped by the bytes that wait for it too, and is counted", async () => {
  const fixture = adminFixture();
  const slow = await follow(fixture);
  const detail = "x".repeat(10_000);
  const emitted = Math.ceil(queueBytes / detail.length);
  assert.ok(emitted < queueLimit);
  for (let i = 0; i < emitted; i++) fixture.node.events.emit("alert:raised", { alert: `long ${i}`, detail });
  await fixture.clock.advance(gatherMillis);
  let bytes = 0;
  let last = "";
  for (let frame = await slow.next(); frame !== undefined; frame = await slow.next()) {
    last = frame;
    bytes += frame.length;
  }
  assert.ok(bytes <= queueBytes + 200, `${bytes}`);
  assert.match(last, /^event: stream:dropped\n/);
  const { readers } = await (await fixture.request("GET", "/v1/admin")).json();
  assert.deepEqual(readers, { open: 0, dropped: 1 });
});

test("a reader that waits takes an event of any length", async () => {
  const fixture = adminFixture();
  const frames = await follow(fixture);
  const next = frames.next();
  fixture.node.events.emit("alert:raised", { alert: "long", detail: "x".repeat(2 * queueBytes) });
  await fixture.clock.advance(gatherMillis);
  assert.ok((await next ?? "").length > 2 * queueBytes);
  await frames.cancel();
});

test("the stream ends with node:stopping", async () => {
  const fixture = adminFixture();
  const frames = await follow(fixture);
  fixture.node.events.emit("peer:revoked", { peer: other });
  fixture.node.events.emit("node:stopping", {});
  fixture.node.events.emit("peer:revoked", { peer: other });
  assert.match(await frames.next() ?? "", /^id: 1\nevent: peer:revoked\n/);
  assert.match(await frames.next() ?? "", /^id: 2\nevent: node:stopping\n/);
  assert.equal(await frames.next(), undefined);
  assert.equal(fixture.clock.pending, 0);
});

test("a reader that waits is told of the end at once", async () => {
  const fixture = adminFixture();
  const frames = await follow(fixture);
  const last = frames.next();
  fixture.node.events.emit("node:stopping", {});
  assert.match(await last ?? "", /event: node:stopping/);
  assert.equal(await frames.next(), undefined);
});

test("an event that this build does not know is not shown, and breaks nothing", async () => {
  const fixture = adminFixture();
  const frames = await follow(fixture);
  fixture.node.events.emit("toString" as "ring:changed", { version: 1 });
  fixture.node.events.emit("ring:changed", { version: 2 });
  await fixture.clock.advance(gatherMillis);
  assert.match(await frames.next() ?? "", /^id: 2\n/);
  await frames.cancel();
});

test("more readers than half of the connections are refused, until one goes", async () => {
  const fixture = adminFixture();
  const readers = [];
  for (let i = 0; i < mostReaders; i++) readers.push(await follow(fixture));
  const refused = await fixture.request("GET", "/v1/events");
  assert.deepEqual([refused.status, (await refused.json()).code], [503, "POOL_EXHAUSTED"]);
  await readers.pop()?.cancel();
  readers.push(await follow(fixture));
  await Promise.all(readers.map((reader) => reader.cancel()));
  assert.equal(fixture.clock.pending, 0);
});

test("of a hundred changes of one kind and subject within a tenth of a second the last one is told, once", async () => {
  const fixture = adminFixture();
  const frames = await follow(fixture);
  const { events } = fixture.node;
  for (let version = 1; version <= 50; version++) {
    events.emit("ring:changed", { version });
    events.emit("peer:up", { ...details["peer:up"], endpoint: { host: "192.0.2.1", port: version } });
    events.emit("peer:down", details["peer:down"]);
    events.emit("alert:raised", { alert: `alert ${version % 2}`, detail: String(version) });
  }
  await fixture.clock.advance(gatherMillis);
  events.emit("ring:changed", { version: 51 });
  await fixture.clock.advance(gatherMillis - 1);
  events.emit("ring:changed", { version: 52 });
  await fixture.clock.advance(1);
  events.emit("node:stopping", {});
  const names = [];
  for (let frame = await frames.next(); frame !== undefined; frame = await frames.next()) {
    names.push(frame.split("\n").slice(0, 2).join(" ").replace(/(id|event): /g, ""));
  }
  assert.deepEqual(names, [
    "196 alert:raised",
    "197 ring:changed",
    "198 peer:up",
    "199 peer:down",
    "200 alert:raised",
    "202 ring:changed",
    "203 node:stopping",
  ]);
  assert.equal(fixture.clock.pending, 0);
});

test("very many subjects at once are not held up, and cost a reader that keeps up nothing", async () => {
  const fixture = adminFixture();
  const frames = await follow(fixture);
  for (let n = 0; n < 300; n++) {
    const peer = `${String(n).padStart(4, "a")}${self.slice(4)}` as PeerId;
    fixture.node.events.emit("peer:revoked", { peer });
    if (n % 100 === 99) await fixture.clock.advance(gatherMillis);
    if (n % 100 === 99) {
      for (let read = 0; read < 100; read++) assert.match(await frames.next() ?? "", /revoked/);
    }
  }
  for (let n = 0; n < queueLimit / 2; n++) {
    fixture.node.events.emit("alert:raised", { alert: `alert ${n}`, detail: "" });
  }
  for (let n = 0; n < queueLimit / 2; n++) assert.match(await frames.next() ?? "", /alert:raised/);
  assert.equal(fixture.clock.pending, 1);
  await frames.cancel();
});
