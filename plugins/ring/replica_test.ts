import { signRecord } from "../../core/identity/signed.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { testReplicatedState } from "../../tests/conformance/replicated_state.ts";
import { prefix, selfOf, World } from "../../tests/ring/ring_world.ts";
import { grantKind, type GrantTerms, signGrant } from "./grant.ts";

const { facts } = new World(1);
const [founder, ann, bob, eve] = [0, 1, 2, 9].map(selfOf) as [Self, Self, Self, Self];
type Self = ReturnType<typeof selfOf>;

function grant(from: Self, owner: Self, text: string, change: Partial<GrantTerms> = {}): Uint8Array {
  const terms = { prefix: prefix(text), owner: owner.id, version: 1, epoch: 1, ...change };
  return signGrant(from, facts.id, terms).record;
}

const hostile = [
  grant(ann, bob, "192.0.2.0/24"),
  grant(ann, bob, "10.0.0.0/8"),
  grant(ann, bob, "10.32.0.0/12"),
  grant(ann, ann, "10.40.0.0/16"),
  signGrant(ann, new Uint8Array(16), { prefix: prefix("10.40.0.0/16"), owner: bob.id, version: 1, epoch: 1 })
    .record,
  signRecord(founder, grantKind, encodeCbor({ i: facts.id })),
];

testReplicatedState({
  name: "ring",
  kinds: [grantKind],
  create: () => new World(1).get(0).create().routes,
  records: [
    grant(founder, ann, "10.40.0.0/16"),
    grant(founder, bob, "10.40.0.0/16"),
    grant(founder, bob, "10.40.0.0/16", { version: 2 }),
    grant(founder, ann, "10.40.0.0/16", { version: 2, epoch: 2 }),
    grant(ann, bob, "10.40.7.0/24"),
    grant(bob, ann, "10.40.7.0/25"),
    grant(bob, eve, "10.40.7.9/32"),
    grant(eve, bob, "10.40.0.0/16", { version: 2 ** 32 - 1 }),
    grant(eve, ann, "10.47.0.0/16"),
    grant(founder, ann, "fd00:5e1f:a6e0:1::/64"),
    grant(ann, bob, "fd00:5e1f:a6e0:1::7/128"),
    ...hostile,
  ],
  hostile,
  runs: 30,
});
