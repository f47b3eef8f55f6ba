/** In which order a peer is called at its places, and what an address that opens late changes. */
import assert from "node:assert/strict";
import type { Endpoint } from "../../core/contracts/values.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { relayedPlace, relayEndpointTo } from "../../core/wire/relay_endpoint.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { placedNext } from "./places.ts";
import { chain, isBehind } from "./testing_relay.ts";
import { peerIdOf, Rig, type RigNode, token, tokenKey } from "./testing_rig.ts";

const elsewhere = (port: number): Endpoint => ({ host: "192.0.2.9", port });
const initiation = 1;
const knock = 3;

function callAt(rig: Rig, node: RigNode, to: RigNode, places: readonly Endpoint[]): void {
  const peer = { id: to.id, noiseKey: to.keys.publicKey };
  for (const endpoint of places) rig.call(node, (machine, now) => machine.connect({ endpoint, peer }, now));
}

/** Ports of the addresses that messages of one type were sent to, in order. */
function calledPorts(rig: Rig, type: number): readonly number[] {
  return rig.log.filter(({ datagram }) => datagram[0] === type).map(({ to }) => to.port);
}

test("a place put next is tried next, wherever it was, and the others stay in their order", () => {
  const [a, b, c] = [1, 2, 3].map(elsewhere) as [Endpoint, Endpoint, Endpoint];
  for (let attempts = 0; attempts < 9; attempts++) {
    const places = placedNext([a, b, c], b, attempts);
    assert.equal(places[attempts % places.length], b);
    assert.deepEqual(places.filter((each) => each !== b), [a, c]);
  }
  assert.deepEqual(placedNext([], a, 5), [a]);
});

test("an address that opens while another one is called is called at once, and answers", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  let isOpen = false;
  rig.weather = ({ to }) => to.port === b.endpoint.port && !isOpen ? [] : [10];
  callAt(rig, a, b, [b.endpoint, elsewhere(1), elsewhere(2)]);
  rig.run(1_000);
  isOpen = true;
  assert.equal(calledPorts(rig, initiation).at(-1), 2);
  rig.call(a, (machine, now) => machine.opened(b.endpoint, now));
  rig.run(50);
  assert.deepEqual(a.edges(), ["+b"]);
});

test("an address that opens and was called last is not called anew, nor is one at which nobody is sought", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = () => [];
  callAt(rig, a, b, [b.endpoint]);
  rig.run(10);
  for (const place of [b.endpoint, elsewhere(7)]) {
    rig.call(a, (machine, now) => machine.opened(place, now));
    rig.run(10);
  }
  assert.deepEqual(calledPorts(rig, initiation), [b.endpoint.port]);
});

test("who takes connections and answers nothing fails as others do, however often it takes them", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = () => [];
  callAt(rig, a, b, [b.endpoint, elsewhere(1), elsewhere(2)]);
  for (let taken = 0; taken < 6; taken++) {
    rig.run(5_000);
    rig.call(a, (machine, now) => machine.opened(b.endpoint, now));
  }
  assert.ok(a.of("attempt-failed").length >= 3, "one report for each place and round");
  assert.ok(rig.log.length <= 5 + 6 + 6, "and each connection costs one call at most");
});

test("a call through a relay is waited for, also when an address opens meanwhile, which is then next", () => {
  const world = chain({ isApart: true });
  const { rig, a, r, b } = world;
  rig.weather = ({ to, from }) => [to.port, from.port].includes(r.endpoint.port) ? [200] : []; // 800 ms there and back through the relay
  const from = rig.log.length;
  callAt(rig, a, b, [elsewhere(1), relayEndpointTo(r.id, b.id)!, elsewhere(2)]);
  rig.run(300);
  rig.call(a, (machine, now) => machine.opened(elsewhere(1), now));
  rig.run(limits.relayAnswerMillis - 150);
  assert.deepEqual(a.edges().filter((edge) => edge.endsWith(b.id)), [`+${b.id}`]);
  assert.ok(isBehind(a, b));
  const called = rig.log.slice(from).filter(({ datagram }) => datagram[0] === initiation);
  assert.deepEqual(called.map(({ to }) => formatEndpoint(to)), ["192.0.2.9:1"]);
});

test("a place behind a relay that is named after one attempt is called before other addresses", () => {
  const world = chain({ isApart: true });
  const { rig, a, r, b } = world;
  callAt(rig, a, b, [elsewhere(1), elsewhere(2), elsewhere(3)]);
  rig.run(10);
  rig.connectVia(a, b, r);
  rig.run(400);
  assert.ok(isBehind(a, b));
  assert.deepEqual(calledPorts(rig, initiation).slice(2), [1]);
});

test("of two places behind relays the one that was named first is called first", () => {
  const world = chain({ isApart: true });
  const { rig, a, r, b } = world;
  const other = rig.add(peerIdOf("s"));
  rig.connect(a, other);
  rig.connect(b, other);
  rig.run(100);
  callAt(rig, a, b, [
    elsewhere(1),
    relayEndpointTo(r.id, b.id)!,
    relayEndpointTo(other.id, b.id)!,
    elsewhere(2),
  ]);
  rig.run(600);
  assert.deepEqual(relayedPlace(a.of("session-up").at(-1)!.session.endpoint)?.relay, r.id);
});

test("who joins knocks at once at an address that opens after another one was knocked at", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = () => [];
  const request = {
    token,
    tokenKey,
    endpoints: [b.endpoint, elsewhere(2)],
    application: new Uint8Array(4),
    deadline: rig.now + 30_000,
  };
  rig.call(a, (machine, now) => machine.join(request, now));
  rig.run(300);
  const before = calledPorts(rig, knock).length;
  assert.equal(calledPorts(rig, knock).at(-1), 2);
  for (const place of [b.endpoint, b.endpoint, elsewhere(9)]) {
    rig.call(a, (machine, now) => machine.opened(place, now));
  }
  assert.deepEqual(calledPorts(rig, knock).slice(before), [b.endpoint.port]);
});
