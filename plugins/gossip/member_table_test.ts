import assert from "node:assert/strict";
import { SimRandom } from "../../tests/sim/random.ts";
import { test } from "../../tests/harness.ts";
import { Chance } from "./chance.ts";
import { TagDirectory } from "./directory.ts";
import { MemberTable, Rank, stampOf } from "./member_table.ts";
import { limits } from "./options.ts";

const members = 300;
const directory = new TagDirectory(members);
const tags = new SimRandom(1);
for (let peer = 0; peer < members; peer++) directory.put(peer, tags.fill(new Uint8Array(8)));
const chance = new Chance(new SimRandom(2));

function tableOf(size = members, self = 0): MemberTable {
  const table = new MemberTable(self, directory, size);
  for (let peer = 0; peer < size; peer++) table.admit(peer);
  return table;
}

test("a member takes eight bytes at most, however many there are", () => {
  const table = new MemberTable(0, directory);
  for (let peer = 1; peer < 65_536; peer++) table.admit(peer);
  assert.equal(table.size, 65_536);
  assert.ok(table.bytes <= 8 * 65_536, `${table.bytes}`);
  assert.equal(table.admit(65_536), false);
  assert.equal(table.admit(0.5), false);
});

test("stamps only rise, so tables that heard the same in any order are equal", () => {
  const random = new SimRandom(3);
  const heard = Array.from(
    { length: 400 },
    () => [random.below(20), stampOf(random.below(4), random.below(3))],
  );
  const [one, other] = [tableOf(20, 19), tableOf(20, 19)];
  for (const [peer, stamp] of heard) one.raise(peer!, stamp!, 0);
  for (const [peer, stamp] of [...heard.reverse(), ...heard]) other.raise(peer!, stamp!, 0);
  for (let peer = 0; peer < 20; peer++) assert.equal(one.stamp(peer), other.stamp(peer));
  assert.deepEqual(one.digest(), other.digest());
});

test("death overrides life, and only a higher incarnation overrides death", () => {
  const table = tableOf(3);
  assert.ok(table.raise(1, stampOf(4, Rank.alive), 0));
  assert.ok(table.raise(1, stampOf(4, Rank.dead), 0));
  assert.equal(table.raise(1, stampOf(4, Rank.alive), 0), false);
  assert.ok(table.isGone(1));
  assert.equal(table.present, 2);
  assert.ok(table.raise(1, stampOf(5, Rank.alive), 0));
  assert.equal(table.present, 3);
});

test("stamps beyond the largest incarnation are refused", () => {
  const table = tableOf(2);
  assert.equal(table.raise(1, stampOf(limits.incarnation + 1, Rank.alive), 0), false);
  assert.ok(table.raise(1, stampOf(limits.incarnation, Rank.left), 0));
});

test("a digest differs with any stamp, and a bucket's sum with those of its members alone", () => {
  const [one, other] = [tableOf(), tableOf()];
  other.raise(77, stampOf(1, Rank.dead), 0);
  assert.notDeepEqual(one.digest(), other.digest());
  for (let bucket = 0; bucket < 256; bucket++) {
    assert.equal(one.sum(bucket) === other.sum(bucket), bucket !== one.bucketOf(77));
  }
});

test("an expelled member is none, and is not admitted again", () => {
  const table = tableOf(5);
  const others = tableOf(5);
  table.raise(3, stampOf(1, Rank.dead), 0);
  table.expel(3);
  assert.equal(table.size, 4);
  assert.equal(table.present, 4);
  assert.equal(table.admit(3), false);
  assert.equal(table.raise(3, stampOf(9, Rank.alive), 0), false);
  others.expel(3);
  assert.deepEqual(table.digest(), others.digest());
  table.expel(0);
  assert.ok(table.isMember(0), "nobody expels itself");
});

test("random members are present, not self, and all come up", () => {
  const table = tableOf(10);
  table.raise(4, stampOf(0, Rank.dead), 0);
  const drawn = new Set<number>();
  for (let time = 0; time < 500; time++) drawn.add(table.random(chance, (peer) => peer !== 5));
  assert.deepEqual([...drawn].sort(), [1, 2, 3, 6, 7, 8, 9]);
  assert.equal(table.random(chance, () => false), -1);
});

test("the last one present among many dead is found", () => {
  const table = tableOf();
  for (let peer = 1; peer < members - 1; peer++) table.raise(peer, stampOf(0, Rank.dead), 0);
  assert.equal(table.random(chance, () => true), members - 1);
});

test("the dead are called until their tombstone has expired; who left is not called", () => {
  const table = tableOf();
  const day = 24 * 3_600_000;
  table.raise(7, stampOf(0, Rank.dead), 0);
  table.raise(8, stampOf(0, Rank.left), 0);
  for (let time = 0; time < 50; time++) assert.equal(table.randomDead(chance), 7);
  table.expire(day - 60_000, day, members);
  assert.equal(table.randomDead(chance), 7);
  table.expire(day + 60_000, day, members);
  assert.equal(table.randomDead(chance), -1);
  assert.ok(table.isForgotten(7) && table.isGone(7), "it is still not alive");
  table.raise(7, stampOf(1, Rank.alive), day);
  table.raise(7, stampOf(1, Rank.dead), 2 * day);
  assert.equal(table.randomDead(chance), 7);
});

test("after many deaths at once those that were not noted to be called are found, too", () => {
  const table = tableOf();
  for (let peer = 1; peer < members; peer++) table.raise(peer, stampOf(0, Rank.dead), 0);
  for (let peer = members - 64; peer < members; peer++) table.raise(peer, stampOf(1, Rank.alive), 0);
  const peer = table.randomDead(chance);
  assert.ok(peer > 0 && peer < members - 64, `${peer}`);
});
