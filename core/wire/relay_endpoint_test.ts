import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { PeerId } from "../contracts/values.ts";
import { formatEndpoint, parseEndpoint, sameEndpoint } from "./endpoint.ts";
import {
  isRelayEndpoint,
  relayedPlace,
  relayEndpoint,
  relayEndpointTo,
  relayTagOf,
} from "./relay_endpoint.ts";
import { sourceOf } from "./source.ts";

const id = (letter: string) => letter.repeat(32) as PeerId;

test("a place behind a relay says who the relay is, and the tag of who is behind it", () => {
  const endpoint = relayEndpointTo(id("r"), id("b"))!;
  assert.deepEqual(relayedPlace(endpoint), { relay: id("r"), tag: relayTagOf(id("b")) });
  assert.equal(relayTagOf(id("b"))!.length, 8);
  assert.ok(isRelayEndpoint(endpoint));
  assert.ok(sameEndpoint(endpoint, relayEndpoint(id("r"), relayTagOf(id("b"))!)));
  assert.ok(!sameEndpoint(endpoint, relayEndpointTo(id("s"), id("b"))!));
  assert.ok(!sameEndpoint(endpoint, relayEndpointTo(id("r"), id("c"))!));
});

test("no address is a place behind a relay, and no text of an endpoint names one", () => {
  assert.equal(relayedPlace({ host: "192.0.2.1", port: 0 }), undefined);
  assert.equal(relayedPlace({ host: relayEndpointTo(id("r"), id("b"))!.host, port: 6783 }), undefined);
  for (const host of ["relay/", "relay/x", "relay/x/aa", "relay/x/!", "relay//"]) {
    assert.equal(relayedPlace({ host, port: 0 }), undefined, host);
  }
  assert.equal(parseEndpoint(formatEndpoint(relayEndpointTo(id("r"), id("b"))!)), undefined);
});

test("nobody is behind himself, and what is no id has no tag", () => {
  assert.equal(relayEndpointTo(id("r"), id("r")), undefined);
  assert.equal(relayTagOf("a" as PeerId), undefined);
  assert.equal(relayTagOf("Ann!" as PeerId), undefined);
});

test("all behind one relay are one source: the relay can make up as many of them as it likes", () => {
  const [b, c] = [relayEndpointTo(id("r"), id("b"))!, relayEndpointTo(id("r"), id("c"))!];
  assert.equal(sourceOf(b.host), sourceOf(c.host));
  assert.notEqual(sourceOf(b.host), sourceOf(relayEndpointTo(id("s"), id("b"))!.host));
});
