import assert from "node:assert/strict";
import type { Endpoint, PeerId } from "../../core/contracts/values.ts";
import { relayEndpoint } from "../../core/wire/relay_endpoint.ts";
import { streamEndpoint } from "../../core/wire/stream_endpoint.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { LinkPlaces } from "./link_places.ts";
import { LinkWay } from "./link_way.ts";
import { LinkWays, type WayLink, type WayOwner } from "./link_ways.ts";

const address = { host: "192.0.2.1", port: 6783 };
const stream = streamEndpoint(address);
const otherStream = streamEndpoint({ host: "192.0.2.1", port: 50_000 });
const relayed = relayEndpoint("relay" as PeerId, new Uint8Array(8));
const otherRelay = relayEndpoint("other" as PeerId, new Uint8Array(8));
const [smaller, greater] = ["a" as PeerId, "b" as PeerId];
const alive = limits.wayAliveMillis;

function at(place: Endpoint, self = smaller): LinkWay {
  const way = new LinkWay(self, self === smaller ? greater : smaller);
  way.move(place, 0);
  return way;
}

const heard = (from: Endpoint, asks = false) => ({ from, asks, newest: true });

test("of an address, a stream and a relay the better way is taken once it is proved in both directions", () => {
  for (const [worse, better] of [[relayed, stream], [relayed, address], [stream, address]] as const) {
    const way = at(worse);
    assert.equal(way.heard(heard(better, true), 1), "ask");
    assert.equal(way.heard(heard(better), 1), "move");
  }
});

test("a worse way is taken when the better one has fallen silent", () => {
  for (const [better, worse] of [[stream, relayed], [address, relayed], [address, stream]] as const) {
    const way = at(better);
    assert.equal(way.heard(heard(worse), alive - 1), "stay");
    assert.equal(way.heard(heard(worse), alive), "move");
  }
});

test("of two streams, as when both sides have dialled, the one with the smaller id keeps its own while that lives", () => {
  assert.equal(at(stream, smaller).heard(heard(otherStream), 1), "stay");
  assert.equal(at(stream, greater).heard(heard(otherStream), 1), "move");
  assert.equal(at(stream, smaller).heard(heard(otherStream), alive), "move");
});

test("in a stream and behind a relay addresses are looked for, and nowhere else", () => {
  assert.deepEqual([address, stream, relayed].map((place) => at(place).seekAt), [Infinity, 0, 0]);
  const way = at(address);
  way.move(stream, 5);
  assert.deepEqual([way.address, way.seekAt, way.isRelayed], [address, 5, false]);
});

test("a stream that spoke for itself is proposed once, and not when the peer has been found at an address since", () => {
  const link: WayLink = { id: greater, isUp: true, sought: new LinkPlaces(), ask() {}, moved() {} };
  const owner = {
    local: { self: { id: smaller }, outbox: { push() {} } },
    redial() {},
    moved() {},
    rerouted() {},
  };
  const ways = new LinkWays<WayLink>(link, owner as unknown as WayOwner<WayLink>);
  ways.up(relayed, 0);
  const proposal = { from: stream, asks: true, newest: false };
  ways.follow(proposal, limits.askWayMillis);
  assert.deepEqual([ways.takeProposal(), ways.takeProposal()], [stream, undefined]);
  ways.follow(proposal, 2 * limits.askWayMillis);
  ways.follow(heard(address), 2 * limits.askWayMillis);
  assert.deepEqual([ways.endpoint, ways.takeProposal()], [address, undefined]);
});

test("behind a relay the side with the smaller id goes to another one that it prefers once the peer has answered there", () => {
  const way = at(relayed);
  assert.equal(way.heard(heard(otherRelay), 1), "stay", "not because the peer does");
  assert.ok(way.prefer(otherRelay));
  assert.equal(way.heard(heard(otherRelay, true), 2), "stay", "a request proves one direction only");
  assert.equal(way.heard(heard(otherRelay), 3), "move");
  way.move(otherRelay, 3);
  assert.equal(way.heard(heard(relayed), 4), "stay", "what comes late moves it not back");
  assert.deepEqual([at(relayed, greater).prefer(otherRelay), at(address).prefer(otherRelay)], [false, false]);
});
