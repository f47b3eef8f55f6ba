import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { Self } from "../contracts/host.ts";
import type { PeerId } from "../contracts/values.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { openLinks, signLinks } from "../topology/link_record.ts";
import { tagOf } from "../topology/link_tag.ts";
import { LinkKeeper } from "./link_keeper.ts";
import { FakeLog } from "./node_fixture.ts";

const [ann, ben] = ["ann", "ben"].map((name) => fakeSelf(name)) as [Self, Self];
const networkId = new Uint8Array(16).fill(7);

/** The keeper of ann's links; ben is a member, too. */
class Rig {
  readonly clock = new SimClock();
  readonly told: Uint8Array[] = [];
  isMember = true;
  changes = 0;
  readonly keeper: LinkKeeper;

  constructor() {
    this.keeper = new LinkKeeper({
      self: () => ann,
      networkId: () => this.isMember ? networkId : undefined,
      standingOf: (peer) => [ann.id, ben.id].includes(peer) ? "admitted" : "unknown",
      willingness: "willing",
      clock: this.clock,
      log: new FakeLog(),
      replicate: () => ({ spread: (records) => void this.told.push(...records) }),
      memberOf: (tag): PeerId | undefined => [ann, ben].find(({ id }) => tagOf(id) === tag)?.id,
      changed: () => void this.changes++,
    });
  }

  /** Of the last record that was spread. */
  links() {
    return openLinks(this.told.at(-1)!, networkId)!.links.map(({ tag }) => tag);
  }
}

test("what this node has for links is signed and spread, and is among its records then", async () => {
  const rig = new Rig();
  rig.keeper.begin();
  assert.deepEqual(rig.links(), [], "what was said in its last life does not hold");
  rig.keeper.up(ben.id, true);
  await rig.clock.advance(2_000);
  assert.deepEqual(rig.links(), [tagOf(ben.id)]);
  assert.deepEqual(rig.keeper.records(), [rig.told.at(-1)]);
  rig.keeper.down(ben.id);
  await rig.clock.advance(1);
  assert.deepEqual(rig.links(), []);
  rig.keeper.stop();
});

test("before there is a network, and after the end, it has nothing and takes nothing", async () => {
  const rig = new Rig();
  rig.isMember = false;
  const facts = { links: [], willingness: "willing", sequence: 5 } as const;
  const record = signLinks(ben, networkId, facts);
  rig.keeper.begin();
  assert.deepEqual([rig.keeper.merge([record]), rig.keeper.nodes(), rig.told], [[], [], []]);
  rig.isMember = true;
  rig.keeper.begin();
  assert.deepEqual(rig.keeper.merge([record]), [record]);
  assert.equal(rig.keeper.nodes().length, 2);
  rig.keeper.stop();
  await rig.clock.advance(60_000);
  assert.deepEqual(rig.keeper.records(), []);
});

test("a record of its own that it does not know is answered by a later one", async () => {
  const rig = new Rig();
  rig.keeper.begin();
  const sequence = 2 ** 50;
  rig.keeper.merge([signLinks(ann, networkId, { links: [], willingness: "never", sequence })]);
  await rig.clock.advance(10_000);
  assert.equal(openLinks(rig.told.at(-1)!, networkId)!.sequence, sequence + 1);
  rig.keeper.stop();
});

test("with too many members nothing is told, and no graph is made", async () => {
  const rig = new Rig();
  rig.keeper.begin();
  const [told] = [rig.told.length];
  rig.keeper.membersChanged(true);
  rig.keeper.up(ben.id, true);
  await rig.clock.advance(60_000);
  assert.deepEqual([rig.told.length, rig.keeper.nodes()], [told, []]);
  rig.keeper.membersChanged(false);
  await rig.clock.advance(2_000);
  assert.deepEqual(rig.links(), [tagOf(ben.id)]);
  rig.keeper.stop();
});

test("a node that begins among too many members, or comes to be, is linked to nobody in what others hold of it", async () => {
  const rig = new Rig();
  rig.keeper.membersChanged(true);
  rig.keeper.begin();
  assert.deepEqual(rig.links(), [], "whatever it said in its last life");
  rig.keeper.membersChanged(false);
  rig.keeper.up(ben.id, true);
  await rig.clock.advance(2_000);
  assert.deepEqual(rig.links(), [tagOf(ben.id)]);
  rig.keeper.membersChanged(true);
  await rig.clock.advance(2_000);
  assert.deepEqual(rig.links(), []);
  rig.keeper.stop();
});
