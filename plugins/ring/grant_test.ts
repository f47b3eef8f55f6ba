import assert from "node:assert/strict";
import fc from "fast-check";
import { signRecord } from "../../core/identity/signed.ts";
import { decodeBase32 } from "../../core/wire/base32.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { formatPrefix, parsePrefix } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import { selfOf } from "../../tests/ring/ring_world.ts";
import { grantId, openGrant, prefixFromBytes, prefixToBytes, signGrant } from "./grant.ts";

const network = new Uint8Array(16).fill(1);
const [grantor, owner] = [selfOf(0), selfOf(1)];
const terms = { prefix: parsePrefix("10.47.240.0/20")!, owner: owner.id, version: 1, epoch: 1 };

/** A record with any body, rightly signed. */
function signed(change: Record<string, unknown>, kind = "grant"): Uint8Array {
  const body = {
    i: network,
    p: prefixToBytes(terms.prefix),
    o: decodeBase32(owner.id),
    n: 1,
    e: 1,
    ...change,
  };
  return signRecord(grantor, kind, encodeCbor(body));
}

test("a grant is read as it was signed, and its grantor is its signer", () => {
  for (const text of ["10.47.240.0/20", "10.32.0.7/32", "fd00:0:0:ffff::/64", "fd00::7/128"]) {
    const grant = signGrant(grantor, network, { ...terms, prefix: parsePrefix(text)! });
    assert.deepEqual(openGrant(grant.record, network), grant);
    assert.deepEqual([grant.from, formatPrefix(grant.prefix)], [grantor.id, text]);
    assert.equal(grant.id, grantId(grant.record));
  }
});

test("a grant is short enough that three fit a handshake", () => {
  const prefix = parsePrefix("fd00:0:0:ffff::/64")!;
  assert.ok(3 * signGrant(grantor, network, { ...terms, prefix }).record.length < 570);
});

test("fields of a later version are kept, since the record travels as it is", () => {
  const record = signed({ z: "later" });
  assert.deepEqual(openGrant(record, network)?.record, record);
});

test("a grant of another network, of another kind, or of unusual size is none", () => {
  assert.equal(openGrant(signGrant(grantor, new Uint8Array(16), terms).record, network), undefined);
  assert.equal(openGrant(signed({}, "admission"), network), undefined);
  assert.equal(openGrant(signed({ z: new Uint8Array(300) }), network), undefined);
});

test("versions, prefixes and owners that make no sense are refused however well they are signed", () => {
  const wrong: Record<string, unknown>[] = [
    { n: 0 },
    { n: -1 },
    { n: 1.5 },
    { n: 2 ** 32 },
    { n: 2n ** 63n },
    { e: -1 },
    { p: Uint8Array.of(20, 10, 47, 248, 0) },
    { p: Uint8Array.of(33, 10, 47, 240, 0) },
    { p: Uint8Array.of(20, 10, 47, 240) },
    { p: new Uint8Array(18) },
    { p: new Uint8Array() },
    { p: "10.47.240.0/20" },
    { o: new Uint8Array(19) },
    { o: owner.id },
    { i: new Uint8Array(15) },
    { n: undefined },
  ];
  for (const [i, change] of wrong.entries()) {
    assert.equal(openGrant(signed(change), network), undefined, `case ${i}`);
  }
  assert.notEqual(openGrant(signed({ n: 2 ** 32 - 1 }), network), undefined);
});

test("a grant with any byte changed, cut or added is none", () => {
  const { record } = signGrant(grantor, network, terms);
  const changed = fc.tuple(fc.nat(record.length - 1), fc.integer({ min: 1, max: 255 }));
  const isRefused = ([at, flip]: [number, number]) => {
    const bytes = record.slice();
    bytes[at]! ^= flip;
    assert.equal(openGrant(bytes, network), undefined);
  };
  fc.assert(fc.property(changed, isRefused), { seed: 5, numRuns: 150 });
  for (const bytes of [record.subarray(1), record.subarray(0, -1), Uint8Array.of(...record, 0)]) {
    assert.equal(openGrant(bytes, network), undefined);
  }
});

test("a prefix in bytes is read as it was written", () => {
  for (const text of ["0.0.0.0/0", "10.32.0.0/12", "255.255.255.255/32", "::/0", "fd00::/48"]) {
    assert.equal(formatPrefix(prefixFromBytes(prefixToBytes(parsePrefix(text)!))), text);
  }
});
