import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { Self } from "../contracts/host.ts";
import type { TokenReference } from "../contracts/membership.ts";
import { signAdmission } from "../identity/admission.ts";
import { encodeApplication } from "../identity/application.ts";
import { signBinding } from "../identity/binding.ts";
import { fakeSelf, flipEachByte } from "../identity/fake_members.ts";
import { passwordTokenReference } from "../identity/password.ts";
import { signRevocation } from "../identity/revocation.ts";
import { decodeWelcome } from "../identity/welcome.ts";
import { Admissions, type JoinKnock, type Verdict } from "./admissions.ts";
import { foundedState } from "./node_fixture.ts";

async function rig() {
  const clock = new SimClock();
  const { state, store, platform } = await foundedState(clock, "founder");
  const { history } = store;
  const admissions = new Admissions({
    platform,
    state,
    spread: (records) => void history.push(`spread ${records.length}`),
  });
  history.length = 0;
  const token: TokenReference = {
    id: new Uint8Array(16).fill(7),
    expires: Math.floor(clock.wall() / 1000) + 60,
  };
  const knock = (self: Self, name = self.name): JoinKnock => ({
    token,
    noiseKey: self.noise.publicKey,
    application: encodeApplication({ binding: signBinding(self, 1), name, endpoints: [] }),
  });
  const names = () => state.trust().members().map(({ name }) => name).sort();
  return { clock, state, store, platform, admissions, history, token, knock, names };
}

function refusal({ answer, admitted }: Verdict): string {
  assert.equal(admitted, undefined);
  return "refused" in answer ? answer.refused : "none";
}

test("who is let in is on disk before anybody hears of it, and before the welcome exists", async () => {
  const { admissions, history, knock, state } = await rig();
  const ann = fakeSelf("ann");
  const verdict = await admissions.admit(knock(ann));
  history.push("welcome");
  assert.deepEqual(history.slice(0, 3).map((each) => each.split(" ").slice(0, 2).join(" ")), [
    "commit node/record",
    "spread 1",
    "welcome",
  ]);
  assert.deepEqual(verdict.admitted, { peer: ann.id, name: "ann" });
  assert.ok("welcome" in verdict.answer);
  const welcome = decodeWelcome(verdict.answer.welcome)!;
  assert.deepEqual(welcome.admission, state.trust().chain(ann.publicKey)[0]);
  assert.deepEqual(welcome.networkKeys[0]!.secret, state.newestKey().secret);
  assert.equal(welcome.keyEpoch, 1);
});

test("while the disk is full nobody is let in, told or known", async () => {
  const { admissions, history, knock, names, store } = await rig();
  store.isFull = true;
  await assert.rejects(admissions.admit(knock(fakeSelf("ann"))), { code: "DISK_FULL" });
  assert.deepEqual(history, []);
  assert.deepEqual(names(), ["founder"]);
  store.isFull = false;
  assert.deepEqual((await admissions.admit(knock(fakeSelf("ann")))).admitted?.name, "ann");
});

test("who asks again under the same key gets the same admission, and is no news", async () => {
  const { admissions, knock, state, history } = await rig();
  const ann = fakeSelf("ann");
  await admissions.admit(knock(ann));
  const records = state.trust().records().length;
  history.length = 0;
  for (const name of ["ann", "other"]) {
    const { answer, admitted } = await admissions.admit(knock(ann, name));
    assert.ok("welcome" in answer);
    assert.equal(admitted, undefined);
  }
  assert.equal(state.trust().records().length, records);
  assert.deepEqual(history, []);
});

test("of two that ask for one name while the disk is slow the first gets it", async () => {
  const { admissions, knock, names, store } = await rig();
  const disk = Promise.withResolvers<void>();
  store.slowness = disk.promise;
  const both = [admissions.admit(knock(fakeSelf("ann"))), admissions.admit(knock(fakeSelf("bob"), "ANN"))];
  disk.resolve();
  const [first, second] = await Promise.all(both);
  assert.equal(first!.admitted?.name, "ann");
  assert.equal(refusal(second!), "NAME_TAKEN");
  assert.deepEqual(names(), ["ann", "founder"]);
});

test("a key that was revoked is refused for good, whatever name it asks for", async () => {
  const { admissions, knock, state, clock } = await rig();
  const ann = fakeSelf("ann");
  await admissions.admit(knock(ann));
  await state.exclude([signRevocation(state.self, {
    networkId: state.networkId()!,
    epoch: 1,
    wall: clock.wall(),
    target: { type: "member", publicKey: ann.publicKey, standing: [] },
  })]);
  for (const name of ["ann", "new"]) {
    assert.equal(refusal(await admissions.admit(knock(ann, name))), "REVOKED");
  }
  assert.equal(
    (await admissions.admit(knock(fakeSelf("bob"), "ann"))).admitted?.name,
    "ann",
    "its name is free",
  );
});

test("a name is refused while a member has it, with what to do about it", async () => {
  const { admissions, knock } = await rig();
  const { answer } = await admissions.admit(knock(fakeSelf("ann"), "Founder"));
  assert.ok("refused" in answer);
  assert.equal(answer.refused, "NAME_TAKEN");
  assert.match(answer.reason, /"founder" belongs to member .*--name.*selvage revoke founder/);
});

test("a token that has expired or was revoked since the handshake began opens nothing", async () => {
  const { admissions, knock, clock, state, token } = await rig();
  clock.jumpWall(61_000);
  assert.equal(refusal(await admissions.admit(knock(fakeSelf("ann")))), "EXPIRED");
  clock.jumpWall(-61_000);
  await state.exclude([signRevocation(state.self, {
    networkId: state.networkId()!,
    epoch: 1,
    wall: clock.wall(),
    target: { type: "token", id: token.id },
  })]);
  assert.equal(refusal(await admissions.admit(knock(fakeSelf("ann")))), "EXPIRED");
  const password = { ...knock(fakeSelf("ann")), token: passwordTokenReference("another network") };
  assert.equal((await admissions.admit(password)).admitted?.name, "ann", "a token of ours like any other");
});

test("an application that is damaged, or of another key than the handshake's, is refused", async () => {
  const { admissions, knock, names } = await rig();
  const [ann, bob] = [fakeSelf("ann"), fakeSelf("bob")];
  const damaged = [...flipEachByte(knock(ann).application)].filter((_, i) => i % 7 === 0);
  for (const application of [...damaged, new Uint8Array(), new Uint8Array(2000)]) {
    const verdict = await admissions.admit({ ...knock(ann), application });
    // A flipped letter of the name is another name: the binding covers the key, the handshake the rest.
    if (verdict.admitted === undefined) assert.equal(refusal(verdict), "MALFORMED");
    else assert.equal(verdict.admitted.peer, ann.id);
  }
  const borrowed = { ...knock(ann), noiseKey: bob.noise.publicKey };
  assert.equal(refusal(await admissions.admit(borrowed)), "MALFORMED");
  assert.equal(names().length <= 2, true);
});

test("a member whose admission became void may be admitted anew", async () => {
  const { admissions, knock, state, clock } = await rig();
  const [ann, bob] = [fakeSelf("ann"), fakeSelf("bob")];
  await admissions.admit(knock(ann));
  const networkId = state.networkId()!;
  const terms = { networkId, tokenId: new Uint8Array(16), epoch: 1, wall: clock.wall() };
  state.learn([signAdmission(ann, { ...terms, subject: bob.publicKey, name: "bob" })]);
  await state.exclude([signRevocation(state.self, {
    networkId,
    epoch: 1,
    wall: clock.wall(),
    target: { type: "member", publicKey: ann.publicKey, standing: [] },
  })]);
  assert.equal(state.trust().standing(bob.publicKey).state, "unknown");
  assert.deepEqual((await admissions.admit(knock(bob))).admitted, { peer: bob.id, name: "bob" });
});

test("a member that was shut out itself lets nobody in, and says so", async () => {
  const { admissions, knock, state, clock, history, names } = await rig();
  await state.exclude([signRevocation(state.self, {
    networkId: state.networkId()!,
    epoch: 1,
    wall: clock.wall(),
    target: { type: "member", publicKey: state.self.publicKey, standing: [] },
  })]);
  history.length = 0;
  assert.equal(refusal(await admissions.admit(knock(fakeSelf("ann")))), "NOT_ADMITTED");
  assert.deepEqual(history, []);
  assert.ok(!names().includes("ann"));
});
