import assert from "node:assert/strict";
// deno-lint-ignore selvage/no-runtime-globals -- an oracle to compare with
import { createHash } from "node:crypto";
import { test } from "../../tests/harness.ts";
import { concatBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { formatPrefix, parsePrefix } from "../wire/prefix.ts";
import { fakeNetwork, fakeSelf, fakeWall, flipEachByte, seededRandom } from "./fake_members.ts";
import { ipv6RangeOf, networkFacts, networkIdOf, openFounding, signFounding } from "./founding.ts";
import { signRecord } from "./signed.ts";

const founder = fakeSelf("first");
const { record, founding } = fakeNetwork(founder);
const options = {
  networkName: "loom",
  ranges: [parsePrefix("10.32.0.0/12")!],
  random: seededRandom("founding"),
  wall: fakeWall,
};

test("a founding record says what all members agree on", () => {
  const { networkName, founderName, voters, epoch, wall, nonce } = founding;
  assert.deepEqual(
    { networkName, founderName, epoch, wall },
    { networkName: "loom", founderName: "first", epoch: 1, wall: fakeWall },
  );
  assert.deepEqual(founding.founder, founder.publicKey);
  assert.deepEqual(voters, [founder.publicKey]);
  assert.deepEqual(founding.ranges.map(formatPrefix), ["10.32.0.0/12"]);
  assert.equal(nonce.length, 16);
});

test("the network id is the hash of the record", () => {
  const hash = createHash("blake2s256").update(record).digest();
  assert.deepEqual(founding.networkId, new Uint8Array(hash.subarray(0, 16)));
  assert.deepEqual(networkIdOf(record), founding.networkId);
});

test("one host that founds the same name twice founds two networks", () => {
  const [one, other] = [signFounding(founder, options), signFounding(founder, options)];
  assert.notDeepEqual(networkIdOf(one), networkIdOf(other));
});

test("a founding record with any byte flipped is refused", () => {
  for (const flipped of flipEachByte(record)) assert.equal(openFounding(flipped), undefined);
});

test("the IPv6 range is a unique local /48 made from the network id", () => {
  const id = Uint8Array.from({ length: 16 }, (_, i) => i);
  assert.equal(formatPrefix(ipv6RangeOf(id)), "fdef:c04c:dc39::/48");
});

test("the facts of a network name both families, IPv4 first", () => {
  const facts = networkFacts(founding);
  assert.deepEqual(facts.ranges, [parsePrefix("10.32.0.0/12"), ipv6RangeOf(founding.networkId)]);
  assert.deepEqual([facts.name, facts.founder, facts.id], ["loom", founder.id, founding.networkId]);
});

test("an IPv6 range that the operator chose wins over the derived one", () => {
  const chosen = parsePrefix("2001:db8:7::/48")!;
  const chosenRecord = signFounding(founder, { ...options, ranges: [...options.ranges, chosen] });
  assert.deepEqual(networkFacts(openFounding(chosenRecord)!).ranges[1], chosen);
});

test("a bad name or ranges of the wrong families found nothing", () => {
  const [ipv4, ipv6] = [options.ranges[0]!, parsePrefix("fd00::/48")!];
  const invalid = { code: "INVALID_ARGUMENT" };
  assert.throws(() => signFounding(founder, { ...options, networkName: "a b" }), invalid);
  assert.throws(() => signFounding(fakeSelf("no/name"), options), invalid);
  for (const ranges of [[], [ipv6], [ipv4, ipv4], [ipv6, ipv4], [ipv4, ipv6, ipv6]]) {
    assert.throws(() => signFounding(founder, { ...options, ranges }), invalid);
  }
});

const range = Uint8Array.of(12, 10, 32, 0, 0);
const goodBody = {
  n: "loom",
  x: new Uint8Array(16),
  f: "first",
  r: [range],
  v: [founder.publicKey],
  e: 1,
  w: 5,
};
const badBodies: Readonly<Record<string, object>> = {
  "a name with a space": { n: "a b" },
  "a founder without a name": { f: "" },
  "a short nonce": { x: new Uint8Array(15) },
  "no ranges": { r: [] },
  "two IPv4 ranges": { r: [range, range] },
  "a range with host bits": { r: [Uint8Array.of(8, 10, 32, 0, 0)] },
  "a range longer than its family": { r: [Uint8Array.of(33, 10, 32, 0, 0)] },
  "a range of 5 address bytes": { r: [concatBytes(range, Uint8Array.of(0))] },
  "an empty range": { r: [new Uint8Array()] },
  "a range that is text": { r: ["10.32.0.0/12"] },
  "no voters": { v: [] },
  "a voter twice": { v: [founder.publicKey, founder.publicKey] },
  "eight voters": { v: Array.from({ length: 8 }, (_, i) => new Uint8Array(32).fill(i)) },
  "epoch 0": { e: 0 },
  "time before 1970": { w: -1 },
};

test("a record with other fields beside the known ones is a founding record", () => {
  const later = signRecord(founder, "founding", encodeCbor({ ...goodBody, z: 1 }));
  assert.equal(openFounding(later)?.networkName, "loom");
});

for (const [what, change] of Object.entries(badBodies)) {
  test(`a record with ${what} founds nothing, however well it is signed`, () => {
    const bad = signRecord(founder, "founding", encodeCbor({ ...goodBody, ...change }));
    assert.equal(openFounding(bad), undefined);
  });
}
