import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { announcementKind } from "../identity/announcement.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { linksKind } from "../topology/link_record.ts";
import { decisions, ownWords, SignerCredit } from "./signer_credit.ts";

let number = 0;

/** Another one each time; nobody has signed it. */
function record(kind: string, signer: number): Uint8Array {
  const body = Uint8Array.of(++number >> 8, number);
  return encodeCbor([1, kind, body, new Uint8Array(32).fill(signer), new Uint8Array(64)]);
}

function charged(credit: SignerCredit, kind: string, signer: number, now: number): number {
  let count = 0;
  while (credit.charge(record(kind, signer), now)) count++;
  return count;
}

test("a signer has a credit for its place, one for its links, and one for all else, and others have their own", () => {
  const credit = new SignerCredit(() => true);
  for (const signer of [1, 2]) {
    assert.equal(charged(credit, announcementKind, signer, 0), ownWords.burst);
    assert.equal(charged(credit, linksKind, signer, 0), ownWords.burst);
    assert.equal(charged(credit, "grant", signer, 0), decisions.burst);
    assert.equal(charged(credit, "of_tomorrow", signer, 0), 0, "kinds that it invents add nothing");
  }
});

test("a credit fills up with time, and no further than it was", () => {
  const credit = new SignerCredit(() => true);
  charged(credit, "grant", 1, 0);
  assert.equal(charged(credit, "grant", 1, 1_000), decisions.perSecond);
  assert.equal(charged(credit, "grant", 1, 3_600_000), decisions.burst);
  assert.equal(charged(credit, "grant", 1, 3_599_000), 0, "a clock that went back gives nothing");
});

test("to ask takes nothing, so that what only bears a signer's name costs it nothing", () => {
  const credit = new SignerCredit(() => true);
  for (let n = 0; n < 100; n++) assert.equal(credit.covers(record(linksKind, 1), 0), true);
  assert.equal(credit.size, 0);
  charged(credit, linksKind, 1, 0);
  assert.equal(credit.covers(record(linksKind, 1), 0), false);
  assert.equal(credit.covers(Uint8Array.of(1), 0), true, "what is no record has no signer");
});

test("of signers that have been silent for a while nothing is kept", () => {
  const credit = new SignerCredit(() => true);
  for (let signer = 0; signer < 200; signer++) credit.charge(record(linksKind, signer), 0);
  credit.sweep(500);
  assert.equal(credit.size, 200);
  credit.sweep(1_000 / ownWords.perSecond);
  assert.equal(credit.size, 0);
});

test("keys that nobody has admitted share one credit, whatever they sign", () => {
  const credit = new SignerCredit(() => false);
  let passed = 0;
  for (let signer = 0; signer < 200; signer++) {
    for (const kind of [announcementKind, linksKind, "grant"]) {
      if (credit.charge(record(kind, signer), 0)) passed++;
    }
  }
  assert.deepEqual([passed, credit.size], [decisions.burst, 1]);
  assert.equal(credit.covers(record("grant", 201), 0), false);
});
