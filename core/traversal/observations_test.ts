import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Endpoint, PeerId } from "../contracts/values.ts";
import { formatEndpoint, parseEndpoint } from "../wire/endpoint.ts";
import { Observations } from "./observations.ts";

const own: readonly Endpoint[] = [parseEndpoint("192.168.7.2:6783")!];

function told(words: Readonly<Record<string, string>>) {
  const observations = new Observations();
  for (const [peer, text] of Object.entries(words)) observations.saw(peer as PeerId, parseEndpoint(text)!);
  const { kind, steady, unsteady, vouched } = observations.outside(own);
  const texts = [steady, unsteady, vouched].map((endpoints) => endpoints.map(formatEndpoint).join());
  return [kind, ...texts];
}

test("nobody's word is no word; who sees this node where it listens sees it without a translator", () => {
  assert.deepEqual(told({}), ["unknown", "", "", ""]);
  assert.deepEqual(told({ a: "192.168.7.2:6783", b: "192.168.7.2:6783" }), ["none", "", "", ""]);
});

test("one witness alone is believed while there is no other one, but cannot say how ports are given", () => {
  assert.deepEqual(told({ a: "203.0.113.1:40000", b: "192.168.7.2:6783" }), [
    "translated",
    "203.0.113.1:40000",
    "",
    "203.0.113.1:40000",
  ]);
});

test("one witness alone is not believed where another sees this node at a public address of its own", () => {
  const [owns, lie] = ["192.0.2.1:6783", "198.51.100.66:53"].map((text) => parseEndpoint(text)!);
  const observations = new Observations();
  observations.saw("a" as PeerId, owns!);
  observations.saw("b" as PeerId, lie!);
  assert.deepEqual(observations.outside([owns!]).vouched, []);
  observations.saw("c" as PeerId, lie!);
  assert.deepEqual(observations.outside([owns!]).vouched, [lie]);
  observations.forget("c" as PeerId);
  const six = parseEndpoint("[2001:db8::1]:6783")!;
  observations.saw("a" as PeerId, six);
  assert.deepEqual(observations.outside([six]).vouched, [lie], "an address of the other family says nothing");
});

test("what two agree on is told to others, and what a third says alone is not", () => {
  assert.deepEqual(told({ a: "203.0.113.1:40000", b: "203.0.113.1:40000", c: "198.51.100.66:53" }), [
    "endpoint-independent",
    "203.0.113.1:40000,198.51.100.66:53",
    "",
    "203.0.113.1:40000",
  ]);
});

test("another port for each peer is of use to none of the others: only the newest is kept, for its host", () => {
  assert.deepEqual(told({ a: "203.0.113.1:40000", b: "203.0.113.1:40001", c: "203.0.113.1:40002" }), [
    "symmetric",
    "",
    "203.0.113.1:40002",
    "",
  ]);
});

test("one that sees another port than most takes nothing away, and one of two does", () => {
  const most = { a: "203.0.113.1:40000", b: "203.0.113.1:40000" };
  assert.deepEqual(told({ ...most, c: "203.0.113.1:53" }), [
    "endpoint-independent",
    "203.0.113.1:40000",
    "",
    "203.0.113.1:40000",
  ]);
  const halves = { ...most, c: "203.0.113.1:40001", d: "203.0.113.1:40001" };
  assert.deepEqual(told(halves), ["symmetric", "", "203.0.113.1:40001", ""]);
  assert.equal(told({ a: "203.0.113.1:40000", c: "203.0.113.1:53" })[0], "symmetric");
});

test("behind two translators a neighbour sees the middle and all others the outside, each steady in itself", () => {
  const [kind, steady] = told({ a: "203.0.113.1:40000", b: "203.0.113.1:40000", c: "100.64.0.2:50000" });
  assert.deepEqual([kind, steady], ["endpoint-independent", "203.0.113.1:40000,100.64.0.2:50000"]);
});

test("a later word of a peer stands in for its earlier one, and who has no session any more is not heard", () => {
  const observations = new Observations();
  const [first, second] = [parseEndpoint("203.0.113.1:40000")!, parseEndpoint("203.0.113.1:50000")!];
  assert.equal(observations.saw("a" as PeerId, first), true);
  assert.equal(observations.saw("a" as PeerId, { ...first }), false);
  assert.equal(observations.saw("a" as PeerId, second), true);
  assert.deepEqual(observations.all(), [second]);
  assert.equal(observations.forget("a" as PeerId), true);
  assert.equal(observations.outside(own).kind, "unknown");
});

test("of many witnesses the last 128 are heard, and few of many endpoints are told", () => {
  const observations = new Observations();
  for (let index = 0; index < 1_000; index++) {
    observations.saw(`p${index}` as PeerId, { host: `198.51.100.${index % 250}`, port: 1_000 + index });
  }
  assert.ok(observations.all().length <= 128);
  const { steady, unsteady } = observations.outside([]);
  assert.ok(steady.length <= 4 && unsteady.length <= 4);
});
