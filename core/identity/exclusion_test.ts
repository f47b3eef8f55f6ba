import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { signExclusion } from "./exclusion.ts";
import { admit, fakeNetwork, fakeSelf, fakeWall, revoke } from "./fake_members.ts";
import { openRevocation } from "./revocation.ts";
import { Trust } from "./trust.ts";

const founder = fakeSelf("first");
const second = fakeSelf("second");
const network = fakeNetwork(founder);
const time = { epoch: 1, wall: fakeWall + 5000 };
const crowd = Array.from({ length: 52 }, (_, i) => fakeSelf(`node-${i}`));

function mergeAll(trust: Trust, records: readonly Uint8Array[]): Trust {
  for (const record of records) assert.equal(trust.merge(record), "new");
  return trust;
}

test("whom the excluded had admitted stays, in one record where 48 are enough", () => {
  const trust = mergeAll(new Trust(network.founding), [
    admit(network, founder, second),
    ...crowd.slice(0, 48).map((subject) => admit(network, second, subject)),
  ]);
  const records = signExclusion(founder, trust, second.publicKey, time);
  assert.equal(records.length, 1);
  mergeAll(trust, records);
  assert.equal(trust.standing(second.publicKey).state, "revoked");
  assert.ok(crowd.slice(0, 48).every((subject) => trust.standing(subject.publicKey).state === "admitted"));
});

test("those beyond 48 are admitted anew, with their names and dates, before the revocation", () => {
  const trust = mergeAll(new Trust(network.founding), [
    admit(network, founder, second),
    ...crowd.map((subject) => admit(network, second, subject)),
  ]);
  const before = trust.members().map(({ name, epoch, wall }) => ({ name, epoch, wall }));
  const records = signExclusion(founder, trust, second.publicKey, time);
  assert.equal(records.length, 5);
  assert.ok(openRevocation(records.at(-1)!));
  mergeAll(trust, records);
  assert.ok(crowd.every((subject) => trust.standing(subject.publicKey).state === "admitted"));
  const byName = (facts: { name: string }[]) => facts.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const after = trust.members().map(({ name, epoch, wall }) => ({ name, epoch, wall }));
  assert.deepEqual(byName(after), byName(before));
});

test("an admission that the excluded signs afterwards is void", () => {
  const trust = mergeAll(new Trust(network.founding), [admit(network, founder, second)]);
  mergeAll(trust, signExclusion(founder, trust, second.publicKey, time));
  trust.merge(admit(network, second, crowd[0]!, { epoch: 0, wall: 0 }));
  assert.equal(trust.standing(crowd[0]!.publicKey).state, "unknown");
});

test("the founder can be excluded by whom it admitted, and all others stay", () => {
  const trust = mergeAll(new Trust(network.founding), [
    admit(network, founder, second),
    admit(network, founder, crowd[0]!),
    admit(network, second, crowd[1]!),
  ]);
  mergeAll(trust, signExclusion(second, trust, founder.publicKey, time));
  const states = [founder, second, crowd[0]!, crowd[1]!].map((self) => trust.standing(self.publicKey).state);
  assert.deepEqual(states, ["revoked", "admitted", "admitted", "admitted"]);
});

test("a member that is itself revoked, or was voided, is not listed as standing", () => {
  const trust = mergeAll(new Trust(network.founding), [
    admit(network, founder, second),
    admit(network, second, crowd[0]!),
    admit(network, second, crowd[1]!),
    revoke(network, founder, crowd[0]!),
  ]);
  const target = openRevocation(signExclusion(founder, trust, second.publicKey, time)[0]!)?.target;
  assert.ok(target?.type === "member");
  assert.equal(target.standing.length, 1);
});

test("a member may leave by excluding itself, unless more than 48 depend on it", () => {
  const trust = mergeAll(new Trust(network.founding), [
    admit(network, founder, second),
    admit(network, second, crowd[0]!),
  ]);
  mergeAll(trust, signExclusion(second, trust, second.publicKey, time));
  assert.equal(trust.standing(second.publicKey).state, "revoked");
  assert.equal(trust.standing(crowd[0]!.publicKey).state, "admitted");
  const crowded = mergeAll(
    new Trust(network.founding),
    crowd.map((subject) => admit(network, founder, subject)),
  );
  assert.throws(() => signExclusion(founder, crowded, founder.publicKey, time), { code: "INVALID_ARGUMENT" });
});
