/** What the main thread tells, and what it should never tell: nothing of it may end the thread or reach beyond a table. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { ArenaAeadSuite } from "./arena_aead.ts";
import type { Command } from "./control.ts";
import { datapathLimits } from "./datapath_limits.ts";
import { anySource } from "./source_address.ts";
import { WiredCore } from "./wired_cores_fixture.ts";
import { cross, far, farMac, frame, fromTap, near, nearMac, pair, sockaddr } from "./wired_pair_fixture.ts";

const session: Command = {
  kind: "open-session",
  slot: 1,
  peer: 3,
  localIndex: 77,
  remoteIndex: 78,
  cipher: "chacha20-poly1305",
  sendKey: new Uint8Array(32).fill(5),
  receiveKey: new Uint8Array(32).fill(6),
  partialChecksum: false,
};
const peer: Command = {
  kind: "peer",
  slot: 9,
  session: 0,
  longest: 1_420,
  isUp: true,
  isPlain: false,
  sockaddr: sockaddr(9),
  source: anySource,
};

/** One packet from `a` to `b`. */
function send(a: WiredCore): void {
  a.frames.push(fromTap(frame(new Uint8Array(30))));
  a.settle();
}

test("slots that do not exist are refused, and nothing else changes", () => {
  const { a, b } = pair();
  const { peers, sessions } = datapathLimits;
  const absurd: Command[] = [sessions, 65_535].flatMap((slot) => [
    { kind: "confirm", slot },
    { kind: "end-session", slot },
    { ...session, slot },
    { ...peer, session: slot },
  ]);
  absurd.push(...[peers, 65_535].map((slot) => ({ ...session, peer: slot })));
  absurd.push(...[peers, 65_535].map((slot) => ({ ...peer, slot })));
  a.tell(...absurd);
  a.settle();
  assert.deepEqual(a.counts(), { commandsRefused: absurd.length });
  send(a);
  cross(a.sent[0]!, b);
  assert.deepEqual(b.counts(), { packetsDelivered: 1, framesOut: 1 });
});

test("a slot that is told twice has the newer session, and the older one is nobody's", () => {
  const { a, b } = pair();
  send(a);
  b.tell({ ...session, slot: 0 });
  cross(a.sent[0]!, b);
  assert.deepEqual(b.punted().map(({ kind }) => kind), ["datagram"]);
});

test("a session that ended for the main thread takes no packet more: they are handed over", () => {
  const { a } = pair();
  a.cells.end(0);
  send(a);
  assert.deepEqual(a.punted().map(({ kind }) => kind), ["frame"]);
  assert.deepEqual([a.sent, a.counts()], [[], {}]);
});

test("packets for a peer are never sealed in a session of another one that has got the slot", () => {
  const { a } = pair();
  a.tell({ kind: "end-session", slot: 0 }, { ...session, slot: 0, peer: 4 });
  send(a);
  assert.deepEqual([a.sent, a.punted().length], [[], 1]);
});

test("a peer that is nowhere gets nothing", () => {
  const { a } = pair();
  a.tell({ ...peer, slot: 3, sockaddr: new Uint8Array(0) });
  send(a);
  assert.deepEqual([a.sent, a.punted().length, a.counts()], [[], 1, {}]);
});

test("a path that takes longer packets than a datagram holds does not", () => {
  const { a } = pair();
  a.tell({ ...peer, slot: 3, longest: 65_535 });
  a.frames.push(...[65_443, 65_444].map((length) => fromTap(frame(new Uint8Array(length)))));
  a.settle();
  assert.deepEqual(a.sent.map(({ bytes }) => bytes.length), [65_507]);
  assert.equal(a.punted().length, 1);
});

test("while a table does not fit, the main thread takes all packets, and no longer", () => {
  const { a, b } = pair();
  const fitting = Array.from({ length: datapathLimits.locals }, (_, i) => {
    const bytes = Uint8Array.of(10, 99, i >> 8, i);
    const [own, mac] = i === 0
      ? [far, farMac]
      : i === 1
      ? [near, nearMac]
      : [{ family: 4, bytes } as const, farMac];
    return { address: own, mac };
  });
  send(a);
  for (const core of [a, b]) core.tell({ kind: "locals", hosts: [...fitting, fitting[0]!] });
  cross(a.sent[0]!, b);
  send(a);
  assert.deepEqual(b.punted().map(({ kind }) => kind), ["opened"]);
  assert.deepEqual(a.punted().map(({ kind }) => kind), ["frame"]);
  assert.deepEqual(b.counts(), { tablesRefused: 1 });
  a.tell({ kind: "locals", hosts: [fitting[1]!] });
  b.tell({ kind: "locals", hosts: fitting.toSpliced(1, 1) });
  send(a);
  cross(a.sent[1]!, b);
  assert.deepEqual(b.counts(), { tablesRefused: 1, packetsDelivered: 1, framesOut: 1 });
});

test("each table that does not fit counts, and each must fit again", () => {
  const { a } = pair();
  const hosts = [near, far].map((address) => ({ address, mac: new Uint8Array(6) }));
  const many = Array.from({ length: datapathLimits.locals + 1 }, () => hosts[0]!);
  a.tell(
    { kind: "routes", version: 3, v4: Uint32Array.of(2, 1, 3), v6: new Uint32Array(0) },
    { kind: "locals", hosts: many },
  );
  send(a);
  assert.deepEqual(a.counts(), { tablesRefused: 2 });
  assert.equal(a.punted().length, 1);
});

test("commands that come all at once are all carried out before the thread waits", () => {
  const core = new WiredCore();
  core.tell(...Array.from({ length: 500 }, () => peer), { kind: "stop" });
  core.loop.run();
  assert.deepEqual(core.polls, []);
  assert.ok(core.control.isDrained);
});

test("a ring in which nothing can be told any more ends the thread, and its keys with it", () => {
  const { a } = pair();
  a.tell(peer);
  // The length of the record that was just written.
  const words = new Int32Array(a.memory.control);
  const head = words[16]! & (a.memory.control.byteLength - 192 - 1);
  words[(192 + head) >> 2] = 2 ** 30;
  a.loop.run();
  assert.ok(a.control.isBroken);
  assert.deepEqual(a.polls, []);
});

/** Its keys are numbers in order of making; the second is refused if `isHalf`. Those that were wiped are in the list. */
function numbered(isHalf: boolean): { readonly suite: ArenaAeadSuite; readonly freed: readonly number[] } {
  const freed: number[] = [];
  let made = 0;
  const key = () => {
    const number = made++;
    if (isHalf && number === 1) throw new Error("no more keys");
    return { seal: () => true, open: () => true, free: () => void freed.push(number) };
  };
  return { suite: { name: "chacha20-poly1305", implementation: "numbers", key }, freed };
}

test("a session whose second key is refused leaves no first one behind", () => {
  const { suite, freed } = numbered(true);
  const core = new WiredCore([suite]);
  core.tell(session);
  core.settle();
  assert.deepEqual([freed, core.counts()], [[0], { commandsRefused: 1 }]);
});

test("keys are wiped once: when their slot is told again, when they end, and when all ends", () => {
  const { suite, freed } = numbered(false);
  const core = new WiredCore([suite]);
  core.tell(session, { ...session, localIndex: 79 });
  core.settle();
  assert.deepEqual(freed, [0, 1]);
  core.tell({ kind: "end-session", slot: 1 }, { kind: "end-session", slot: 1 });
  core.settle();
  assert.deepEqual(freed, [0, 1, 2, 3]);
  core.tell(session, { kind: "stop" });
  core.settle();
  assert.deepEqual(freed, [0, 1, 2, 3, 4, 5]);
});
