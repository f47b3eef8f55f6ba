/** Relayed messages in relayed ones: they are opened in the loop, and sent by the main thread. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { encodeUdp } from "../wire/udp.ts";
import { heapArena } from "./arena.ts";
import type { Command } from "./control.ts";
import { nobleArenaSuites } from "./noble_arena_aead.ts";
import { share } from "./punt_shares.ts";
import { readRelaySender } from "./relay_sender.ts";
import { routeIntervals } from "./route_intervals.ts";
import { anySource } from "./source_address.ts";
import { carry, chain, frameBetween, slots, tags } from "./wired_chain_fixture.ts";
import type { WiredCore } from "./wired_cores_fixture.ts";
import { far, sockaddr } from "./wired_pair_fixture.ts";

const chacha = nobleArenaSuites().find(({ name }) => name === "chacha20-poly1305")!;
const [data, relay] = [0x0601_0000, 0x1201_0000];
const forwarded = 0x100;
/** A third peer of the end, which is behind the other end: its slot, its tag, and the session with it. */
const third = {
  slot: 3,
  tag: Uint8Array.of(0xd1, 2, 3, 4, 5, 6, 7, 8),
  session: 2,
  localIndex: -21,
  fill: 40,
};
const tagOfNobody = new Uint8Array(8).fill(0xee);
const inFront = 2 ** 32;

interface Sealing {
  readonly header: number;
  /** Of the session, as the receiver has chosen it. */
  readonly index: number;
  /** Each byte of the key. */
  readonly fill: number;
  readonly counter?: number;
}

type Leg = Omit<Sealing, "header">;

/** What the end receives from the relay, and from the other end. */
const [fromRelay, fromEnd] = [{ index: -9, fill: 3 }, { index: -11, fill: 5 }];

function sealed({ header, index, fill, counter = 0 }: Sealing, plaintext: Uint8Array): Uint8Array {
  const arena = heapArena(4_096);
  const key = chacha.key(new Uint8Array(32).fill(fill), arena);
  [header, index, 0, counter].forEach((word, at) => arena.view.setInt32(4 * at, word));
  arena.bytes.set(plaintext, 16);
  assert.ok(key.seal(counter, 0, 0, 16, plaintext.length, 16));
  return arena.bytes.slice(0, 32 + plaintext.length);
}

/** `message` as the relay passes it on, from who has `tag`. */
function wrapped(message: Uint8Array, tag: Uint8Array, leg: Leg = fromRelay, flags = forwarded): Uint8Array {
  return sealed({ header: relay | flags, ...leg }, Uint8Array.of(...tag, ...message));
}

function arrive(core: WiredCore, bytes: Uint8Array): void {
  core.arriving.push({ bytes, size: bytes.length, from: sockaddr(9) });
  core.settle();
}

/** Acquaints the end with the third peer, which owns the addresses of the near side now. */
function meetThird(core: WiredCore): void {
  assert.equal(core.cells.open(), third.session);
  const prefix = parsePrefix("10.32.0.0/16")!;
  const commands: Command[] = [
    { kind: "relay", slot: third.slot, via: slots.end, takes: true, tag: third.tag },
    {
      kind: "open-session",
      slot: third.session,
      peer: third.slot,
      localIndex: third.localIndex,
      remoteIndex: 1,
      cipher: "chacha20-poly1305",
      sendKey: new Uint8Array(32).fill(third.fill + 1),
      receiveKey: new Uint8Array(32).fill(third.fill),
      partialChecksum: true,
    },
    { kind: "confirm", slot: third.session },
    {
      kind: "peer",
      slot: third.slot,
      session: third.session,
      longest: 1_300,
      isUp: true,
      isPlain: false,
      sockaddr: new Uint8Array(0),
      source: anySource,
    },
    { kind: "routes", version: 2, ...routeIntervals([{ prefix, peer: third.slot }]) },
  ];
  core.tell(...commands);
  core.settle();
}

function packet(): Uint8Array {
  const [source, destination] = [parsePrefix("10.32.0.1/32")!.address, far];
  const ports = { sourcePort: 1_000, destinationPort: 2_000 };
  return encodeUdp({ source, destination }, { ...ports, payload: new Uint8Array(90).fill(7) });
}

test("a packet that has come through two relays is opened three times and delivered here", () => {
  const { b } = chain();
  meetThird(b);
  const innermost = sealed(
    { header: data, index: third.localIndex, fill: third.fill },
    Uint8Array.of(0, 0, 8, 0, ...packet()),
  );
  const nested = wrapped(wrapped(innermost, third.tag, fromEnd), tags.a);
  arrive(b, nested.slice());
  assert.deepEqual(b.counts(), { packetsDelivered: 1, framesOut: 1 });
  assert.deepEqual(b.punted(), []);
  assert.deepEqual([b.cells.packetsIn(third.session), b.cells.strayed(third.session)], [1, 0]);
  arrive(b, nested.slice());
  assert.equal(b.telemetry.snapshot().drops.replayed, 1);
});

test("what is in the second relayed message and no data of a session here is the main thread's, as of that session", () => {
  const { b } = chain();
  const message = Uint8Array.of(1, 1, 0, 0, ...new Uint8Array(60));
  arrive(b, wrapped(wrapped(message, third.tag, fromEnd), tags.a));
  const [punt, ...rest] = b.punted();
  assert.ok(punt?.kind === "opened" && punt.isRelayed && punt.flags === 1);
  assert.equal(punt.localIndex, inFront + fromEnd.index);
  assert.deepEqual(readRelaySender(punt.from), { localIndex: inFront + fromRelay.index, tag: tags.a });
  assert.deepEqual([punt.bytes, rest], [Uint8Array.of(...third.tag, ...message), []]);
});

test("who is behind a relay has messages passed on like any other, but not back to that relay", () => {
  const message = Uint8Array.of(6, 1, 0, 0, ...new Uint8Array(60));
  for (const to of [tags.r, third.tag]) {
    const { b } = chain();
    meetThird(b);
    b.tell(
      { kind: "relaying", bytesPerSecond: 1_000_000, packetsPerSecond: 1_000 },
      { kind: "relay", slot: third.slot, via: -1, takes: true, tag: third.tag },
      {
        kind: "peer",
        slot: third.slot,
        session: third.session,
        longest: 1_300,
        isUp: true,
        isPlain: false,
        sockaddr: sockaddr(33),
        source: anySource,
      },
    );
    b.settle();
    arrive(b, wrapped(wrapped(message, to, fromEnd, 0), tags.a));
    const isPassedOn = to === third.tag;
    assert.deepEqual(b.sent.map((each) => each.to), isPassedOn ? [sockaddr(33)] : []);
    assert.deepEqual(b.punted().map((each) => each.kind === "opened" && each.flags), isPassedOn ? [] : [0]);
  }
});

test("what a relay has brought of somebody who is not behind it is not passed on to that relay by the loop", () => {
  const { b } = chain();
  const message = Uint8Array.of(6, 1, 0, 0, ...new Uint8Array(60));
  b.tell(
    { kind: "relaying", bytesPerSecond: 1_000_000, packetsPerSecond: 1_000 },
    { kind: "relay", slot: slots.end, via: -1, takes: true, tag: tags.a },
  );
  b.settle();
  arrive(b, wrapped(wrapped(message, tags.r, fromEnd, 0), tags.a));
  assert.deepEqual(b.sent, []);
  const [punt] = b.punted();
  assert.ok(punt?.kind === "opened" && punt.flags === 0, "the main thread answers that there is no way");
});

test("of messages to nobody that one peer sends, only its share is left to the main thread", () => {
  const { b } = chain();
  b.tell({ kind: "relaying", bytesPerSecond: 1_000_000_000, packetsPerSecond: 1_000_000 });
  b.settle();
  const message = Uint8Array.of(6, 1, 0, 0, ...new Uint8Array(60));
  for (let counter = 0; counter < 4 * share; counter++) {
    arrive(b, wrapped(message, tagOfNobody, { ...fromRelay, counter }, 0));
  }
  const punted = b.punted().length;
  assert.ok(punted >= share && punted <= 2 * share, `${punted}`);
  assert.equal(b.telemetry.snapshot().drops.queueFull, 4 * share - punted);
});

test("nobody is opened for more than three layers, and what is deeper is dropped and counted", () => {
  const { b } = chain();
  let nested: Uint8Array = Uint8Array.of(1, 1, 0, 0, ...new Uint8Array(60));
  for (let counter = 9; counter >= 0; counter--) {
    nested = sealed(
      { header: relay | forwarded, ...fromRelay, counter },
      Uint8Array.of(...tags.a, ...nested),
    );
  }
  arrive(b, nested);
  assert.equal(b.telemetry.snapshot().drops.loop, 1);
  // Each but the outermost has come through a relay: whether that says where the relay is the main thread judges.
  assert.ok(b.punted().every((punt) => punt.kind === "opened" && punt.bytes.length === 0));
});

test("packets to one who is two relays away are the main thread's, and no counter is used for them here", () => {
  const { a, r } = chain();
  a.tell({ kind: "relay", slot: slots.relay, via: 3, takes: true, tag: tags.r });
  a.settle();
  for (let i = 0; i < 3; i++) a.frames.push(frameBetween(new Uint8Array(90)));
  a.settle();
  assert.deepEqual(a.punted().map(({ kind }) => kind), ["frame", "frame", "frame"]);
  assert.deepEqual([a.sent, a.cells.traffic(0).sent, a.cells.traffic(1).sent], [[], 0, 0]);
  carry(a, r, "a");
  assert.deepEqual(r.counts(), {});
});
