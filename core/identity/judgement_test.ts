import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { decodeHex } from "../wire/hex.ts";
import type { Founding } from "./founding.ts";
import { peerIdOf } from "./identity.ts";
import { judge } from "./judgement.ts";
import {
  type AdmissionRecord,
  defaultTrustLimits,
  type RevocationRecord,
  type TrustRecord,
  TrustRecords,
} from "./trust_records.ts";

// Keys are single digits, repeated: no signature is made, so thousands of record sets can be judged.
const keys = ["00", "11", "22", "33", "44", "55"].map((pair) => pair.repeat(32));
const founderKey = keys[0]!;
const networkId = new Uint8Array(16);
const founding: Founding = {
  networkId,
  networkName: "loom",
  nonce: new Uint8Array(16),
  founder: decodeHex(founderKey)!,
  founderName: "first",
  ranges: [],
  voters: [],
  epoch: 1,
  wall: 0,
};

interface AdmissionDraft {
  readonly signer: number;
  readonly subject: number;
  readonly wall: number;
}
interface RevocationDraft {
  readonly signer: number;
  readonly subject: number;
  readonly standing: readonly number[];
}

function admissionRecord({ signer, subject, wall }: AdmissionDraft, i: number): AdmissionRecord {
  const key = decodeHex(keys[subject]!)!;
  return {
    kind: "admission",
    id: `a${i}`,
    bytes: new Uint8Array(),
    signer: keys[signer]!,
    subject: keys[subject]!,
    subjectId: peerIdOf(key),
    name: `node-${subject}-${i}`,
    epoch: 1,
    wall,
  };
}

function revocationRecord({ signer, subject, standing }: RevocationDraft, i: number): RevocationRecord {
  return {
    kind: "revocation",
    id: `r${i}`,
    bytes: new Uint8Array(),
    signer: keys[signer]!,
    epoch: 1,
    wall: 0,
    target: {
      type: "member",
      key: keys[subject]!,
      standing: new Set(standing.map((admission) => `a${admission}`)),
    },
  };
}

const someone = fc.nat(keys.length - 1);
const drafts = fc.record({
  admissions: fc.array(fc.record({ signer: someone, subject: someone, wall: fc.nat(3) }), {
    maxLength: 14,
    size: "max",
  }),
  revocations: fc.array(
    fc.record({
      signer: someone,
      subject: someone,
      standing: fc.uniqueArray(fc.nat(13), { maxLength: 9, size: "max" }),
    }),
    { maxLength: 4, size: "max" },
  ),
});
const recordSets = drafts.map(({ admissions, revocations }): readonly TrustRecord[] => [
  ...admissions.map(admissionRecord),
  ...revocations.map(revocationRecord),
]);

/** The rules of judgement.ts word for word, by trying until nothing changes. */
function slowTwin(records: readonly TrustRecord[]): { admitted: string[]; revoked: string[] } {
  const admissions = records.filter((record) => record.kind === "admission");
  const everAdmitted = closure(admissions);
  const counting = records.filter((record) => record.kind === "revocation")
    .filter((revocation) => everAdmitted.has(revocation.signer));
  const against = (key: string) =>
    counting.flatMap(({ target }) => target.type === "member" && target.key === key ? [target] : []);
  const reached = closure(
    admissions.filter(({ signer, id }) => against(signer).every((target) => target.standing.has(id))),
  );
  return {
    admitted: keys.filter((key) => reached.has(key) && against(key).length === 0),
    revoked: keys.filter((key) => against(key).length > 0),
  };
}

function closure(admissions: readonly AdmissionRecord[]): Set<string> {
  const reached = new Set([founderKey]);
  for (let size = 0; size !== reached.size;) {
    size = reached.size;
    for (const { signer, subject } of admissions) if (reached.has(signer)) reached.add(subject);
  }
  return reached;
}

function judgeAll(records: readonly TrustRecord[]) {
  const set = new TrustRecords(founderKey, defaultTrustLimits);
  for (const record of records) set.add(record);
  return judge(founding, set.rooted());
}

test("a judgement is what the rules say, word for word", () => {
  fc.assert(
    fc.property(recordSets, (records) => {
      const { members, revokedKeys } = judgeAll(records);
      const expected = slowTwin(records);
      const admitted = keys.filter((key) => members.get(key)?.state === "admitted");
      assert.deepEqual({ admitted, revoked: keys.filter((key) => revokedKeys.has(key)) }, expected);
    }),
    { seed: 8, numRuns: 3000 },
  );
});

test("a judgement depends on the set of records alone", () => {
  fc.assert(
    fc.property(recordSets, fc.infiniteStream(fc.nat()), (records, chance) => {
      const shuffled = records.map((record) => ({ record, at: chance.next().value! }))
        .toSorted((a, b) => a.at - b.at).map(({ record }) => record);
      const [one, other] = [judgeAll(records), judgeAll(shuffled)];
      assert.deepEqual([...other.members.values()], [...one.members.values()]);
      assert.deepEqual([...other.admissions], [...one.admissions]);
      assert.deepEqual(other.owners, one.owners);
    }),
    { seed: 9, numRuns: 1000 },
  );
});

test("more records never bring a revoked key back", () => {
  fc.assert(
    fc.property(recordSets, recordSets, (some, more) => {
      const renamed = more.map((record) => ({ ...record, id: `more-${record.id}` }));
      const after = judgeAll([...some, ...renamed]).revokedKeys;
      assert.ok([...judgeAll(some).revokedKeys].every((key) => after.has(key)));
    }),
    { seed: 10, numRuns: 1000 },
  );
});

test("every member but the founder hangs on a chain of admissions in force", () => {
  fc.assert(
    fc.property(recordSets, (records) => {
      const { members, admissions, isVoid } = judgeAll(records);
      for (const key of members.keys()) {
        let steps = 0;
        for (let at = key; at !== founderKey; steps++) {
          const admission = admissions.get(at)!;
          assert.ok(!isVoid(admission) && members.has(admission.signer) && steps < keys.length);
          at = admission.signer;
        }
      }
    }),
    { seed: 11, numRuns: 1000 },
  );
});
