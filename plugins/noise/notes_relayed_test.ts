/** Notes to members that are reached only behind relays. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { maxNoteLength } from "../../core/contracts/encapsulation.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { relayEndpointTo, relayTagOf } from "../../core/wire/relay_endpoint.ts";
import { test } from "../../tests/harness.ts";
import { type Row, row } from "./testing_relay.ts";
import type { RigNode } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

const recordOf = ({ id, name, keys, endpoint }: RigNode) => ({
  id,
  name,
  noiseKey: keys.publicKey,
  endpoints: [endpoint],
});

/** A row whose members take notes of each other. */
function writers(letters: string, tune: (row: Row) => void = () => {}): Row {
  return row(letters, (world) => {
    for (const { machine } of world.nodes) {
      machine.takeNotes((tag) => {
        const found = world.nodes.find(({ id }) => equalBytes(relayTagOf(id)!, tag));
        return found && recordOf(found);
      });
    }
    tune(world);
  });
}

type Pair = readonly [from: RigNode, to: RigNode];

function note({ rig }: Row, [from, to]: Pair, endpoint: Endpoint, body: Uint8Array): Drop {
  return rig.call(from, (machine, now) => machine.sendNote(recordOf(to), endpoint, body, now));
}

function bodiesOf(node: RigNode): number[] {
  return node.of("note").map(({ body }) => body.length);
}

test("a note crosses three relays and says where its answer goes, without a session of the two", () => {
  const world = writers("abcde");
  const { rig, nodes: [a, , , d, e] } = world;
  rig.call(a!, (machine, now) => machine.disconnect(e!.id, now));
  rig.run(100);
  const ups = e!.edges().length;
  assert.equal(note(world, [a!, e!], relayEndpointTo(d!.id, e!.id)!, new Uint8Array(5)), Drop.none);
  rig.run(100);
  const [arrived] = e!.of("note");
  assert.deepEqual([arrived?.from, arrived?.endpoint], [a!.id, relayEndpointTo(d!.id, a!.id)]);
  assert.equal(note(world, [e!, a!], arrived!.endpoint, new Uint8Array(7)), Drop.none);
  rig.run(100);
  assert.deepEqual([bodiesOf(e!), bodiesOf(a!)], [[5], [7]]);
  assert.equal(e!.edges().length, ups, "no session was made for it");
});

test("the longest note crosses three relays on a path of 1,280 bytes, in parts where it has to", () => {
  const world = writers("abcde", ({ rig, nodes }) => {
    for (const node of nodes) node.machine.measurePaths();
    const near = rig.weather;
    rig.weather = (flight) => flight.datagram.length + 28 > 1_280 ? [] : near(flight);
  });
  const { rig, nodes: [a, , , d, e] } = world;
  rig.run(30_000);
  note(world, [a!, e!], relayEndpointTo(d!.id, e!.id)!, new Uint8Array(maxNoteLength));
  rig.run(200);
  assert.deepEqual(bodiesOf(e!), [maxNoteLength]);
});

test("a note for a place to which there is no way is refused, and nothing of it is sent", () => {
  const world = writers("abc");
  const { rig, nodes: [a, b, c] } = world;
  const sent = rig.log.length;
  const stranger = "z".repeat(32) as RigNode["id"];
  assert.equal(note(world, [a!, c!], relayEndpointTo(stranger, c!.id)!, new Uint8Array(1)), Drop.noSession);
  assert.equal(note(world, [a!, b!], relayEndpointTo(c!.id, b!.id)!, new Uint8Array(1)), Drop.noSession);
  assert.equal(rig.log.length, sent);
});

test("a note that a relay passes on for another member than its writer is dropped: no answers go there", () => {
  const world = writers("arcs");
  const { rig, nodes: [a, r, c, s] } = world;
  world.bridges.push([1, 3]);
  rig.connect(s!, r!);
  rig.run(100);
  const weather = rig.weather;
  const taken: Uint8Array[] = [];
  rig.weather = (flight) => {
    if (flight.datagram[0] !== MessageType.note) return weather(flight);
    taken.push(flight.datagram);
    return [];
  };
  note(world, [a!, c!], c!.endpoint, new Uint8Array(3));
  rig.call(s!, (machine, now) => {
    machine.local.outbox.transmit(taken[0]!.slice(), relayEndpointTo(r!.id, c!.id)!, now);
  });
  rig.run(100);
  assert.deepEqual([bodiesOf(c!), c!.drops.get("badSource")], [[], 1]);
});
