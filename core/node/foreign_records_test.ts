import assert from "node:assert/strict";
import { testReplicatedState } from "../../tests/conformance/replicated_state.ts";
import { test } from "../../tests/harness.ts";
import type { Self } from "../contracts/host.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { signRecord } from "../identity/signed.ts";
import { equalBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { foreignLimits, ForeignRecords } from "./foreign_records.ts";

const [ann, bob, cid, eve] = ["ann", "bob", "cid", "eve"].map(fakeSelf) as [Self, Self, Self, Self];
const members = [ann, bob, cid];
const isMember = (key: Uint8Array) => members.some(({ publicKey }) => equalBytes(publicKey, key));

/** Of a kind that this version has never heard of, with a number and a field of its own. */
function record(self: Self, q: number, kind = "alias", more: object = {}): Uint8Array {
  return signRecord(self, kind, encodeCbor({ q, later: { deep: [1] }, ...more }));
}

const bare = (self: Self, text: string) => signRecord(self, "vote", new TextEncoder().encode(text));

class AllKinds {
  readonly #foreign: ForeignRecords;
  #parts: readonly (readonly Uint8Array[])[] = [];
  #all: readonly Uint8Array[] = [];

  constructor(foreign: ForeignRecords) {
    this.#foreign = foreign;
  }

  records(): readonly Uint8Array[] {
    const parts = this.#foreign.kinds().map((kind) => this.#foreign.records(kind));
    const isSame = parts.length === this.#parts.length && parts.every((part, i) => part === this.#parts[i]);
    if (!isSame) [this.#parts, this.#all] = [parts, parts.flat()];
    return this.#all;
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    return this.#foreign.merge(records);
  }
}

const hostile = [record(eve, 9), bare(eve, "x")];
const many = [ann, bob, cid].flatMap((self) => [1, 2, 3, 4, 5].map((q) => record(self, q)));
const samples = [...many, record(ann, 3, "route"), record(bob, 9, "route"), bare(cid, "a"), bare(cid, "b")];

for (
  const [name, limits] of [
    ["records of unknown kinds, within bounds", { perSigner: 100, total: 100 }],
    ["records of unknown kinds, three of a signer", { perSigner: 3, total: 100 }],
    ["records of unknown kinds, seven in all", { perSigner: 4, total: 7 }],
  ] as const
) {
  testReplicatedState({
    name,
    create: () => new AllKinds(new ForeignRecords(isMember, limits)),
    records: [...samples, ...hostile],
    hostile,
    runs: 20,
  });
}

test("of one signer the highest numbers stay, whoever signs how much else", () => {
  const foreign = new ForeignRecords(isMember, { perSigner: 2, total: 100 });
  foreign.merge([bare(ann, "no number"), record(ann, 5), record(ann, 7), record(ann, 6), record(bob, 1)]);
  assert.deepEqual(
    new Set(foreign.records("alias")),
    new Set([record(ann, 7), record(ann, 6), record(bob, 1)]),
  );
  assert.deepEqual(foreign.kinds(), ["alias"]);
  assert.deepEqual(foreign.merge([record(ann, 4)]), [], "what is not kept is not passed on");
});

test("places are dealt out in rounds: who signs much takes none from who signs little", () => {
  const foreign = new ForeignRecords(isMember, { perSigner: 100, total: 6 });
  foreign.merge([record(bob, 1), record(cid, 1), record(cid, 2)]);
  for (let q = 1; q <= 50; q++) foreign.merge([record(ann, q)]);
  const held = foreign.records("alias");
  assert.equal(held.length, 6);
  for (const each of [record(bob, 1), record(cid, 1), record(cid, 2), record(ann, 50)]) {
    assert.ok(held.some((other) => equalBytes(other, each)));
  }
});

test("records go with the standing of their signer, and only they", () => {
  const standing = new Set([ann, bob]);
  const foreign = new ForeignRecords((key) => [...standing].some((self) => equalBytes(self.publicKey, key)));
  foreign.merge([record(ann, 1), record(bob, 1)]);
  standing.delete(ann);
  foreign.sweep();
  assert.deepEqual(foreign.records("alias"), [record(bob, 1)]);
  assert.deepEqual(foreign.merge([record(ann, 1)]), []);
  standing.delete(bob);
  foreign.sweep();
  assert.deepEqual(foreign.kinds(), []);
});

test("what is passed on is what came, byte for byte, with fields that nobody here knows", () => {
  const foreign = new ForeignRecords(isMember);
  const future = record(ann, 1, "alias", { "a newer field": Uint8Array.of(1, 2, 3) });
  assert.deepEqual(foreign.merge([future.slice()]), [future]);
  assert.deepEqual(foreign.records("alias"), [future]);
});

test("by default 256 records of one signer are kept, and 4,096 of all", () => {
  assert.deepEqual(foreignLimits, { perSigner: 256, total: 4096 });
  const foreign = new ForeignRecords(isMember);
  for (let q = 0; q < 260; q++) foreign.merge([record(ann, q)]);
  assert.equal(foreign.records("alias").length, 256);
});
