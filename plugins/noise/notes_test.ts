import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { maxNoteLength } from "../../core/contracts/encapsulation.ts";
import type { PeerRecord } from "../../core/contracts/values.ts";
import { decodeBase32 } from "../../core/wire/base32.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { decodeNote } from "./note_wire.ts";
import { networkKey, Rig, type RigNode } from "./testing_rig.ts";

/** Members whose ids are ids, and who know each other. */
class Members {
  readonly rig = new Rig();
  readonly all: RigNode[] = [];

  constructor(...letters: readonly string[]) {
    for (const letter of letters) this.all.push(this.introduce(this.rig.add(letter.repeat(32))));
  }

  introduce(node: RigNode): RigNode {
    node.machine.takeNotes((tag) => this.find(tag));
    return node;
  }

  find(tag: Uint8Array): PeerRecord | undefined {
    const found = this.all.find(({ id }) => equalBytes(decodeBase32(id)!.subarray(0, 8), tag));
    return found && recordOf(found);
  }

  note(from: RigNode, to: RigNode, text: string): Drop {
    return this.rig.call(
      from,
      (machine, now) => machine.sendNote(recordOf(to), to.endpoint, new TextEncoder().encode(text), now),
    );
  }

  /** A note that is on its way and will not come. */
  take(from: RigNode, to: RigNode, text = "secret"): Uint8Array {
    this.rig.weather = () => [];
    assert.equal(this.note(from, to, text), Drop.none);
    this.rig.weather = () => [10];
    return this.rig.log.at(-1)!.datagram;
  }
}

function recordOf({ id, name, keys, endpoint }: RigNode): PeerRecord {
  return { id, name, noiseKey: keys.publicKey, endpoints: [endpoint] };
}

function texts(node: RigNode): string[] {
  return node.of("note").map(({ from, body }) => `${from[0]}: ${new TextDecoder().decode(body)}`);
}

function changed(datagram: Uint8Array, at: number, by: number): Uint8Array {
  const copy = datagram.slice();
  copy[at]! ^= by;
  return copy;
}

function nonceParts(datagram: Uint8Array): { readonly salt: string; readonly counter: number } {
  const { salt, counter } = decodeNote(datagram)!;
  return { salt: salt.join("."), counter };
}

test("a note reaches its member without a session, and costs 36 bytes more than what it says", () => {
  const members = new Members("a", "b");
  const { rig, all: [a, b] } = members;
  assert.equal(members.note(a!, b!, "hello"), Drop.none);
  members.note(b!, a!, "hello yourself");
  rig.run(100);
  assert.deepEqual([texts(a!), texts(b!)], [["b: hello yourself"], ["a: hello"]]);
  assert.deepEqual(b!.of("note")[0]!.endpoint, a!.endpoint);
  assert.deepEqual(rig.log.map(({ datagram }) => datagram.length), [36 + 5, 36 + 14]);
  assert.deepEqual([a!.edges(), b!.edges(), b!.machine.pollTimeout()], [[], [], undefined]);
});

test("the longest body fits, and one byte more does not", () => {
  const members = new Members("a", "b");
  const [a, b] = members.all;
  assert.equal(members.note(a!, b!, "x".repeat(maxNoteLength)), Drop.none);
  assert.equal(members.note(a!, b!, "x".repeat(maxNoteLength + 1)), Drop.tooBig);
  members.rig.run(100);
  assert.deepEqual(texts(b!).map(({ length }) => length), [maxNoteLength + 3]);
});

test("a note with any bit changed, cut or made longer is dropped, and the true one is taken after all of them", () => {
  const members = new Members("a", "b");
  const { rig, all: [a, b] } = members;
  const note = members.take(a!, b!);
  for (let at = 0; at < note.length; at++) {
    for (const by of [1, 128]) assert.notEqual(rig.inject(b!, changed(note, at, by), a!.endpoint), Drop.none);
  }
  for (let length = 0; length < note.length; length++) {
    assert.notEqual(rig.inject(b!, note.slice(0, length), a!.endpoint), Drop.none);
  }
  assert.equal(rig.inject(b!, Uint8Array.of(...note, 0), a!.endpoint), Drop.badTag);
  assert.equal(rig.inject(b!, new Uint8Array(1_137).fill(1).fill(19, 0, 1), a!.endpoint), Drop.malformed);
  assert.deepEqual(texts(b!), []);
  assert.equal(rig.inject(b!, note, a!.endpoint), Drop.none);
  assert.deepEqual(texts(b!), ["a: secret"]);
});

test("a note that comes again is a replay, and so is one that is a second older than the newest", () => {
  const members = new Members("a", "b");
  const { rig, all: [a, b] } = members;
  const [old, first] = [members.take(a!, b!, "old"), members.take(a!, b!, "first")];
  rig.run(1_100);
  const [late, newest] = [members.take(a!, b!, "late"), members.take(a!, b!, "newest")];
  assert.equal(rig.inject(b!, first, a!.endpoint), Drop.none);
  for (const note of [newest, late]) assert.equal(rig.inject(b!, note, a!.endpoint), Drop.none);
  for (const note of [old, first, late, newest]) {
    assert.equal(rig.inject(b!, note, a!.endpoint), Drop.replayed);
  }
  assert.deepEqual(texts(b!), ["a: first", "a: newest", "a: late"]);
});

test("nobody opens a note but its receiver, in the name of nobody but its sender", () => {
  const members = new Members("a", "b", "c");
  const { rig, all: [a, b, c] } = members;
  const note = members.take(a!, b!);
  assert.equal(rig.inject(a!, note, b!.endpoint), Drop.notAdmitted, "its own, reflected");
  assert.equal(rig.inject(c!, note, a!.endpoint), Drop.badTag, "another member's");
  for (const other of [b!, c!]) {
    const renamed = note.slice();
    renamed.set(decodeBase32(other.id)!.subarray(0, 8), 4);
    assert.notEqual(rig.inject(a!, renamed, b!.endpoint), Drop.none);
    assert.notEqual(rig.inject(b!, renamed, a!.endpoint), Drop.none);
  }
  const unknown = note.slice().fill(0xee, 4, 12);
  assert.equal(rig.inject(b!, unknown, a!.endpoint), Drop.notAdmitted);
  assert.deepEqual([a!, b!, c!].flatMap(texts), []);
});

test("whoever was shut out is neither heard nor written to under a key of before", () => {
  const members = new Members("a", "b");
  const { rig, all: [a, b] } = members;
  members.note(a!, b!, "still here");
  rig.run(100);
  members.all.splice(0, 1);
  assert.equal(members.note(a!, b!, "let me in"), Drop.none);
  rig.run(100);
  assert.deepEqual([texts(b!), b!.drops.get("notAdmitted")], [["a: still here"], 1]);
});

test("under another network key nothing is opened, whatever its hint", () => {
  const members = new Members("a", "b");
  const { rig, all: [a, b] } = members;
  a!.membership.keys = [networkKey(2)];
  assert.equal(rig.inject(b!, members.take(a!, b!), a!.endpoint), Drop.badMac);
  a!.membership.keys = [{ ...networkKey(2), id: networkKey(1).id }];
  assert.equal(rig.inject(b!, members.take(a!, b!), a!.endpoint), Drop.badTag);
  a!.membership.keys = [];
  assert.equal(members.note(a!, b!, "stranger"), Drop.notAdmitted);
});

test("while a network key is replaced notes go both ways, and both sides end with the new one", () => {
  const members = new Members("a", "b");
  const { rig, all: [a, b] } = members;
  const [old, fresh] = [networkKey(1), networkKey(2)];
  const exchange = () => {
    members.note(b!, a!, "ping");
    rig.run(50);
    members.note(a!, b!, "pong");
    rig.run(50);
  };
  a!.membership.keys = [fresh, old];
  for (let i = 0; i < 8; i++) exchange();
  assert.deepEqual([texts(a!).length, texts(b!).length], [8, 6], "every fourth tries the new key");
  b!.membership.keys = [fresh, old];
  for (let i = 0; i < 8; i++) exchange();
  assert.deepEqual([texts(a!).length, texts(b!).length], [16, 14]);
  assert.deepEqual(rig.log.slice(-4).map(({ datagram }) => datagram[2]), [2, 2, 2, 2]);
});

test("keys of members are looked for at a bounded rate for whoever uses their names, and once for each", () => {
  const rig = new Rig(1, (_, u) => (looks++, u.slice()));
  let looks = 0;
  const b = rig.add("b".repeat(32));
  looks = 0;
  b.machine.takeNotes((tag) => {
    const noiseKey = new Uint8Array(32).fill(tag[0]!).fill(77, 31);
    return { id: `${tag[0]}` as PeerRecord["id"], name: "", noiseKey, endpoints: [] };
  });
  const garbage = (sender: number) => {
    const note = new Uint8Array(60).fill(sender, 4, 12);
    note.set([19, 1, 1, 0]);
    return rig.inject(b, note, { host: "192.0.2.66", port: 1 });
  };
  const drops = Array.from({ length: 200 }, (_, sender) => garbage(sender));
  const { burst } = limits.noteKeyLooks;
  assert.deepEqual([looks, drops.filter((drop) => drop === Drop.rateLimited).length], [burst, 200 - burst]);
  for (let again = 0; again < 3; again++) {
    for (let sender = 0; sender < burst; sender++) assert.equal(garbage(sender), Drop.badTag);
  }
  assert.equal(looks, burst);
  assert.deepEqual(b.machine.noteKeys, { known: burst, ready: burst });
});

test("ciphers are kept for a bounded number of members, and made anew for the others", () => {
  const rig = new Rig(1, (_, u) => u.slice());
  const a = rig.add("a".repeat(32));
  const send = (member: number) => {
    const noiseKey = new Uint8Array(32).fill(77);
    noiseKey.set([member & 255, member >> 8]);
    const to = { id: `${member}` as PeerRecord["id"], name: "", noiseKey, endpoints: [] };
    return rig.call(a, (machine, now) => machine.sendNote(to, a.endpoint, new Uint8Array(), now));
  };
  for (let member = 0; member < limits.noteCiphers + 50; member++) assert.equal(send(member), Drop.none);
  assert.equal(send(0), Drop.none);
  assert.deepEqual(a.machine.noteKeys, { known: limits.noteCiphers + 50, ready: limits.noteCiphers });
});

test("a counter is never used twice, and none is used that the disk does not know of", () => {
  const members = new Members("a", "b");
  const { rig, all: [a, b] } = members;
  const counters = new Set<number>();
  let disk = 0;
  for (let life = 0; life < 3; life++) {
    const stamps = a!.machine.local.noteCounters;
    const wall = (5_000_000 - 1_000_000 * life) / limits.noteTickMillis; // the clock goes back each time
    const kept = stamps.start({ wall, now: rig.now / limits.noteTickMillis, reserve: disk, keep: () => {} });
    assert.equal(members.note(a!, b!, "too early"), Drop.queueFull);
    stamps.kept(disk = kept);
    for (let i = 0; i < 500; i++) {
      const datagram = members.take(a!, b!, "x");
      counters.add(nonceParts(datagram).counter);
      rig.run(1_000);
    }
    a!.machine.wipe(rig.now);
    members.all[0] = rig.restart(a!);
    members.introduce(members.all[0]);
  }
  assert.equal(counters.size, 1_500);
  assert.ok([...counters].every((counter) => counter <= disk));
});

test("a node that goes on from a snapshot repeats its counters, and still no nonce", () => {
  const members = new Members("a", "b");
  const [a, b] = members.all;
  const life = (node: RigNode) => Array.from({ length: 50 }, () => nonceParts(members.take(node, b!)));
  const before = life(a!);
  const after = life(members.rig.restart(a!));
  assert.deepEqual(after.map(({ counter }) => counter), before.map(({ counter }) => counter));
  assert.equal(new Set([...before, ...after].map(({ salt, counter }) => `${salt} ${counter}`)).size, 100);
});

test("no note is sent with a counter that its five bytes do not hold", () => {
  const members = new Members("a", "b");
  const { rig, all: [a, b] } = members;
  const { noteCounters } = a!.machine.local;
  const now = rig.now / limits.noteTickMillis;
  noteCounters.kept(noteCounters.start({ wall: 2 ** 40 - 1, now, reserve: 0, keep: () => {} }));
  assert.equal(nonceParts(members.take(a!, b!)).counter, 2 ** 40 - 1);
  assert.equal(members.note(a!, b!, "one too many"), Drop.queueFull);
});

test("a member whose Noise key is none takes no look from those that have one", () => {
  const members = new Members("a", "b");
  const { rig, all: [a, b] } = members;
  const note = members.take(a!, b!);
  const isLiar = (tag: Uint8Array) => tag[0] === 0xee;
  b!.machine.takeNotes((tag) => {
    const found = members.find(isLiar(tag) ? note.subarray(4, 12) : tag);
    return found && (isLiar(tag) ? { ...found, noiseKey: new Uint8Array(32) } : found);
  });
  const lie = note.slice().fill(0xee, 4, 12);
  for (let i = 0; i < 2 * limits.noteKeyLooks.burst; i++) {
    assert.equal(rig.inject(b!, lie, a!.endpoint), Drop.notAdmitted);
  }
  assert.equal(rig.inject(b!, note, a!.endpoint), Drop.none);
});

test("a note for a member that has bound another's Noise key to its own id is not taken by that other", () => {
  const members = new Members("a", "b");
  const { rig, all: [a, b] } = members;
  const liar = { ...recordOf(b!), id: "c".repeat(32) as PeerRecord["id"] };
  rig.call(a!, (machine, now) => machine.sendNote(liar, b!.endpoint, new Uint8Array(3), now));
  rig.run(100);
  assert.deepEqual([texts(b!), b!.drops.get("badTag")], [[], 1]);
});

test("of a member that is forgotten nothing is kept, and one that comes back is heard anew", () => {
  const members = new Members("a", "b");
  const { rig, all: [a, b] } = members;
  members.note(a!, b!, "one");
  rig.run(100);
  assert.deepEqual(b!.machine.noteKeys, { known: 1, ready: 1 });
  b!.machine.forgetMember(a!.id);
  assert.deepEqual(b!.machine.noteKeys, { known: 0, ready: 0 });
  members.note(a!, b!, "two");
  rig.run(100);
  assert.deepEqual(texts(b!), ["a: one", "a: two"]);
});
