import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { PeerId } from "../contracts/values.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { tagOf } from "../topology/link_tag.ts";
import { MemberTags } from "./member_tags.ts";

const [ann, bob, eve] = ["ann", "bob", "eve"].map((name) => fakeSelf(name).id) as [PeerId, PeerId, PeerId];

class Rig {
  readonly clock = new SimClock();
  readonly members = new Set([ann]);
  looks = 0;
  readonly tags = new MemberTags({
    clock: this.clock,
    members: () => {
      this.looks++;
      return this.members;
    },
    isMember: (peer) => this.members.has(peer),
  });
}

test("a tag is its member's from the admission to the revocation", async () => {
  const { tags, members, clock } = new Rig();
  assert.equal(tags.memberOf(tagOf(ann)), ann);
  assert.equal(tags.memberOf(tagOf(bob)), undefined);
  members.add(bob);
  await clock.advance(1_000);
  assert.equal(tags.memberOf(tagOf(bob)), bob);
  members.delete(ann);
  assert.equal(tags.memberOf(tagOf(ann)), undefined, "at once");
});

test("tags of nobody make the node look through its members once a second", async () => {
  const rig = new Rig();
  for (let i = 0; i < 1_000; i++) assert.equal(rig.tags.memberOf(tagOf(eve)), undefined);
  assert.equal(rig.looks, 1);
  await rig.clock.advance(1_000);
  for (let i = 0; i < 1_000; i++) rig.tags.memberOf(tagOf(eve));
  assert.equal(rig.looks, 2);
});
