import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { admit, fakeNetwork, fakeSelf, revoke } from "./fake_members.ts";
import { signRecord } from "./signed.ts";
import { parentsFirst } from "./stored_order.ts";

const [founder, ann, bob, cid] = ["founder", "ann", "bob", "cid"].map((name) => fakeSelf(name)) as [
  ReturnType<typeof fakeSelf>,
  ReturnType<typeof fakeSelf>,
  ReturnType<typeof fakeSelf>,
  ReturnType<typeof fakeSelf>,
];
const network = fakeNetwork(founder);
const [ofAnn, ofBob] = [admit(network, founder, ann), admit(network, ann, bob)];
const byBob = revoke(network, bob, ann);

test("records come after the admissions of their signers, and those that rest on nothing come last", () => {
  const orphan = admit(network, cid, bob);
  const ordered = parentsFirst(founder.publicKey, [orphan, byBob, ofBob, ofAnn]);
  assert.deepEqual(ordered, [ofAnn, ofBob, byBob, orphan]);
});

test("no record is lost or doubled, also of members that admit each other, and of what is none", () => {
  const circle = [admit(network, bob, ann), admit(network, ann, founder)];
  const broken = [
    new Uint8Array(),
    Uint8Array.of(1, 2, 3),
    signRecord(founder, "admission", new Uint8Array(9)),
  ];
  const all = [...broken, ...circle, byBob, ofBob, ofAnn];
  const ordered = parentsFirst(founder.publicKey, all);
  assert.equal(ordered.length, all.length);
  assert.deepEqual(new Set(ordered), new Set(all));
});
