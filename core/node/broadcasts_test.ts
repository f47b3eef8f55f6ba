/** Forwarders of several nodes, with links between some of them and trees that the test draws. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { chain, type NodeName, Woven } from "../../tests/sim/woven_forwarders.ts";
import { Drop, type DropName } from "../contracts/drop.ts";
import { encodeBroadcast } from "../wire/broadcast_header.ts";
import { encodeEthernet } from "../wire/ethernet.ts";
import { GreProtocol } from "../wire/gre.ts";
import { broadcastMac, macOfAddress } from "../wire/mac.ts";
import { parseAddress } from "../wire/address.ts";
import { mostHops } from "./broadcasts.ts";

/** Names of those that a frame of each origin was delivered to, in order. */
function heard(woven: Woven): string {
  return woven.delivered.map(({ at, text }) => `${at}:${text}`).join(" ");
}

function dropsOf(woven: Woven): Partial<Record<NodeName, Partial<Record<DropName, number>>>> {
  const all = woven.names.map((name) => [name, woven.node(name).drops.report()] as const);
  return Object.fromEntries(all.filter(([, drops]) => Object.keys(drops).length > 0));
}

test("along a chain of four every node delivers a frame once, in the order in which it was sent", async () => {
  const woven = await Woven.of(chain("abcd"));
  woven.say("a", "1", "2", "3");
  assert.equal(heard(woven), "b:1 b:2 b:3 c:1 c:2 c:3 d:1 d:2 d:3");
  woven.delivered.length = 0;
  woven.say("b", "4");
  assert.equal(heard(woven), "a:4 c:4 d:4");
  assert.deepEqual(
    woven.sent,
    ["a>b", "a>b", "a>b", "b>c", "b>c", "b>c", "c>d", "c>d", "c>d"].concat("b>a b>c c>d".split(" ")),
  );
  assert.deepEqual(dropsOf(woven), {});
});

test("what comes twice is delivered and handed on once", async () => {
  const woven = await Woven.of(chain("abcd"));
  woven.copies = 3;
  woven.say("a", "1");
  assert.equal(heard(woven), "b:1 c:1 d:1");
  assert.deepEqual(dropsOf(woven), { b: { replayed: 2 }, c: { replayed: 2 }, d: { replayed: 2 } });
});

test("a tree that is a ring ends where it began, and what goes by two ways is delivered once", async () => {
  const ring = { a: "bd", b: "ac", c: "bd", d: "ac" };
  const woven = await Woven.of(ring);
  woven.trees = () => ring;
  woven.say("a", "1");
  assert.equal(heard(woven), "b:1 d:1 c:1");
  assert.deepEqual(dropsOf(woven), { c: { replayed: 1 }, d: { replayed: 1 } });
  woven.trees = () => ({ a: "b", b: "c", c: "d", d: "a" });
  woven.say("a", "2");
  assert.equal(heard(woven), "b:1 d:1 c:1 b:2 c:2 d:2", "and the origin gets it not");
});

test("where nobody remembers a frame its hops end it", async () => {
  const woven = await Woven.of({ a: "b", b: "acd", c: "bd", d: "bc" });
  woven.trees = () => ({ a: "b", b: "c", c: "d", d: "b" });
  woven.forgets = true;
  woven.say("a", "1");
  assert.equal(woven.delivered.length, mostHops + 1);
  assert.deepEqual(dropsOf(woven), { c: { hopLimit: 1 } });
});

test("the hops that a frame comes with are no more than a node gives its own", async () => {
  const woven = await Woven.of(chain("abc"));
  woven.bring("b", "a", woven.broadcast("a", "1", { hops: 255 }));
  assert.equal(heard(woven), "b:1 c:1");
  assert.deepEqual(woven.hops, [mostHops - 1]);
  woven.bring("b", "a", woven.broadcast("a", "2", { hops: 0, number: 2 }));
  assert.equal(heard(woven), "b:1 c:1 b:2");
  assert.deepEqual(dropsOf(woven), { b: { hopLimit: 1 } });
});

test("a node without links delivers nothing and hands on all the same, and so does one whose policy denies", async () => {
  const woven = await Woven.of(chain("abcd"), { rootless: "b" });
  woven.node("c").denies = true;
  woven.say("a", "1");
  assert.equal(heard(woven), "d:1");
  assert.deepEqual(dropsOf(woven), { c: { denied: 1 } });
});

test("the inner source must be the origin's, whoever brings it", async () => {
  const woven = await Woven.of(chain("abcd"));
  const cases: readonly (readonly [DropName, Uint8Array])[] = [
    ["badSource", woven.broadcast("a", "from b", { source: "b" })],
    ["badSource", woven.broadcast("a", "from d", { source: "d" })],
    ["notAdmitted", woven.broadcast("x", "1", { source: "a" })],
    ["loop", woven.broadcast("c", "1")],
  ];
  for (const [drop, payload] of cases) assert.equal(woven.bring("c", "b", payload), Drop[drop], drop);
  assert.equal(heard(woven), "");
  assert.equal(woven.bring("c", "b", woven.broadcast("a", "1")), Drop.none, "no number was spent");
  assert.equal(heard(woven), "c:1 d:1");
});

test("where the tree says who brings frames of an origin, nobody else may", async () => {
  const woven = await Woven.of(chain("abcd"));
  woven.trees = undefined;
  assert.equal(woven.bring("c", "b", woven.broadcast("a", "1")), Drop.badSource);
  assert.equal(woven.bring("c", "b", woven.broadcast("b", "2")), Drop.none);
  assert.equal(heard(woven), "c:2", "direct trees hand nothing on");
});

test("a header is for frames to all, whole, not passed on, of a kind that this node knows, from a peer that offered it", async () => {
  const woven = await Woven.of(chain("abc"), { older: "c" });
  const good = woven.broadcast("a", "1");
  const single = encodeEthernet(macOf("b"), macOf("a"), 0x0800, new Uint8Array(40));
  const arp = encodeEthernet(broadcastMac, macOf("a"), 0x0806, new Uint8Array(28));
  const header = { origin: good.subarray(0, 8), number: 9, hops: 3, flags: 0 };
  const flagged = Uint8Array.from(good);
  flagged[15] = 0x10;
  const cases: readonly (readonly [DropName, Uint8Array])[] = [
    ["malformed", good.subarray(0, 15)],
    ["malformed", good.subarray(0, 16)],
    ["malformed", good.subarray(0, 29)],
    ["malformed", encodeBroadcast(header, single)],
    ["unsupported", encodeBroadcast(header, arp)],
    ["unsupported", flagged],
  ];
  for (const [drop, payload] of cases) assert.equal(woven.bring("b", "a", payload), Drop[drop], drop);
  const { forwarder } = woven.node("b");
  const packet = { protocol: GreProtocol.broadcast, payload: good, forwarded: true };
  assert.equal(forwarder.fromMesh(woven.id("a"), packet), Drop.malformed);
  assert.equal(woven.bring("b", "c", woven.broadcast("c", "1")), Drop.unsupported);
  assert.equal(heard(woven), "");
});

test("an older node gets bare frames from their origin and nothing from others, and its own reach its neighbours", async () => {
  const woven = await Woven.of({ a: "bc", b: "acd", c: "ab", d: "b" }, { older: "cd" });
  woven.trees = () => ({ a: "b", b: "acd" });
  woven.say("a", "1");
  assert.equal(heard(woven), "c:1 b:1");
  assert.deepEqual(woven.sent, ["a>c bare", "a>b"]);
  assert.deepEqual(dropsOf(woven), { b: { noSession: 2 } });
  woven.delivered.length = 0;
  woven.say("c", "2");
  assert.equal(heard(woven), "a:2 b:2");
});

test("a child of the tree without a session is counted and not called", async () => {
  const woven = await Woven.of({ a: "b", b: "a", c: "" });
  woven.trees = () => ({ a: "bc", b: "c" });
  woven.say("a", "1");
  assert.equal(heard(woven), "b:1");
  assert.deepEqual(dropsOf(woven), { a: { noSession: 1 }, b: { noSession: 1 } });
});

test("after a restart the numbers of a node are higher than all before", async () => {
  const woven = await Woven.of(chain("abc"));
  for (let i = 0; i < 63; i++) woven.say("a", "x");
  await woven.clock.advance(1);
  await woven.restart("a");
  woven.delivered.length = 0;
  woven.say("a", "y");
  assert.equal(heard(woven), "b:y c:y");
});

test("every packet of a broadcast is counted where it goes out and where it comes in", async () => {
  const woven = await Woven.of(chain("abc"));
  woven.say("a", "1");
  const counts = woven.names.map((name) => {
    const { packetsIn, packetsOut } = woven.node(name).forwarder.traffic();
    return `${name} ${packetsIn} ${packetsOut}`;
  });
  assert.deepEqual(counts, ["a 0 1", "b 1 1", "c 1 0"]);
});

function macOf(name: NodeName): Uint8Array {
  return macOfAddress(parseAddress(Woven.addressOf(name))!);
}
