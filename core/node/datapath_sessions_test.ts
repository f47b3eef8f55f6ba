import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { AeadName } from "../contracts/aead.ts";
import type { ExportedSession, ExportedWay } from "../contracts/encapsulation.ts";
import type { PeerId } from "../contracts/values.ts";
import { TwinWorker } from "./datapath_link_fixture.ts";
import { relayEndpointTo, relayTagOf } from "../wire/relay_endpoint.ts";
import { DatapathSessions } from "./datapath_sessions.ts";

const [ann, bob, cyd] = ["ann", "bob", "cyd"] as [PeerId, PeerId, PeerId];

function session(peer: PeerId, localIndex: number, aead: AeadName = "chacha20-poly1305"): ExportedSession {
  const keys = {
    localIndex,
    remoteIndex: localIndex + 1,
    aead,
    send: new Uint8Array(32).fill(1),
    receive: new Uint8Array(32).fill(2),
  };
  return { peer, keys, partialChecksum: true, relayed: true };
}

function way(localIndex: number, host = "192.0.2.7"): ExportedWay {
  return { localIndex, endpoint: { host, port: 6783 }, longest: 1_400, isPlain: false };
}

function isWiped({ keys }: ExportedSession): boolean {
  return [...keys.send, ...keys.receive].every((byte) => byte === 0);
}

class Rig {
  readonly worker = new TwinWorker();
  changes = 0;
  readonly sessions = new DatapathSessions(this.worker, () => this.changes++);

  /** What was told since the last call. */
  news(): string[] {
    this.worker.obey();
    return this.worker.told.splice(0);
  }

  /** A session that is in use. */
  up(peer: PeerId, localIndex: number): ExportedSession {
    const exported = session(peer, localIndex);
    assert.ok(this.sessions.opened(exported));
    this.sessions.confirmed(localIndex);
    this.sessions.current(peer, way(localIndex));
    return exported;
  }
}

test("a session is told with its keys, then that it is confirmed, then that the peer's packets go in it", () => {
  const rig = new Rig();
  rig.up(ann, 0xffff_fff0);
  assert.deepEqual(rig.news(), ["open 0 of peer 0", "confirm 0", "peer 0 in 0 at 2.0.26.127.192.0.2.7"]);
  const [told] = rig.worker.sessions.values();
  assert.deepEqual([told!.localIndex, told!.remoteIndex, told!.isConfirmed], [-16, -15, true]);
  assert.deepEqual([told!.sendKey[0], told!.receiveKey[0], told!.partialChecksum], [1, 2, true]);
  assert.deepEqual([rig.sessions.slotOf(ann), rig.sessions.has(0xffff_fff0), rig.changes], [0, true, 1]);
});

test("a session that ends is first sent in no more, then ended, and no key is left on this side", () => {
  const rig = new Rig();
  const [old, renewed] = [rig.up(ann, 1), rig.up(ann, 3)];
  rig.news();
  rig.sessions.ended(1);
  assert.deepEqual(rig.news(), ["end 0"]);
  assert.deepEqual([isWiped(old), isWiped(renewed), rig.sessions.has(1)], [true, false, false]);
  rig.sessions.ended(3);
  assert.deepEqual(rig.news(), ["peer 0 in -1 at 2.0.26.127.192.0.2.7", "end 1"]);
  assert.equal(isWiped(renewed), true);
  rig.sessions.down(ann);
  assert.deepEqual(rig.news(), ["peer 0 in -1 at "]);
  assert.equal(rig.sessions.slotOf(ann), undefined);
});

test("what is said of sessions and peers that the worker does not have is told to nobody", () => {
  const rig = new Rig();
  rig.sessions.confirmed(7);
  rig.sessions.current(ann, way(7));
  rig.sessions.ended(7);
  rig.sessions.down(ann);
  assert.deepEqual([rig.news(), rig.changes, rig.sessions.traffic(ann)], [[], 0, undefined]);
});

test("a cipher that the worker lacks, or no socket, leaves the session with the machine and its keys wiped", () => {
  const rig = new Rig();
  rig.worker.ciphers = ["chacha20-poly1305"];
  const strange = session(ann, 1, "aes-256-gcm");
  assert.equal(rig.sessions.opened(strange), undefined);
  rig.worker.family = undefined;
  const early = session(ann, 3);
  assert.equal(rig.sessions.opened(early), undefined);
  assert.deepEqual([isWiped(strange), isWiped(early)], [true, true]);
  assert.deepEqual([rig.news(), rig.sessions.slotOf(ann), rig.sessions.has(1)], [[], undefined, false]);
});

test("when a renewal is refused, packets are the machine's, and the session before it goes on opening them", () => {
  const rig = new Rig();
  rig.up(ann, 1);
  rig.news();
  rig.worker.ciphers = [];
  assert.equal(rig.sessions.opened(session(ann, 3)), undefined);
  rig.sessions.confirmed(3);
  rig.sessions.current(ann, way(3));
  assert.deepEqual(rig.news(), ["peer 0 in -1 at 2.0.26.127.192.0.2.7"]);
  assert.deepEqual([rig.sessions.has(1), rig.worker.sessions.size], [true, 1]);
});

test("with every cell in use a session is refused, and its peer is not named for it", () => {
  const rig = new Rig();
  for (let i = 0; i < rig.worker.cells.capacity; i++) rig.worker.cells.open();
  const late = session(ann, 1);
  assert.equal(rig.sessions.opened(late), undefined);
  assert.deepEqual([isWiped(late), rig.sessions.slotOf(ann), rig.news()], [true, undefined, []]);
});

test("the cells of a session that ended are another's only when the worker has let go of its keys", () => {
  const rig = new Rig();
  rig.up(ann, 1);
  rig.worker.obey();
  rig.sessions.ended(1);
  rig.up(ann, 3);
  assert.equal(rig.worker.told.at(-1), "peer 0 in 1 at 2.0.26.127.192.0.2.7");
  rig.worker.obey();
  rig.up(ann, 5);
  assert.ok(rig.worker.told.includes("open 0 of peer 0"));
});

test("the place of a peer that is gone is another's only after the worker was told routes without it", () => {
  const rig = new Rig();
  rig.up(ann, 1);
  rig.sessions.ended(1);
  rig.sessions.down(ann);
  rig.up(bob, 3);
  assert.equal(rig.sessions.slotOf(bob), 1);
  rig.sessions.routesTold();
  rig.up(cyd, 5);
  assert.equal(rig.sessions.slotOf(cyd), 0);
  rig.worker.obey();
});

test("a peer that is down and up at once, its sessions replaced, keeps its place", () => {
  const rig = new Rig();
  rig.up(ann, 1);
  assert.ok(rig.sessions.opened(session(ann, 3)));
  rig.sessions.ended(1);
  rig.sessions.down(ann);
  assert.equal(rig.sessions.slotOf(ann), 0);
  rig.sessions.confirmed(3);
  rig.sessions.current(ann, way(3));
  assert.equal(rig.changes, 1);
  assert.equal(rig.news().at(-1), "peer 0 in 1 at 2.0.26.127.192.0.2.7");
});

test("a worker that begins anew is told each session, then how peers are reached, and nothing of what is over", () => {
  const rig = new Rig();
  rig.worker.onRestart((tell) => rig.sessions.tellAll(tell));
  rig.up(ann, 1);
  rig.up(ann, 3);
  rig.up(bob, 5);
  assert.ok(rig.sessions.opened(session(bob, 7)));
  rig.sessions.ended(1);
  rig.news();
  rig.worker.restart();
  assert.deepEqual(rig.news(), [
    "open 1 of peer 0",
    "confirm 1",
    "peer 0 in 1 at 2.0.26.127.192.0.2.7",
    "open 2 of peer 1",
    "confirm 2",
    "open 3 of peer 1",
    "peer 1 in 2 at 2.0.26.127.192.0.2.7",
  ]);
  rig.sessions.confirmed(7);
  assert.deepEqual(rig.news(), ["confirm 3"]);
  assert.ok([...rig.worker.sessions.values()].every(({ sendKey }) => sendKey[0] === 1));
});

test("packets to a peer leave from where its packets come to, from the next one on, also in a worker that begins anew", () => {
  const rig = new Rig();
  rig.worker.onRestart((tell) => rig.sessions.tellAll(tell));
  const [at, elsewhere] = [7, 8].map((last) => Uint8Array.of(2, 0, 0x1a, 0x7f, 192, 0, 2, last));
  const place = (sockaddr: Uint8Array) => Uint8Array.from([...sockaddr, ...new Uint8Array(8)]);
  const [first, second] = [1, 2].map((last) => new Uint8Array(16).fill(last));
  const sources = () => [0, 1].map((slot) => rig.worker.peers.get(slot)?.source);
  rig.worker.asked(place(at!), first!);
  rig.up(ann, 1);
  assert.ok(rig.sessions.opened(session(bob, 3)));
  rig.sessions.current(bob, way(3, "192.0.2.8"));
  assert.deepEqual(rig.news().length, 5);
  assert.deepEqual(sources(), [first, new Uint8Array(16)]);
  rig.worker.asked(place(at!), second!);
  assert.deepEqual(rig.news(), ["peer 0 in 0 at 2.0.26.127.192.0.2.7"]);
  assert.deepEqual(sources(), [second, new Uint8Array(16)]);
  rig.worker.asked(place(at!), second!);
  rig.worker.asked(place(elsewhere!), first!);
  rig.worker.asked(Uint8Array.of(2, 0, 0, 9, ...new Uint8Array(12)), first!);
  assert.deepEqual(rig.news(), ["peer 1 in 1 at 2.0.26.127.192.0.2.8"]);
  rig.worker.restart();
  rig.news();
  assert.deepEqual(sources(), [second, first]);
});

test("a peer behind another one is sent to through whatever session there is with that, and is the machine's without one", () => {
  const rig = new Rig();
  const [near, hub, far] = ["a", "r", "s"].map((letter) => letter.repeat(32) as PeerId);
  const behind = { ...way(1), endpoint: relayEndpointTo(hub!, near!)! };
  assert.ok(rig.sessions.opened(session(near!, 1)));
  rig.sessions.current(near!, behind);
  assert.deepEqual(rig.news(), ["open 0 of peer 0", "peer 0 in 0 at "], "nobody knows the relay");
  rig.up(hub!, 2);
  const told = rig.news();
  assert.ok(
    told.indexOf("relay 0 behind 1") >= 0 &&
      told.indexOf("relay 0 behind 1") < told.indexOf("peer 0 in 0 at "),
  );
  assert.deepEqual(rig.worker.relays.get(0)!.tag, relayTagOf(near!));
  assert.deepEqual(rig.sessions.placeBehind(2, relayTagOf(near!)!), behind.endpoint);
  assert.equal(rig.sessions.carries(near!), true);
  rig.sessions.current(hub!, { ...way(2), endpoint: relayEndpointTo(far!, hub!)! });
  assert.equal(rig.sessions.carries(near!), false, "over two relays the main thread sends");
  rig.sessions.current(hub!, way(2));
  rig.worker.restart();
  rig.sessions.tellAll((command) => rig.worker.tell(command));
  assert.ok(rig.news().includes("relay 0 behind 1"));
  rig.sessions.ended(2);
  rig.sessions.down(hub!);
  assert.ok(rig.news().includes("relay 0 behind -1"));
  assert.equal(rig.sessions.placeBehind(2, relayTagOf(near!)!), undefined);
  rig.sessions.current(near!, way(1));
  assert.deepEqual(rig.news(), ["peer 0 in 0 at 2.0.26.127.192.0.2.7"]);
});

test("what may be passed on is told at once and to a worker that begins anew, and what was is added up", () => {
  const rig = new Rig();
  rig.sessions.relaying({ bytesPerSecond: 1_000, packetsPerSecond: 10 });
  rig.up(ann, 1);
  rig.news();
  assert.equal(rig.worker.rates?.bytesPerSecond, 1_000);
  rig.worker.restart();
  rig.sessions.tellAll((command) => rig.worker.tell(command));
  rig.news();
  assert.equal(rig.worker.rates?.packetsPerSecond, 10);
  rig.worker.cells.passedOn(0, 500);
  rig.worker.cells.passedOn(0, 100);
  assert.deepEqual(rig.sessions.relayed(ann), { packets: 2, bytes: 600 });
  rig.sessions.opened(session(ann, 2));
  rig.sessions.ended(1);
  assert.deepEqual(rig.sessions.relayed(ann), { packets: 2, bytes: 600 });
});

test("when one of several workers begins anew, the others, which know it all, are told nothing", () => {
  const rig = new Rig();
  rig.up(ann, 1);
  rig.news();
  const told: string[] = [];
  rig.sessions.tellAll(({ kind }) => told.push(kind) > 0);
  assert.deepEqual([told, rig.news()], [["open-session", "confirm", "relay", "peer"], []]);
});

test("counters that the machine takes and the worker's do not meet, also after a worker has failed", () => {
  const rig = new Rig();
  const cells = rig.sessions.opened(session(ann, 1))!;
  assert.deepEqual([cells.takeCounter(), rig.worker.cells.take(0, 3), cells.takeCounter()], [0, 1, 4]);
  assert.deepEqual([cells.sent, cells.received, cells.newest], [5, 0, -1]);
  rig.worker.restart();
  assert.ok(cells.takeCounter() >= 2 ** 20);
  rig.sessions.ended(1);
  assert.ok(cells.takeCounter() < 0);
});

test("what the worker has carried for a peer is the sum over its sessions, those that are over included", () => {
  const rig = new Rig();
  rig.up(ann, 1);
  rig.worker.cells.received(0, 100);
  rig.worker.cells.sealed(0, 50);
  rig.up(ann, 3);
  rig.worker.cells.received(1, 10);
  rig.sessions.ended(1);
  assert.deepEqual(rig.sessions.traffic(ann), { packetsIn: 2, bytesIn: 110, packetsOut: 1, bytesOut: 50 });
});

test("a peer at an address that the worker's socket cannot send to is the machine's to send to", () => {
  const rig = new Rig();
  assert.ok(rig.sessions.opened(session(ann, 1)));
  rig.sessions.current(ann, way(1, "2001:db8::7"));
  assert.equal(rig.news().at(-1), "peer 0 in 0 at ");
  rig.worker.family = 6;
  rig.sessions.current(ann, way(1));
  assert.match(rig.news().at(-1)!, /^peer 0 in 0 at 10\.0\.26\.127/);
  assert.equal([...rig.worker.peers.values()][0]!.sockaddr.length, 28);
});

test("that a peer's packets cross in plain is told for as long as there is a session, and to a worker that begins anew", () => {
  const rig = new Rig();
  rig.up(ann, 1);
  rig.sessions.current(ann, { ...way(1), isPlain: true });
  const isPlain = () => (rig.news(), rig.worker.peers.get(0)!.isPlain);
  assert.equal(isPlain(), true);
  const told: boolean[] = [];
  rig.sessions.tellAll((command) => {
    if (command.kind === "peer") told.push(command.isPlain);
    return true;
  });
  assert.deepEqual(told, [true]);
  rig.sessions.current(ann, way(1));
  assert.equal(isPlain(), false);
  rig.sessions.current(ann, { ...way(1), isPlain: true });
  rig.sessions.ended(1);
  assert.equal(isPlain(), false);
});
