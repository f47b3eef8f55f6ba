import assert from "node:assert/strict";
import type { Finding } from "../../core/contracts/discovery.ts";
import type { Events } from "../../core/contracts/events.ts";
import type { MemberWatch, NoteChannel } from "../../core/contracts/host.ts";
import type { PeerIdentity } from "../../core/contracts/membership.ts";
import type { RumourEnds } from "../../core/contracts/rumours.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { testDiscovery } from "../../tests/conformance/discovery.ts";
import { testHost } from "../../tests/conformance/test_host.ts";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { decodeBase32 } from "../../core/wire/base32.ts";
import { ended } from "./alone_fixture.ts";
import { TagDirectory } from "./directory.ts";
import { Gossip } from "./gossip.ts";
import { Rank, stampOf } from "./member_table.ts";
import { gossip } from "./mod.ts";
import { Outbox } from "./outbox.ts";
import { Kind } from "./wire.ts";

/** Holds what begins with 1, and finds all else unsound. */
class FakeEnds implements RumourEnds {
  readonly taken: string[] = [];
  readonly heard: string[] = [];
  readonly differing: PeerId[] = [];
  state = 0;

  take(_from: PeerId, record: Uint8Array): boolean {
    this.taken.push(record.join());
    return record[0] === 1;
  }
  digest(): Uint8Array {
    return new Uint8Array(8).fill(this.state);
  }
  differs(peer: PeerId): void {
    this.differing.push(peer);
  }
  receive(from: PeerId, message: Uint8Array): void {
    this.heard.push(`${from} ${message.join()}`);
  }
}

/** Nodes on one clock, whose notes arrive at once unless their receiver is cut off. */
class Fixture {
  readonly clock = new SimClock();
  readonly cut = new Set<PeerId>();
  readonly findings = new Map<PeerId, string[]>();
  /** Of those that share records. */
  readonly ends = new Map<PeerId, FakeEnds>();
  readonly #receivers = new Map<PeerId, (from: PeerId, body: Uint8Array) => void>();
  readonly #members: PeerIdentity[] = [];
  readonly #watchers: Parameters<MemberWatch["watch"]>[0][] = [];
  readonly stopping = new AbortController();

  /** A member; one that does not gossip unless it is started. */
  add(
    seed: number,
  ): { readonly id: PeerId; readonly events: Events; start(meanwhile?: () => void): Promise<Gossip> } {
    const { clock } = this;
    const host = testHost({ seed, clock });
    const { id } = host.self;
    const member = { ...host.self, noiseKey: host.self.noise.publicKey, endpoints: [], bindingNumber: 1 };
    this.#members.push(member);
    for (const watcher of this.#watchers) watcher([member], []);
    const members: MemberWatch = {
      known: () => this.#members.filter((each) => each.id !== id),
      named: () => undefined,
      watch: (handler) => void this.#watchers.push(handler),
      hear: () => {},
    };
    const start = async (meanwhile = () => {}) => {
      const plugin = new Gossip({ ...host, clock, members, notes: this.#notesOf(id) }, {});
      const ends = this.ends.get(id);
      if (ends !== undefined) plugin.carryFor(ends);
      const found: string[] = [];
      this.findings.set(id, found);
      plugin.watch((finding: Finding) =>
        found.push(`${finding.type} ${"peer" in finding ? finding.peer : ""}`)
      );
      const starting = plugin.start(this.stopping.signal);
      meanwhile();
      await clock.complete(starting);
      return plugin;
    };
    return { id, events: host.events, start };
  }

  /** A note of one that is not started. */
  give(from: PeerId, to: PeerId, body: Uint8Array): void {
    this.#receivers.get(to)!(from, body);
  }

  remove(id: PeerId): void {
    this.#members.splice(this.#members.findIndex((each) => each.id === id), 1);
    for (const watcher of this.#watchers) watcher([], [id]);
  }

  #notesOf(self: PeerId): NoteChannel {
    return {
      receive: (handler) => void this.#receivers.set(self, handler),
      send: (to, body) => {
        if (this.cut.has(self) || this.cut.has(to)) return false;
        const copy = body.slice();
        this.clock.timer(this.clock.now() + 5, () => this.#receivers.get(to)?.(self, copy));
        return true;
      },
    };
  }
}

test("a member that falls silent is found dead, and alive when it is heard again", async () => {
  const fixture = new Fixture();
  const [a, b, c] = [fixture.add(1), fixture.add(2), fixture.add(3)];
  const [gossipA] = [await a.start(), await b.start(), await c.start()];
  await fixture.clock.advance(60_000);
  assert.deepEqual([gossipA.liveness(b.id), fixture.findings.get(a.id)], ["alive", []]);
  fixture.cut.add(b.id);
  await fixture.clock.advance(20_000);
  assert.deepEqual([gossipA.liveness(b.id), fixture.findings.get(a.id)], ["dead", [`dead ${b.id}`]]);
  fixture.cut.clear();
  await fixture.clock.advance(20_000);
  assert.deepEqual(fixture.findings.get(a.id), [`dead ${b.id}`, `alive ${b.id}`]);
  fixture.stopping.abort();
  await fixture.clock.advance(5); // what was under way
  assert.equal(fixture.clock.pending, 0);
});

test("of a member that has never gossiped nothing is found, and nothing is shown while it has a session", async () => {
  const fixture = new Fixture();
  const [a, mute, c] = [fixture.add(1), fixture.add(2), fixture.add(3)];
  const gossips = [await a.start(), await c.start()];
  const session = { peer: mute.id, name: "mute", endpoint: { host: "192.0.2.2", port: 1 }, reason: "silent" };
  for (const { events } of [a, c]) events.emit("peer:up", session);
  await fixture.clock.advance(300_000);
  const shown = () => gossips.map((each) => each.liveness(mute.id));
  assert.deepEqual(shown(), [undefined, undefined]);
  a.events.emit("peer:down", session);
  assert.deepEqual(shown(), ["dead", undefined]);
  assert.deepEqual([...fixture.findings.values()], [[], []]);
  fixture.stopping.abort();
});

test("a session from before the start counts: nothing is shown of who has never gossiped", async () => {
  const fixture = new Fixture();
  const [a, mute, c] = [fixture.add(1), fixture.add(2), fixture.add(3)];
  const early = { peer: mute.id, name: "mute", endpoint: { host: "192.0.2.2", port: 1 } };
  const starting = a.start(() => a.events.emit("peer:up", early));
  const gossipA = await starting;
  await c.start();
  await fixture.clock.advance(300_000);
  assert.equal(gossipA.liveness(mute.id), undefined);
  fixture.stopping.abort();
});

test("one that never wrote, is called dead by a neighbour and is heard then is not shown as dead", async () => {
  const fixture = new Fixture();
  const [a, mute, liar] = [fixture.add(1), fixture.add(2), fixture.add(3)];
  const gossipA = await a.start();
  const directory = new TagDirectory(4);
  [a, mute, liar].forEach(({ id }, number) => directory.put(number, decodeBase32(id)!));
  const outbox = new Outbox(directory, (_, message) => fixture.give(liar.id, a.id, message));
  outbox.section(0, Kind.ask, 1).u8(0);
  outbox.flush();
  ended(outbox, { peer: 1, stamp: stampOf(1, Rank.dead), by: 2 });
  outbox.flush();
  assert.equal(gossipA.liveness(mute.id), "dead");
  a.events.emit("peer:up", { peer: mute.id, name: "mute", endpoint: { host: "192.0.2.2", port: 1 } });
  assert.equal(gossipA.liveness(mute.id), undefined);
  fixture.stopping.abort();
});

test("a handler that fails keeps nobody from what follows, and one that stops the plugin ends it", async () => {
  const fixture = new Fixture();
  const [a, b, c] = [fixture.add(1), fixture.add(2), fixture.add(3)];
  const [gossipA, gossipC] = [await a.start(), await b.start() && await c.start()];
  gossipA.watch(() => assert.fail("as a node that is broken"));
  gossipC.watch(() => fixture.stopping.abort());
  await fixture.clock.advance(60_000);
  fixture.cut.add(b.id);
  for (let step = 0; step < 200 && !fixture.stopping.signal.aborted; step++) await fixture.clock.advance(100);
  assert.equal(fixture.stopping.signal.aborted, true);
  await fixture.clock.advance(1_000);
  assert.equal(fixture.clock.pending, 0);
});

test("whoever stops has left, and whoever is removed is unknown; one that comes back is watched anew", async () => {
  const fixture = new Fixture();
  const [a, b, c] = [fixture.add(1), fixture.add(2), fixture.add(3)];
  const [gossipA, gossipB] = [await a.start(), await b.start(), await c.start()];
  await fixture.clock.advance(60_000);
  await gossipB[Symbol.asyncDispose]();
  await fixture.clock.advance(1_000);
  assert.deepEqual([gossipA.liveness(b.id), fixture.findings.get(a.id)], ["left", [`dead ${b.id}`]]);
  fixture.remove(c.id);
  assert.equal(gossipA.liveness(c.id), undefined);
  const again = fixture.add(3);
  await again.start();
  await fixture.clock.advance(60_000);
  assert.equal(gossipA.liveness(c.id), "alive");
  fixture.stopping.abort();
});

test("where the encapsulation carries no notes it does not start, and says what to do", async () => {
  const { clock, ...host } = testHost();
  const plugin = gossip({}).create({ ...host, clock });
  const starting = plugin.start!(new AbortController().signal);
  await assert.rejects(clock.complete(starting), { code: "UNSUPPORTED", message: /carries no notes/ });
});

test("its options are bounded", () => {
  const problem = { code: "CONFIG_INVALID" };
  assert.throws(() => gossip({ beatMillis: 10 }), problem);
  assert.throws(() => gossip({ tombstoneHours: 100_000 }), problem);
  assert.equal(gossip({ beatMillis: 2_000 }).name, "gossip");
});

test("a record reaches all members once, one that is unsound its first receivers alone", async () => {
  const fixture = new Fixture();
  const members = Array.from({ length: 8 }, (_, i) => fixture.add(i + 1));
  for (const { id } of members) fixture.ends.set(id, new FakeEnds());
  const gossips: Gossip[] = [];
  for (const member of members) gossips.push(await member.start());
  await fixture.clock.advance(60_000);
  assert.ok(gossips.every((each) => each.isLinked()) && gossips[0]!.reaches(members[7]!.id));
  assert.equal(gossips[0]!.spread(Uint8Array.of(1, 9)), true);
  await fixture.clock.advance(30_000);
  const [, ...others] = [...fixture.ends.values()];
  assert.deepEqual(others.map(({ taken }) => taken), others.map(() => ["1,9"]));
  gossips[0]!.spread(Uint8Array.of(2, 9));
  await fixture.clock.advance(30_000);
  const reached = others.filter(({ taken }) => taken.includes("2,9")).length;
  assert.ok(reached >= 1 && reached < 7, `${reached}`);
  assert.equal(gossips[0]!.spread(new Uint8Array(1_025)), false);
  fixture.stopping.abort();
  assert.equal(gossips[0]!.spread(Uint8Array.of(1)), false);
});

test("a message for the node is no gossip, and neighbours whose records differ are named", async () => {
  const fixture = new Fixture();
  const [a, b] = [fixture.add(1), fixture.add(2)];
  const [endsA, endsB] = [new FakeEnds(), new FakeEnds()];
  fixture.ends.set(a.id, endsA).set(b.id, endsB);
  const [gossipA, gossipB] = [await a.start(), await b.start()];
  await fixture.clock.advance(60_000);
  assert.deepEqual([endsA.differing, endsB.differing], [[], []]);
  assert.equal(gossipA.send(b.id, Uint8Array.of(1, 2, 3)), true);
  assert.equal(gossipA.send(b.id, new Uint8Array(1_100)), false);
  endsB.state = 7;
  gossipB.hurry();
  await fixture.clock.advance(1_000);
  assert.deepEqual([endsB.heard, [...new Set(endsA.differing)]], [[`${a.id} 1,2,3`], [b.id]]);
  fixture.stopping.abort();
});

testDiscovery({
  name: "gossip",
  bed: () => () => {
    const host = testHost();
    return new Gossip({ ...host, notes: { send: () => true, receive: () => {} } }, {});
  },
});
