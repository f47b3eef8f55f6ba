import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { tagAt } from "../../tests/topology/mesh_fixture.ts";
import type { LinkFacts } from "./link_record.ts";
import { OwnLinks, type OwnLinksOptions } from "./own_links.ts";
import { millisOf } from "./rtt_class.ts";

const [a, b, c] = [1, 2, 3].map(tagAt) as [
  ReturnType<typeof tagAt>,
  ReturnType<typeof tagAt>,
  ReturnType<typeof tagAt>,
];

function create(change: Partial<OwnLinksOptions> = {}): OwnLinks {
  const links = new OwnLinks({ willingness: "willing", firstSequence: 100, ...change });
  assert.deepEqual(links.poll(), { links: [], willingness: "willing", sequence: 100 });
  return links;
}

/** With what it has told as soon as it may. */
function advance(links: OwnLinks, until: number): readonly (readonly [number, LinkFacts])[] {
  const told: [number, LinkFacts][] = [];
  for (;;) {
    const at = links.pollTimeout();
    if (at === undefined || at > until) break;
    links.handleTimeout(at);
    told.push([at, links.poll()!]);
  }
  links.handleTimeout(until);
  return told;
}

function tagsOf({ links }: LinkFacts): readonly string[] {
  return links.map(({ tag }) => tag).sort();
}

test("a node that starts tells that it has no links, so that nobody believes those of its last life", () => {
  const links = create();
  assert.equal(links.poll(), undefined);
  assert.equal(links.pollTimeout(), undefined);
});

test("a new link is told when it has stood for a second, with who has set out and how far it is", () => {
  const links = create();
  links.up(a, true, 10_000);
  links.roundTrip(a, 20, 10_100);
  assert.equal(links.pollTimeout(), 11_000);
  const [[at, { links: told, sequence }]] = advance(links, 12_000) as [[number, LinkFacts]];
  assert.deepEqual([at, sequence], [11_000, 101]);
  assert.deepEqual(told.map(({ tag, flags }) => [tag, flags]), [[a, 1]]);
  assert.ok(Math.abs(millisOf(told[0]!.rttClass)! - 20) < 1.5);
});

test("a link that goes before it was told is never told, and one that was is untold at once", () => {
  const links = create();
  links.up(a, true, 10_000);
  links.down(a, 10_500);
  assert.equal(links.pollTimeout(), undefined);
  links.up(b, false, 10_600);
  advance(links, 20_000);
  links.down(b, 20_000);
  assert.equal(links.pollTimeout(), 20_000);
  assert.deepEqual(links.poll()?.links, []);
});

test("a round trip is told anew when the smoothed one is off by a quarter, and not within ten seconds", () => {
  const links = create();
  links.up(a, true, 10_000);
  links.roundTrip(a, 20, 10_000);
  advance(links, 11_000);
  links.roundTrip(a, 40, 11_100);
  assert.equal(
    links.pollTimeout(),
    undefined,
    "one sample of eight moves it by an eighth of the way: 22.5 ms",
  );
  for (let i = 0; i < 30; i++) links.roundTrip(a, 40, 11_200 + i);
  assert.equal(links.pollTimeout(), 21_000);
  const told = advance(links, 60_000);
  assert.deepEqual(told.map(([at]) => at), [21_000]);
  assert.ok(millisOf(told[0]![1].links[0]!.rttClass)! > 35);
});

test("with more than sixteen links a round trip is told anew when it has doubled, and within a minute only once", () => {
  const links = create();
  for (let i = 1; i <= 17; i++) {
    links.up(tagAt(i), true, 10_000);
    links.roundTrip(tagAt(i), 20, 10_000);
  }
  assert.equal(advance(links, 12_000).length, 1);
  for (let i = 0; i < 60; i++) links.roundTrip(a, 35, 12_000 + i);
  assert.equal(links.pollTimeout(), undefined);
  for (let i = 0; i < 60; i++) links.roundTrip(a, 45, 13_000 + i);
  assert.equal(links.pollTimeout(), 71_000);
});

test("round trips that differ by less than a millisecond are equally near", () => {
  const links = create();
  links.up(a, true, 10_000);
  links.roundTrip(a, 0.2, 10_000);
  advance(links, 30_000);
  for (let i = 0; i < 60; i++) links.roundTrip(a, 1.1, 30_000 + i);
  assert.equal(links.pollTimeout(), undefined);
  for (let i = 0; i < 60; i++) links.roundTrip(a, 1.5, 31_000 + i);
  assert.equal(links.pollTimeout(), 31_059);
});

test("the first measurement of a link is told without waiting", () => {
  const links = create();
  links.up(a, true, 10_000);
  advance(links, 11_000);
  links.roundTrip(a, 20, 11_500);
  assert.equal(links.pollTimeout(), 11_500);
});

test("whatever happens, four records leave at once and one every two seconds after that, and the last one is true", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SimRandom(seed);
    const links = create();
    const told: number[] = [];
    let last: LinkFacts | undefined;
    let now = 100_000;
    for (let step = 0; step < 3000; step++) {
      for (const [at, facts] of advance(links, now)) {
        told.push(at);
        last = facts;
      }
      now += random.below(300);
      const tag = tagAt(1 + random.below(8));
      if (random.chance(0.3)) links.up(tag, random.chance(0.5), now);
      else if (random.chance(0.4)) links.down(tag, now);
      else links.roundTrip(tag, 1 + random.below(200), now);
    }
    for (let i = 4; i < told.length; i++) assert.ok(told[i]! - told[i - 4]! >= 2000, "four and then one");
    const span = told.at(-1)! - told[0]!;
    assert.ok(told.length <= 4 + span / 2000 + 1, `${told.length} records in ${span} ms`);
    for (const [, facts] of advance(links, now + 60_000)) last = facts;
    assert.deepEqual(tagsOf(last!), [...links.neighbours()].sort());
    assert.equal(links.pollTimeout(), undefined);
  }
});

test("with forty links new ones are told together every five seconds, and a lost one at once", () => {
  const links = create();
  const all = Array.from({ length: 40 }, (_, i) => tagAt(i + 1));
  for (const [i, tag] of all.entries()) links.up(tag, true, 10_000 + i);
  const first = advance(links, 20_000);
  for (let i = 0; i < 20; i++) links.up(tagAt(100 + i), true, 20_000 + 300 * i);
  const times = advance(links, 40_000).map(([at]) => at);
  assert.equal(tagsOf(first.at(-1)![1]).length, 40);
  assert.ok(times.length >= 1 && times.length <= 4, `${times}`);
  for (const [i, at] of times.entries()) if (i > 0) assert.ok(at - times[i - 1]! >= 5_000, `${times}`);
  links.down(all[0]!, 40_000);
  assert.deepEqual(advance(links, 40_000).map(([at]) => at), [40_000]);
});

test("first round trips of forty links, which come one after the other, are told ten seconds apart", () => {
  const links = create();
  const all = Array.from({ length: 40 }, (_, i) => tagAt(i + 1));
  for (const tag of all) links.up(tag, true, 10_000);
  advance(links, 12_000);
  const times: number[] = [];
  for (const [i, tag] of all.entries()) {
    links.roundTrip(tag, 5, 12_000 + 500 * i);
    times.push(...advance(links, 12_500 + 500 * i).map(([at]) => at));
  }
  times.push(...advance(links, 60_000).map(([at]) => at));
  assert.deepEqual(times, [21_000, 31_000, 41_000]);
});

test("a record of ours that we did not sign is answered by one above it, an older one is not", () => {
  const links = create();
  links.outranked(99, 1000);
  assert.equal(links.pollTimeout(), undefined);
  links.outranked(5000, 1000);
  assert.equal(links.poll()?.sequence, 5001);
  links.outranked(Number.MAX_SAFE_INTEGER, 9000);
  assert.equal(links.poll(), undefined, "there is no number above it");
  assert.equal(links.pollTimeout(), undefined, "and nobody asks for one again and again");
});

test("of a hundred links the record has those that have no other way, then the nearest", () => {
  const links = create({ degreeOf: (tag) => tag === tagAt(99) ? 1 : 7 });
  for (let i = 1; i <= 98; i++) {
    links.up(tagAt(i), true, 10_000);
    links.roundTrip(tagAt(i), 2 * i, 10_000);
  }
  const [[, first]] = advance(links, 12_000) as [[number, LinkFacts]];
  assert.deepEqual(tagsOf(first), Array.from({ length: 64 }, (_, i) => tagAt(i + 1)));
  links.up(tagAt(99), false, 20_000);
  links.up(tagAt(100), false, 20_000);
  const [[at, second]] = advance(links, 30_000) as [[number, LinkFacts]];
  assert.equal(at, 21_000);
  assert.ok(tagsOf(second).includes(tagAt(99)));
  assert.equal(second.links.length, 64);
  assert.equal(links.pollTimeout(), undefined, "the hundredth waits for a place");
});

test("its own graph has what was told and still stands", () => {
  const links = create();
  for (const tag of [c, a, b]) links.up(tag, false, 10_000);
  advance(links, 11_000);
  links.down(b, 12_000);
  links.up(tagAt(4), false, 12_000);
  const { tag, links: standing } = links.told(tagAt(9));
  assert.equal(tag, tagAt(9));
  assert.deepEqual(standing.map((each) => each.tag), [a, c]);
});

test("a node that falls silent takes back what it has told, and tells it again when it is silent no more", () => {
  const links = create();
  links.up(a, true, 10_000);
  assert.deepEqual(advance(links, 12_000).map(([, facts]) => tagsOf(facts)), [[a]]);
  links.silence(true, 20_000);
  links.up(b, true, 21_000);
  assert.deepEqual(advance(links, 40_000).map(([, facts]) => tagsOf(facts)), [[]]);
  links.silence(false, 50_000);
  assert.deepEqual(advance(links, 60_000).map(([, facts]) => tagsOf(facts)), [[a, b]]);
});
