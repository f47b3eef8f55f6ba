/** Each limit per source holds for all addresses of an IPv6 /64 together: whoever owns one has no more than a host has. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { knock } from "./join_handshake.ts";
import { networkKey, Rig, type RigNode, token, tokenKey } from "./testing_rig.ts";
import { askWhoIs } from "./who_is.ts";
import { encodeUnknownIndex, MessageType } from "./wire.ts";

/** An address of one /64, or of as many of them. */
const within = (i: number): Endpoint => ({ host: `2001:db8:0:7::${(i + 1).toString(16)}`, port: 1 });
const beside = (i: number): Endpoint => ({ host: `2001:db8:1:${(i + 1).toString(16)}::1`, port: 1 });

/** How many of 40 messages, each from a place of its own, get more than a refusal. */
function taken(place: (i: number) => Endpoint, send: (rig: Rig, b: RigNode, from: Endpoint) => Drop): number {
  const rig = new Rig();
  const b = rig.add("b");
  rig.weather = () => [];
  let count = 0;
  for (let i = 0; i < 40; i++) if (send(rig, b, place(i)) !== Drop.rateLimited) count++;
  return count;
}

/** A knock under load, with the cookie of its place or without. */
function knockFrom(isProven: boolean) {
  return (rig: Rig, b: RigNode, from: Endpoint): Drop => {
    const stranger = rig.add("s");
    stranger.endpoint = from;
    const { cookies } = stranger.machine.local;
    const { gate } = b.machine.local;
    const request = { token, tokenKey, endpoints: [], application: new Uint8Array(), deadline: 1e6 };
    const { message } = knock(stranger.machine.local, request, 1);
    if (isProven) cookies.keep(b.endpoint, gate.issuer.cookie(from, rig.now).slice(), rig.now);
    cookies.sign(message, b.endpoint, rig.now);
    for (let i = 0; i <= limits.firstMessages.burst; i++) gate.load.arrived(rig.now);
    return rig.inject(b, message, from);
  };
}

test("proven first messages: 5 in a row from a /64", () => {
  assert.equal(taken(within, knockFrom(true)), limits.provenKnocks.sourceBurst);
  assert.equal(taken(beside, knockFrom(true)), limits.provenKnocks.burst, "32 of 40, from as many /64");
});

test("cookies: 10 in a row to a /64", () => {
  assert.equal(taken(within, knockFrom(false)), limits.cookieReplies.sourceBurst);
  assert.equal(taken(beside, knockFrom(false)), 40);
});

test("answers to who-is: 10 in a row to a /64", () => {
  const ask = (rig: Rig, b: RigNode, from: Endpoint) =>
    rig.inject(b, askWhoIs(networkKey(1), rig.random.fill(new Uint8Array(16))), from);
  assert.equal(taken(within, ask), limits.whoIsAnswers.sourceBurst);
  assert.equal(taken(beside, ask), 40);
});

test("answers to unknown indices: 10 in a row to a /64", () => {
  const send = (rig: Rig, b: RigNode, from: Endpoint) => {
    const data = new Uint8Array(32);
    data.set([MessageType.data, 1, 0, 0, 0, 0, 0, 9]);
    assert.equal(encodeUnknownIndex(data)[0], MessageType.unknownIndex);
    const before = rig.log.length;
    assert.equal(rig.inject(b, data, from), Drop.unknownSession);
    return rig.log.length > before ? Drop.none : Drop.rateLimited;
  };
  assert.equal(taken(within, send), limits.unknownIndexAnswers.sourceBurst);
  assert.equal(taken(beside, send), 40);
});
