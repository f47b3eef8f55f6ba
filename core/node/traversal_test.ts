import assert from "node:assert/strict";
import { SimClock } from "../../tests/sim/clock.ts";
import { test } from "../../tests/harness.ts";
import { type DropName, dropNames } from "../contracts/drop.ts";
import type { Endpoint, PeerId } from "../contracts/values.ts";
import { decodePathMessage, encodePathMessage } from "../traversal/path_message.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { formatEndpoint, parseEndpoint } from "../wire/endpoint.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { Traversal } from "./traversal.ts";

const own = "192.168.7.2:6783";
const outside = "203.0.113.1:40000";
const behindRelay: Endpoint = { host: "relay/x/y", port: 0 };
const [a, b, c] = ["a", "b", "c"] as unknown as readonly [PeerId, PeerId, PeerId];

class Bed {
  readonly clock = new SimClock();
  readonly ways = new Map<PeerId, Endpoint>();
  readonly sent: string[] = [];
  readonly probed: string[] = [];
  readonly drops = new Map<DropName, number>();
  readonly kept: number[] = [];
  announced = 0;
  #hear: (from: PeerId, bytes: Uint8Array) => void = () => {};
  readonly traversal = new Traversal({
    clock: this.clock,
    drops: {
      count: (drop, times = 1) => {
        const reason = dropNames[drop]!;
        this.drops.set(reason, (this.drops.get(reason) ?? 0) + times);
      },
    },
    channel: {
      send: (to, bytes) => {
        this.sent.push(`${to} ${JSON.stringify(textOf(bytes))}`);
        return true;
      },
      receive: (handler) => {
        this.#hear = handler;
      },
      peers: () => [...this.ways.keys()],
    },
    own: () => [parseEndpoint(own)!],
    ranges: () => [parsePrefix("10.32.0.0/12")!],
    endpointOf: (peer) => this.ways.get(peer),
    probe: (peer, endpoint) => this.probed.push(`${peer} ${formatEndpoint(endpoint)}`),
    keep: (every) => this.kept.push(every),
    announce: () => void this.announced++,
  });

  up(peer: PeerId, way: Endpoint = parseEndpoint("192.0.2.9:6783")!): void {
    this.ways.set(peer, way);
    this.traversal.moved(peer);
  }

  down(peer: PeerId): void {
    this.ways.delete(peer);
    this.traversal.sessionDown(peer);
  }

  seen(from: PeerId, text: string): void {
    this.#hear(from, encodePathMessage({ kind: "seen", endpoint: parseEndpoint(text)! }));
  }

  hear(from: PeerId, bytes: Uint8Array): void {
    this.#hear(from, bytes);
  }

  endpoints(): readonly string[] {
    return this.traversal.endpoints().map(formatEndpoint);
  }
}

function textOf(bytes: Uint8Array): unknown {
  const message = decodePathMessage(bytes)!;
  return message.kind === "seen"
    ? ["seen", formatEndpoint(message.endpoint)]
    : [...message.endpoints.map(formatEndpoint), message.wanted];
}

test("who has a session without a relay is told where it is seen, and again when it has moved", () => {
  const bed = new Bed();
  bed.up(a);
  bed.up(a, parseEndpoint("192.0.2.10:7")!);
  bed.up(b, { host: "tcp/192.0.2.11", port: 9 });
  assert.deepEqual(bed.sent.slice(0, 2), ['a ["seen","192.0.2.9:6783"]', 'a ["seen","192.0.2.10:7"]']);
  assert.ok(!bed.sent.some((line) => line.startsWith("b") && line.includes("seen")));
});

test("what two peers see is announced at once, and what changes after that every ten seconds at most", async () => {
  const bed = new Bed();
  for (const peer of [a, b, c]) bed.up(peer);
  bed.seen(a, outside);
  bed.seen(b, outside);
  await bed.clock.advance(1);
  assert.deepEqual([bed.announced, bed.endpoints()], [1, [own, outside]]);
  assert.equal(bed.traversal.status().kind, "endpoint-independent");
  for (const port of [40_001, 40_002, 40_003]) {
    await bed.clock.advance(1_000);
    for (const peer of [a, b]) bed.seen(peer, `203.0.113.1:${port}`);
  }
  assert.equal(bed.announced, 1);
  await bed.clock.advance(10_000);
  assert.deepEqual([bed.announced, bed.endpoints()], [2, [own, "203.0.113.1:40003"]]);
  assert.deepEqual(bed.traversal.status().announced, ["203.0.113.1:40003"]);
});

test("a port that is another one for each peer is told to the peer behind a relay and to nobody else", async () => {
  const bed = new Bed();
  for (const peer of [a, b]) bed.up(peer);
  bed.seen(a, outside);
  bed.seen(b, "203.0.113.1:40001");
  bed.up(c, behindRelay);
  await bed.clock.advance(20_000);
  assert.deepEqual(bed.endpoints(), [own]);
  assert.equal(bed.sent.find((line) => line.startsWith("c")), `c ["203.0.113.1:40001","${own}",true]`);
  assert.equal(bed.traversal.status().kind, "symmetric");
});

test("candidates of a peer behind a relay are tried until the way is open, and those that harm others are not", async () => {
  const bed = new Bed();
  bed.up(c, behindRelay);
  const endpoints = ["192.0.2.7:9", "224.0.0.1:9", "10.32.0.7:9", "127.0.0.1:9"].map((text) =>
    parseEndpoint(text)!
  );
  bed.hear(c, encodePathMessage({ kind: "candidates", endpoints, wanted: true }));
  await bed.clock.advance(300);
  assert.deepEqual(bed.probed, ["c 192.0.2.7:9", "c 192.0.2.7:9"]);
  bed.up(c, endpoints[0]);
  await bed.clock.advance(60_000);
  assert.equal(bed.probed.length, 2);
  assert.equal(bed.clock.now() > 60_000, true);
});

test("a peer behind a relay, or without a session, vouches for nothing; nor does anybody for a place in the network", () => {
  const bed = new Bed();
  bed.seen(a, outside);
  bed.up(a, behindRelay);
  bed.seen(a, outside);
  bed.up(b);
  for (const text of ["10.32.0.7:9", "224.0.0.1:9", "127.0.0.1:9"]) bed.seen(b, text);
  assert.deepEqual(bed.traversal.status(), { kind: "unknown", observed: [], announced: [] });
});

test("when a witness goes its word goes, and what was announced by it alone", async () => {
  const bed = new Bed();
  bed.up(a);
  bed.seen(a, outside);
  await bed.clock.advance(1);
  assert.deepEqual([bed.announced, bed.traversal.status().kind], [1, "translated"]);
  bed.down(a);
  await bed.clock.advance(10_000);
  assert.deepEqual([bed.announced, bed.endpoints()], [2, [own]]);
});

test("words without end and words that nobody understands are counted, and change nothing", async () => {
  const bed = new Bed();
  bed.up(a);
  for (let index = 0; index < 100; index++) bed.seen(a, `203.0.113.1:${1 + index}`);
  bed.hear(a, encodeCbor([9, "seen"]));
  bed.hear(a, new Uint8Array(9));
  assert.deepEqual([...bed.drops], [["rateLimited", 92], ["unsupported", 2]]);
  assert.equal(bed.traversal.status().observed.length, 1);
  await bed.clock.advance(100_000);
  assert.equal(bed.announced, 1);
});

test("one peer whose word changes for ever makes few records, and few tries of those behind relays", async () => {
  const bed = new Bed();
  bed.up(a);
  bed.up(c, behindRelay);
  const endpoints = [parseEndpoint("192.0.2.7:9")!];
  bed.hear(c, encodePathMessage({ kind: "candidates", endpoints, wanted: false }));
  const seconds = 3_600;
  for (let second = 0; second < seconds; second += 5) {
    bed.seen(a, `203.0.113.${second % 2}:40000`);
    await bed.clock.advance(5_000);
  }
  assert.ok(bed.announced > 20 && bed.announced <= 6 + seconds / 120, `${bed.announced} records`);
  assert.ok(bed.probed.length <= (6 + seconds / 30 + 1) * 5, `${bed.probed.length} tries`);
  bed.seen(a, outside);
  await bed.clock.advance(120_000);
  assert.deepEqual(bed.endpoints(), [own, outside], "the last word is told");
  assert.equal(bed.sent.findLast((line) => line.startsWith("c")), `c ["${outside}","${own}",true]`);
});

test("a mapping that is lost again when nothing is left to halve does not stay at the shortest for ever", async () => {
  const bed = new Bed();
  bed.up(a);
  for (let port = 40_000; port < 40_004; port++) {
    bed.seen(a, `203.0.113.1:${port}`);
    await bed.clock.advance(120_000);
  }
  assert.equal(bed.kept.at(-1), 6_000);
  bed.seen(a, outside);
  await bed.clock.advance(1_800_000);
  assert.equal(bed.kept.at(-1), 7_500);
});

test("sessions that end with the node leave nothing to wait for", () => {
  const bed = new Bed();
  for (const peer of [a, b]) bed.up(peer);
  for (const peer of [a, b]) bed.seen(peer, outside);
  bed.traversal.stop();
  for (const peer of [a, b]) bed.down(peer);
  assert.equal(bed.clock.pending, 0);
});

test("a node that stops says nothing more", async () => {
  const bed = new Bed();
  bed.up(c, behindRelay);
  bed.traversal.stop();
  bed.sent.length = 0;
  bed.up(a);
  bed.seen(a, outside);
  await bed.clock.advance(1_000_000);
  assert.deepEqual([bed.sent, bed.probed, bed.announced], [[], [], 0]);
});

test("behind a translator something leaves in time, in half of it when a mapping was lost, and in more when none is", async () => {
  const bed = new Bed();
  for (const peer of [a, b]) bed.up(peer);
  for (const peer of [a, b]) bed.seen(peer, own);
  assert.deepEqual(bed.kept, []);
  for (const peer of [a, b]) bed.seen(peer, outside);
  assert.deepEqual(bed.kept, [25_000]);
  await bed.clock.advance(100_000);
  for (const peer of [a, b]) bed.seen(peer, "203.0.113.1:40001");
  assert.deepEqual(bed.kept, [25_000, 12_500]);
  await bed.clock.advance(4 * 3_600_000);
  assert.deepEqual(bed.kept.slice(2).map(Math.round), [15_625, 19_531, 24_414, 25_000]);
  for (const peer of [a, b]) bed.down(peer);
  assert.equal(bed.kept.at(-1), Infinity);
});
