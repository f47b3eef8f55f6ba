import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { Self } from "../contracts/host.ts";
import { signAdmission } from "../identity/admission.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { Members } from "./members.ts";
import { foundedState } from "./node_fixture.ts";

async function rig() {
  const clock = new SimClock();
  const { state, platform } = await foundedState(clock, "founder");
  const admit = (by: Self, subject: Self, name = subject.name) => {
    const terms = {
      networkId: state.networkId()!,
      tokenId: new Uint8Array(16),
      epoch: 1,
      wall: clock.wall(),
    };
    state.learn([signAdmission(by, { ...terms, subject: subject.publicKey, name })]);
  };
  const members = new Members({ state, platform, exclude: (records) => state.exclude(records) });
  const shown = () => members.list().map(({ name, state }) => `${name} ${state}`).sort();
  return { state, admit, members, shown };
}

test("the list names every member, who admitted it and how it stands", async () => {
  const { state, admit, members } = await rig();
  const ann = fakeSelf("ann");
  admit(state.self, ann);
  assert.deepEqual(members.list(), [
    { peer: state.self.id, name: "founder", admittedBy: null, state: "admitted" },
    { peer: ann.id, name: "ann", admittedBy: state.self.id, state: "admitted" },
  ]);
});

test("a member is revoked by id or by name in any case, and those it had admitted stay", async () => {
  const { state, admit, members, shown } = await rig();
  const [ann, bob, cid] = [fakeSelf("ann"), fakeSelf("bob"), fakeSelf("cid")];
  admit(state.self, ann);
  admit(ann, bob);
  admit(bob, cid);
  await members.revoke("ANN");
  assert.deepEqual(shown(), ["ann revoked", "bob admitted", "cid admitted", "founder admitted"]);
  await members.revoke(bob.id);
  assert.deepEqual(shown(), ["ann revoked", "bob revoked", "cid admitted", "founder admitted"]);
  assert.equal(state.newestKey().epoch, 3, "each time there is a new key");
});

test("nobody is revoked twice, and nobody who is not a member", async () => {
  const { state, admit, members } = await rig();
  admit(state.self, fakeSelf("ann"));
  await members.revoke("ann");
  for (const peer of ["ann", fakeSelf("ann").id, fakeSelf("bob").id, ""]) {
    await assert.rejects(members.revoke(peer), { code: "NOT_FOUND" });
  }
  assert.equal(state.newestKey().epoch, 2);
});

test("a node does not revoke itself", async () => {
  const { state, members } = await rig();
  await assert.rejects(members.revoke("founder"), {
    code: "INVALID_ARGUMENT",
    message: /on another node/,
  });
  assert.equal(state.newestKey().epoch, 1);
});
