import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { admit, revoke } from "../identity/fake_members.ts";
import { Trust } from "../identity/trust.ts";
import type { Channel, Self } from "../contracts/host.ts";
import type { PeerId } from "../contracts/values.ts";
import {
  decide,
  everybody,
  listOf,
  motionAt,
  network,
  say,
  start,
  wish,
} from "../../tests/voters/voters_fixture.ts";
import { placeOf } from "../voters/voter_list.ts";
import { FakeLog, FakeStore } from "./node_fixture.ts";
import { Voting } from "./voting.ts";
import { decodeVotingMessage, encodeVotingMessage } from "./voting_message.ts";

interface Place {
  readonly self: Self;
  readonly store: FakeStore;
  readonly log: FakeLog;
  voting: Voting;
  isUp: boolean;
  hear: (from: PeerId, message: Uint8Array) => void;
}

const latency = 5;

/** Hosts in one room: everybody hears everybody after 5 ms, and tells all it holds every ten seconds. */
class Room {
  readonly clock = new SimClock();
  readonly alerts: string[] = [];
  readonly places: Place[];
  readonly trust = new Trust(network.founding);

  constructor(size: number) {
    const [founder, ...others] = everybody.slice(0, size) as [Self, ...Self[]];
    for (const other of others) this.trust.merge(admit(network, founder, other));
    this.places = [founder, ...others].map((self) => this.#place(self));
    for (const { voting } of this.places) voting.start();
  }

  stop(at: number): void {
    this.places[at]!.isUp = false;
    this.places[at]!.voting.stop();
  }

  restart(at: number, isDiskOld = false): void {
    const place = this.places[at]!;
    if (place.isUp) this.stop(at);
    place.isUp = true;
    place.voting = this.#open(place, isDiskOld);
    place.voting.start();
  }

  async advance(millis: number): Promise<void> {
    for (let passed = 0; passed < millis; passed += 10_000) {
      for (const place of this.places) this.#spread(place, place.voting.records());
      await this.clock.advance(Math.min(10_000, millis - passed));
    }
  }

  end(): void {
    for (const { voting } of this.places) voting.stop();
  }

  #place(self: Self): Place {
    const [store, log] = [new FakeStore(), new FakeLog()];
    const place = { self, store, log, isUp: true, hear: () => {} } as unknown as Place;
    place.voting = this.#open(place, false);
    return place;
  }

  #open(place: Place, isDiskOld: boolean): Voting {
    const { self, store, log } = place;
    return new Voting({
      self,
      store,
      log,
      raise: (alert) => void this.alerts.push(alert),
      isDiskOld,
      clock: this.clock,
      channel: this.#channelOf(place),
      founding: network.founding,
      replication: { spread: (records) => this.#spread(place, records) },
      members: () => this.trust.members(),
    });
  }

  #channelOf(place: Place): Channel {
    const others = () => this.places.filter((other) => other !== place && other.isUp);
    return {
      send: (to, message) => {
        const other = others().find(({ self }) => self.id === to);
        if (other === undefined) return false;
        this.#later(() => other.isUp && other.hear(place.self.id, message));
        return true;
      },
      receive: (handler) => void (place.hear = handler),
      peers: () => place.isUp ? others().map(({ self }) => self.id) : [],
    };
  }

  #spread(place: Place, records: readonly Uint8Array[]): void {
    if (records.length === 0 || !place.isUp) return;
    for (const other of this.places) {
      if (other === place) continue;
      this.#later(() => {
        if (other.isUp) this.#spread(other, other.voting.merge(records));
      });
    }
  }

  #later(run: () => void): void {
    this.clock.timer(this.clock.now() + latency, run);
  }
}

async function inRoom(size: number, run: (room: Room) => Promise<void>): Promise<void> {
  const room = new Room(size);
  try {
    await run(room);
  } finally {
    room.end();
  }
}

function votersOf({ voting }: Place): number {
  return voting.history.term().voters.length;
}

const minute = 60_000;

test("the first three hosts become voters by themselves, then the first five, and all know it", async () => {
  await inRoom(3, async (room) => {
    await room.advance(9 * minute);
    assert.deepEqual(room.places.map(votersOf), [1, 1, 1]);
    await room.advance(5 * minute);
    assert.deepEqual(room.places.map(votersOf), [3, 3, 3]);
  });
  await inRoom(6, async (room) => {
    await room.advance(14 * minute);
    assert.deepEqual(room.places.map(votersOf), [5, 5, 5, 5, 5, 5]);
  });
});

test("hosts whose program knows nothing of voters are given no vote, and become voters once it does", async () => {
  await inRoom(3, async (room) => {
    const [founder, ...older] = room.places as [Place, Place, Place];
    for (const place of older) {
      place.voting.stop();
      place.hear = () => {};
    }
    await room.advance(30 * minute);
    assert.equal(votersOf(founder), 1);
    founder.voting.judge("takeover", () => true);
    founder.voting.propose(wish("range of gus"));
    await room.advance(minute);
    assert.equal(founder.voting.history.decisions().length, 1);
    for (const at of [1, 2]) room.restart(at);
    await room.advance(3 * minute);
    assert.deepEqual(room.places.map(votersOf), [3, 3, 3]);
  });
});

test("a revoked voter gives its place to a host that was not asked yet; the list is at no time shorter", async () => {
  await inRoom(4, async (room) => {
    await room.advance(14 * minute);
    // A node that was restarted knows of nobody whether it was asked.
    for (const at of [0, 1, 2, 3]) room.restart(at);
    await room.advance(30 * minute);
    const { history } = room.places[0]!.voting;
    const isVoter = ({ self }: Place) => placeOf(history.term().voters, self.publicKey) !== -1;
    const revoked = room.places.findLast(isVoter)!;
    const heir = room.places.find((place) => !isVoter(place))!;
    room.trust.merge(revoke(network, everybody[0]!, revoked.self));
    await room.advance(4 * minute);
    assert.deepEqual(history.chain().terms.map(({ voters }) => voters.length), [1, 3, 3]);
    assert.ok(isVoter(heir) && !isVoter(revoked));
  });
});

test("a host that is no voter gets a decision from those that are, and everybody hears of it", async () => {
  await inRoom(4, async (room) => {
    await room.advance(14 * minute);
    const heard: string[] = [];
    for (const { voting } of room.places) {
      voting.judge("takeover", ({ payload }) => payload.length > 3);
      const seen = new Set<string>();
      voting.onChanged(() => {
        const decided = voting.history.decidedAbove(0).filter(({ kind }) => kind === "takeover");
        for (const payload of decided.map((motion) => new TextDecoder().decode(motion.payload))) {
          if (!seen.has(payload)) heard.push(payload);
          seen.add(payload);
        }
      });
    }
    const outsider = room.places.find(({ voting, self }) =>
      placeOf(voting.history.term().voters, self.publicKey) === -1
    )!;
    outsider.voting.propose(wish("range of gus"));
    await room.advance(minute);
    assert.deepEqual(heard, Array(4).fill("range of gus"));
    outsider.voting.propose(wish("no"));
    await room.advance(5 * minute);
    assert.equal(heard.length, 4, "what the voters' judges find wrong is not decided");
  });
});

test("a restart knows what was decided, with nobody there to ask", async () => {
  await inRoom(3, async (room) => {
    await room.advance(14 * minute);
    const before = room.places[1]!.voting.history.position();
    for (const at of [0, 1, 2]) room.stop(at);
    room.restart(1);
    assert.deepEqual(room.places[1]!.voting.history.position(), before);
  });
});

test("two of three voters decide after one of them was restarted", async () => {
  await inRoom(3, async (room) => {
    await room.advance(14 * minute);
    room.stop(2);
    room.restart(1);
    for (const at of [0, 1]) room.places[at]!.voting.judge("takeover", () => true);
    room.places[1]!.voting.propose(wish("range of cat"));
    await room.advance(minute);
    assert.equal(room.places[0]!.voting.history.decisions().length, 1);
  });
});

test("a voter whose disk is full says nothing, and goes on when there is room", async () => {
  await inRoom(1, async (room) => {
    const [alone] = room.places as [Place];
    alone.voting.judge("takeover", () => true);
    alone.store.isFull = true;
    alone.voting.propose(wish("range of gus"));
    await room.advance(minute);
    assert.deepEqual(alone.voting.records(), []);
    assert.ok(alone.log.messages.includes("A vote cannot be kept and is not sent"));
    alone.store.isFull = false;
    alone.voting.propose(wish("range of gus"));
    await room.advance(minute);
    assert.equal(alone.voting.history.decisions().length, 1);
  });
});

test("a disk that stays full is tried less and less often, whatever others tell meanwhile", async () => {
  await inRoom(2, async (room) => {
    const [founder] = room.places as [Place, Place];
    founder.voting.judge("takeover", () => true);
    founder.store.isFull = true;
    for (let i = 0; i < 30; i++) {
      founder.voting.propose(wish("range of gus"));
      await room.advance(20_000);
      founder.voting.membersChanged();
    }
    const failures = founder.log.messages.filter((text) => text === "A vote cannot be kept and is not sent");
    assert.ok(failures.length >= 10 && failures.length <= 16, `${failures.length} in ten minutes`);
  });
});

test("a certificate is written once by the voter that makes it", async () => {
  await inRoom(1, async (room) => {
    const [alone] = room.places as [Place];
    alone.voting.judge("takeover", () => true);
    alone.voting.propose(wish("range of gus"));
    await room.advance(1000);
    assert.equal(alone.voting.history.decisions().length, 1);
    const writes = alone.store.history.filter((text) => text === "commit node/voters");
    assert.equal(writes.length, 3, "a promise, a vote, a certificate");
  });
});

test("a voter with a disk that is known to be old hears both others before it counts again", async () => {
  await inRoom(3, async (room) => {
    await room.advance(14 * minute);
    room.stop(2);
    room.restart(1, true);
    await room.advance(minute);
    for (const at of [0, 1]) room.places[at]!.voting.judge("takeover", () => true);
    room.places[0]!.voting.propose(wish("range of cat"));
    await room.advance(minute);
    assert.equal(room.places[0]!.voting.history.decisions().length, 0);
    room.restart(2);
    room.places[2]!.voting.judge("takeover", () => true);
    await room.advance(10_000);
    room.places[0]!.voting.propose(wish("range of cat"));
    await room.advance(minute);
    assert.equal(room.places[0]!.voting.history.decisions().length, 1);
  });
});

test("what was asked for once and found wrong is not decided when it becomes right after all, unless it is asked for again", async () => {
  await inRoom(4, async (room) => {
    await room.advance(14 * minute);
    let isRight = false;
    for (const { voting } of room.places) voting.judge("takeover", () => isRight);
    const decided = () => room.places[0]!.voting.history.decisions().length;
    const ask = (at: number) => room.places[at]!.voting.propose(wish("range of gus"));
    for (const at of [0, 1, 2, 3]) ask(at);
    await room.advance(minute);
    isRight = true;
    for (const { voting } of room.places) voting.membersChanged();
    await room.advance(10 * minute);
    assert.equal(decided(), 0, "who asked has given up long ago");
    ask(3);
    await room.advance(minute);
    assert.equal(decided(), 1);
  });
});

test("nothing wanted is ever asked of nobody, and two judges of one kind are a mistake", async () => {
  await inRoom(2, async (room) => {
    const { voting } = room.places[1]!;
    room.stop(0);
    assert.throws(() => voting.propose(wish("x")), { code: "UNREACHABLE" });
    assert.throws(() => voting.propose({ kind: "Not a word", payload: new Uint8Array() }), {
      code: "INVALID_ARGUMENT",
    });
    voting.judge("takeover", () => true);
    assert.throws(() => voting.judge("takeover", () => true), RangeError);
    await room.advance(1000);
  });
});

test("no member makes itself a voter by asking for it", async () => {
  await inRoom(2, async (room) => {
    const [ann, bob] = room.places as [Place, Place];
    ann.hear(bob.self.id, encodeVotingMessage({ kind: "want", wish: listOf(bob.self) }));
    await room.advance(minute);
    assert.equal(ann.voting.history.term().epoch, 1);
  });
});

test("a voter that votes for two things in one ballot is named to the operator of every node that sees it", async () => {
  await inRoom(2, async (room) => {
    const [ann, bob] = room.places as [Place, Place];
    const two = ["of bob", "of cat"].map((text) => ({ ballot: 8, motion: motionAt(start, wish(text)) }));
    for (const vote of two) bob.voting.merge([say(ann.self, start, 8, vote)]);
    await room.advance(11_000);
    assert.deepEqual([...new Set(room.alerts)], [`voter-contradicted:${ann.self.id}`]);
  });
});

test("of a voter no more words are judged than it was asked for", async () => {
  await inRoom(2, async (room) => {
    const [ann, bob] = room.places as [Place, Place];
    const told = (sequence: number) =>
      encodeVotingMessage({ kind: "told", part: 0, record: say(bob.self, start, sequence) });
    await room.advance(minute);
    for (let sequence = 100; sequence < 110; sequence++) ann.hear(bob.self.id, told(sequence));
    const words = ann.voting.history.voteOf(bob.self.publicKey)?.sequence ?? 0;
    assert.ok(words < 109, `judged up to ${words}`);
  });
});

test("messages that cannot be read change nothing", async () => {
  await inRoom(2, async (room) => {
    const [ann, bob] = room.places as [Place, Place];
    const forged = decide([bob.self], motionAt(start, listOf(bob.self)));
    const told = { kind: "told", part: 0, record: forged } as const;
    for (const bytes of [new Uint8Array(), Uint8Array.of(0x80), forged, encodeVotingMessage(told)]) {
      ann.hear(bob.self.id, bytes);
    }
    await room.advance(1000);
    assert.deepEqual(ann.voting.records(), []);
    assert.equal(decodeVotingMessage(encodeVotingMessage(told).slice(1)), undefined);
    assert.deepEqual(decodeVotingMessage(encodeVotingMessage(told)), told);
  });
});
