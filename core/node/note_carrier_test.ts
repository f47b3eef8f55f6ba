import assert from "node:assert/strict";
import { Drop } from "../contracts/drop.ts";
import type { PeerIdentity } from "../contracts/membership.ts";
import type { Endpoint, PeerId, PeerRecord } from "../contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { relayedPlace, relayEndpointTo } from "../wire/relay_endpoint.ts";
import { ConnectionTable } from "./connection_table.ts";
import { DropCounts } from "./drop_counts.ts";
import { MemberNews } from "./member_news.ts";
import { FakeLog } from "./node_fixture.ts";
import { NoteCarrier } from "./note_carrier.ts";

const peer = "a".repeat(32) as PeerId;
const body = Uint8Array.of(1, 2, 3);

function at(last: number): Endpoint {
  return { host: `192.0.2.${last}`, port: 6783 };
}

function recordAt(...places: readonly number[]): PeerIdentity {
  const key = new Uint8Array(32);
  return { id: peer, name: "a", noiseKey: key, publicKey: key, bindingNumber: 1, endpoints: places.map(at) };
}

const relays = ["z", "b", "c", "d"].map((letter) => letter.repeat(32) as PeerId);

/** Below zero: behind a relay of that number. */
function placeOf(place: number): Endpoint {
  return place > 0 ? at(place) : relayEndpointTo(relays[-place]!, peer)!;
}

function numberOf(endpoint: Endpoint): number {
  const behind = relayedPlace(endpoint)?.relay;
  return behind === undefined ? Number(endpoint.host.split(".").at(-1)) : -relays.indexOf(behind);
}

class Fixture {
  now = 0;
  known: readonly PeerIdentity[] = [recordAt(1, 2, 3)];
  verdict: Drop = Drop.none;
  readonly forgotten: PeerId[] = [];
  isMember = true;
  readonly log = new FakeLog();
  readonly drops = new DropCounts();
  readonly connections = new ConnectionTable();
  readonly members = new MemberNews(() => this.known, this.log);
  readonly carrier: NoteCarrier;
  senderOf: (tag: Uint8Array) => PeerRecord | undefined = () => undefined;
  /** Where notes cannot be sent now. */
  closed: readonly number[] = [];
  #sent: number[] = [];

  constructor() {
    const { members, connections, drops, log } = this;
    const tags = { memberOf: () => (this.isMember ? peer : undefined) };
    const clock = { now: () => this.now };
    this.carrier = new NoteCarrier({ clock, members, tags, connections, drops, log });
  }

  carry(): this {
    this.carrier.carryOver({
      takeNotes: (senderOf) => void (this.senderOf = senderOf),
      forgetMember: (peer) => void this.forgotten.push(peer),
      sendNote: (_, endpoint) => {
        const place = numberOf(endpoint);
        this.#sent.push(place);
        return this.closed.includes(place) ? Drop.noSession : this.verdict;
      },
    }, (step) => step(this.now));
    return this;
  }

  /** Where a note goes now. */
  places(): readonly number[] {
    this.#sent = [];
    this.carrier.send(peer, body);
    return this.#sent;
  }

  arrive(last: number): void {
    this.carrier.arrived({ type: "note", from: peer, endpoint: placeOf(last), body });
  }

  sessionAt(last: number, id = peer): void {
    this.connections.sessionUp({
      type: "session-up",
      session: { peer: id, endpoint: placeOf(last), initiator: true, since: 0 },
      peer: { ...recordAt(1), id },
      credentials: new Uint8Array(),
    });
  }
}

test("a member that is sought is written to at two of its endpoints at a time, at all of them in turn", () => {
  const fixture = new Fixture().carry();
  assert.deepEqual([1, 2, 3].map(() => fixture.places()), [[1, 2], [3, 1], [2, 3]]);
  fixture.known = [recordAt(7)];
  fixture.members.changed(fixture.known, []);
  assert.deepEqual([1, 2].map(() => fixture.places()), [[7], [7]]);
});

test("a note to a member that names no place, and to which no open relay leads, is counted", () => {
  const fixture = new Fixture().carry();
  fixture.known = [recordAt()];
  fixture.members.changed(fixture.known, []);
  fixture.carrier.seekBehind(() => [relays[1]!]);
  assert.equal(fixture.carrier.send(peer, body), false);
  assert.equal(fixture.drops.all().noSession, 1);
});

test("a member is where its last note came from; half a minute later that is one place of several", () => {
  const fixture = new Fixture().carry();
  fixture.arrive(3);
  fixture.now = 30_000;
  assert.deepEqual(fixture.places(), [3]);
  fixture.now = 30_001;
  assert.deepEqual([1, 2].map(() => fixture.places()), [[3, 1], [2, 3]]);
  fixture.arrive(2);
  assert.deepEqual(fixture.places(), [2]);
});

test("a place that nobody names may be that of recorded notes: for half a minute others are written to as well", () => {
  const fixture = new Fixture().carry();
  fixture.arrive(9);
  assert.deepEqual([1, 2].map(() => fixture.places()), [[9, 1, 2], [9, 3, 1]]);
  fixture.now = 29_000;
  fixture.arrive(9);
  assert.deepEqual(fixture.places().length, 3);
  fixture.now = 30_001;
  assert.deepEqual(fixture.places(), [9]);
  fixture.arrive(10);
  assert.deepEqual(fixture.places(), [10, 1, 2]);
  fixture.arrive(1);
  assert.deepEqual(fixture.places(), [1]);
});

test("whoever says anew where it is, is sought there", () => {
  const fixture = new Fixture().carry();
  fixture.arrive(9);
  fixture.known = [recordAt(4, 5)];
  fixture.members.changed(fixture.known, []);
  assert.deepEqual(fixture.places(), [4, 5]);
});

test("a member that is not heard by notes is where its session is", () => {
  const fixture = new Fixture().carry();
  fixture.sessionAt(8);
  assert.deepEqual(fixture.places(), [8]);
  fixture.arrive(9);
  assert.deepEqual(fixture.places(), [9, 8], "its session is better known");
  fixture.arrive(8);
  assert.deepEqual(fixture.places(), [8]);
});

test("a member whose session is behind a relay is written to there, and at an address as soon as it is at one", () => {
  const fixture = new Fixture().carry();
  fixture.sessionAt(-1);
  assert.deepEqual(fixture.places(), [-1]);
  fixture.arrive(-1);
  assert.deepEqual(fixture.places(), [-1]);
  fixture.connections.roamed({ type: "roamed", peer, endpoint: at(8) });
  assert.deepEqual(fixture.places(), [8], "wherever its last note came from");
});

test("a member without a session is also sought behind relays, and while it answers there each half minute elsewhere", () => {
  const fixture = new Fixture().carry();
  fixture.carrier.seekBehind(() => relays);
  for (const relay of [1, 2, 3]) fixture.sessionAt(relay, relays[relay]!);
  assert.deepEqual([1, 2, 3].map(() => fixture.places()), [[1, -1], [-2, 2], [3, 1]]);
  fixture.arrive(-2);
  assert.deepEqual(fixture.places(), [-2, 1, -1], "the place may be that of recorded notes");
  for (fixture.now = 20_000; fixture.now <= 60_000; fixture.now += 10_000) fixture.arrive(-2);
  const written = [1, 2, 3].map(() => fixture.places());
  assert.deepEqual(written, [[-2, 1, -1], [-2], [-2]]);
});

test("when the relay is gone that a member was heard through, the same note goes elsewhere", () => {
  const fixture = new Fixture().carry();
  fixture.sessionAt(-1);
  fixture.arrive(-1);
  fixture.closed = [-1];
  fixture.connections.roamed({ type: "roamed", peer, endpoint: placeOf(-2) });
  assert.deepEqual(fixture.places(), [-1, -2]);
  assert.deepEqual(fixture.places(), [-2]);
});

test("nothing is sent before there is an encapsulation, to strangers, or against its verdict, and the reason is counted", () => {
  const fixture = new Fixture();
  assert.equal(fixture.carrier.send(peer, body), false);
  fixture.carry();
  assert.equal(fixture.carrier.send("b".repeat(32) as PeerId, body), false);
  assert.equal(fixture.carrier.send(peer, body), true);
  fixture.verdict = Drop.tooBig;
  assert.equal(fixture.carrier.send(peer, body), false);
  assert.deepEqual(fixture.drops.report(), { noSession: 2, tooBig: 2 });
});

test("a tag means a member only while it is in good standing and has said where it is", () => {
  const fixture = new Fixture().carry();
  const tag = new Uint8Array(8);
  assert.equal(fixture.senderOf(tag)?.id, peer);
  fixture.isMember = false;
  assert.equal(fixture.senderOf(tag), undefined);
  fixture.isMember = true;
  fixture.known = [];
  fixture.members.changed([], [peer]);
  assert.equal(fixture.senderOf(tag), undefined);
  assert.deepEqual(fixture.forgotten, [peer], "nor are its keys kept");
});

test("notes have one receiver: without one they are counted, a second is refused, and what it throws is logged", () => {
  const fixture = new Fixture().carry();
  fixture.arrive(9);
  assert.deepEqual(fixture.drops.report(), { unsupported: 1 });
  const received: Uint8Array[] = [];
  fixture.carrier.receive((_, note) => {
    received.push(note);
    throw new Error("cannot read that");
  });
  assert.throws(() => fixture.carrier.receive(() => {}), RangeError);
  fixture.arrive(9);
  assert.deepEqual([received, fixture.log.messages], [[body], ["The handler of notes failed"]]);
});
