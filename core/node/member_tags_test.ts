import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { PeerId } from "../contracts/values.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { tagOf } from "../topology/link_tag.ts";
import { MemberTags } from "./member_tags.ts";

const [ann, bob, eve] = ["ann", "bob", "eve"].map((name) => fakeSelf(name).id) as [PeerId, PeerId, PeerId];

class Rig {
  #edition = {};
  #members: readonly PeerId[] = [ann];
  looks = 0;
  readonly tags = new MemberTags({
    edition: () => this.#edition,
    members: () => {
      this.looks++;
      return this.#members;
    },
  });

  become(...members: readonly PeerId[]): void {
    this.#members = members;
    this.#edition = {};
  }
}

test("a tag is its member's from the admission to the revocation, at once", () => {
  const rig = new Rig();
  const owners = () => [ann, bob].map((peer) => rig.tags.memberOf(tagOf(peer)));
  assert.deepEqual(owners(), [ann, undefined]);
  rig.become(ann, bob);
  assert.deepEqual(owners(), [ann, bob]);
  rig.become(bob);
  assert.deepEqual(owners(), [undefined, bob]);
});

test("tags of nobody never make the node look through its members; a change does, once", () => {
  const rig = new Rig();
  for (let i = 0; i < 1_000; i++) assert.equal(rig.tags.memberOf(tagOf(eve)), undefined);
  assert.equal(rig.looks, 1);
  rig.become(ann, bob);
  for (let i = 0; i < 1_000; i++) rig.tags.memberOf(tagOf(eve));
  assert.equal(rig.looks, 2);
});
