import assert from "node:assert/strict";
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { formatPrefix, parsePrefix } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import { Exchange, type ExchangeFacts, type Output } from "./exchange.ts";
import { decodeMessage, encodeMessage } from "./message.ts";

const [a, b, c] = ["a", "b", "c"].map((letter) => letter.repeat(32) as PeerId) as [PeerId, PeerId, PeerId];
const range = parsePrefix("10.32.0.0/12")!;

/** Facts that a test may change while the machine runs. */
class Facts implements ExchangeFacts {
  connected: PeerId[] = [a, b, c];
  space = new Map<PeerId, bigint>();
  held = 0;

  peers = () => this.connected;
  owned = (peer: PeerId, _within: Prefix) => this.space.get(peer) ?? 0n;
  heldFrom = () => this.held;
}

/** Outputs in words. */
function tell(outputs: readonly Output[]): string[] {
  return outputs.map((output) => {
    if (output.type === "refused") return `refused ${formatPrefix(output.within)} by ${names(output.by)}`;
    if (output.type !== "send") return `${output.type} by ${names([output.from])}`;
    const message = decodeMessage(output.message)!;
    const detail = message.kind === "grants"
      ? ` ${message.records.length}`
      : message.kind === "need"
      ? ` ${formatPrefix(message.within)} holding ${message.held}`
      : "";
    return `${message.kind}${detail} to ${names([output.to])}`;
  });
}

const names = (peers: Iterable<PeerId>) => [...peers].map((peer) => peer[0]).sort().join("");

/** The number of the question in `outputs`. */
function requestIn(outputs: readonly Output[]): number {
  const messages = outputs.map((output) =>
    output.type === "send" ? decodeMessage(output.message) : undefined
  );
  const need = messages.find((message) => message?.kind === "need");
  assert.ok(need?.kind === "need");
  return need.request;
}

test("peers are asked one by one, those first who own most, each with a chance of half a second", () => {
  const facts = new Facts();
  facts.space = new Map([[b, 100n], [c, 50n]]);
  facts.held = 2;
  const exchange = new Exchange(facts);
  assert.deepEqual(tell(exchange.want(range, 0)), ["need 10.32.0.0/12 holding 2 to b"]);
  assert.deepEqual(tell(exchange.want(range, 0)), []);
  assert.equal(exchange.deadline, 500);
  assert.deepEqual(tell(exchange.handleTimeout(499)), []);
  assert.deepEqual(tell(exchange.handleTimeout(500)), ["need 10.32.0.0/12 holding 2 to c"]);
  assert.deepEqual(tell(exchange.handleTimeout(1000)), ["need 10.32.0.0/12 holding 2 to a"]);
});

test("who refuses is passed over at once, and all who refused so far are named", () => {
  const exchange = new Exchange(new Facts());
  const refuse = (from: PeerId, outputs: readonly Output[], now: number) =>
    exchange.receive(from, encodeMessage({ kind: "none", request: requestIn(outputs) }), now);
  const toB = refuse(a, exchange.want(range, 0), 10);
  assert.deepEqual(tell(toB), ["refused 10.32.0.0/12 by a", "need 10.32.0.0/12 holding 0 to b"]);
  assert.deepEqual(tell(refuse(a, toB, 11)), [], "a cannot answer for b");
  const toC = refuse(b, toB, 20);
  assert.deepEqual(tell(refuse(c, toC, 30)), ["refused 10.32.0.0/12 by abc"]);
  assert.deepEqual(tell(refuse(c, toC, 31)), [], "an answer counts once");
});

test("after a round comes a pause that doubles from half a second to five", () => {
  const facts = new Facts();
  facts.connected = [];
  const exchange = new Exchange(facts);
  exchange.want(range, 0);
  // Without anybody to ask a round takes no time, so each ends where its pause begins.
  const ends: number[] = [];
  for (let now = exchange.deadline; now < 25_000; now = exchange.deadline) {
    exchange.handleTimeout(now);
    ends.push(now);
  }
  assert.deepEqual(ends, [500, 1500, 3500, 7500, 12_500, 17_500, 22_500]);
});

test("a peer that comes up is asked at once, whatever the pause", () => {
  const facts = new Facts();
  facts.connected = [];
  const exchange = new Exchange(facts);
  exchange.want(range, 0);
  exchange.handleTimeout(500);
  facts.connected = [a];
  assert.deepEqual(tell(exchange.peerUp(600)), ["need 10.32.0.0/12 holding 0 to a"]);
});

test("a refusal from before a peer came up counts no longer", () => {
  const facts = new Facts();
  facts.connected = [a, b];
  const exchange = new Exchange(facts);
  const refuse = (from: PeerId, outputs: readonly Output[], now: number) =>
    exchange.receive(from, encodeMessage({ kind: "none", request: requestIn(outputs) }), now);
  const toB = refuse(a, exchange.want(range, 0), 10);
  exchange.peerUp(20);
  assert.deepEqual(tell(refuse(b, toB, 30)).slice(0, 1), ["refused 10.32.0.0/12 by b"]);
});

test("what is no longer wanted is no longer asked for", () => {
  const exchange = new Exchange(new Facts());
  exchange.want(range, 0);
  exchange.unwant(range);
  assert.deepEqual(tell(exchange.handleTimeout(4000)), []);
  assert.equal(exchange.deadline, Number.POSITIVE_INFINITY);
});

test("a single address is asked for at its owner and at nobody else", () => {
  const facts = new Facts();
  facts.space = new Map([[c, 1n]]);
  const exchange = new Exchange(facts);
  const host = parsePrefix("10.32.0.7/32")!;
  assert.deepEqual(tell(exchange.want(host, 0)), ["need 10.32.0.7/32 holding 0 to c"]);
  assert.deepEqual(tell(exchange.handleTimeout(500)), []);
});

test("questions and grants go to who can judge them, nonsense nowhere", () => {
  const exchange = new Exchange(new Facts());
  const need = encodeMessage({ kind: "need", request: 1, within: range, held: 0 });
  const grants = encodeMessage({ kind: "grants", records: [] });
  assert.deepEqual(tell(exchange.receive(a, need, 0)), ["asked by a"]);
  exchange.want(range, 0);
  assert.deepEqual(tell(exchange.receive(a, grants, 0)), ["records by a"]);
  assert.deepEqual(exchange.receive(a, Uint8Array.of(1, 2, 3), 0), []);
  assert.deepEqual(tell(exchange.refuse(a, 1)), ["none to a"]);
});

test("grants of who was not asked are passed over, and so is more than sixty-four to a question", () => {
  const exchange = new Exchange(new Facts());
  const records = Array.from({ length: 15 }, (_, i) => Uint8Array.of(i));
  const bring = (from: PeerId) =>
    exchange.receive(from, encodeMessage({ kind: "grants", records }), 0)
      .map((output) => output.type === "records" ? output.records.length : -1);
  assert.deepEqual(bring(a), []);
  exchange.want(range, 0);
  assert.deepEqual([bring(b), ...[1, 2, 3, 4, 5, 6].map(() => bring(a))], [
    [],
    [15],
    [15],
    [15],
    [15],
    [4],
    [],
  ]);
  exchange.handleTimeout(500);
  assert.deepEqual(bring(b), [15]);
});
