/**
 * Who is a member, derived from a set of records. A pure function of the set: no record is ever "applied", so the
 * order in which records arrive cannot matter.
 *
 * The rules:
 * 1. The founder is a member from the start. It may be revoked like any other, by any other.
 * 2. A revocation counts if its signer was ever admitted: a path of admissions leads from the founder to it, whatever
 *    was revoked along the path. So a revocation counts for ever, and nothing brings a revoked key back.
 * 3. An admission is void if its signer is revoked, unless every revocation of the signer lists it as standing.
 * 4. A key is reached if it is the founder, or the subject of an admission that is not void by a reached key.
 * 5. A member in good standing is a key that is reached and not revoked.
 *
 * Rule 2 makes two members that revoke each other both revoked, and lets also a revoked key revoke others. The
 * alternative, voiding what a revoked member has revoked, was rejected. It fails open: the day an honest member
 * retires, the stolen key that it once revoked would come back to life, and so it would on every node that has not yet
 * heard what stands. And it defends against nothing: a thief would revoke the member that revoked it, and without
 * trusted time or votes the two are mirror images. The price is that a stolen key, before or after it is revoked, can
 * revoke honest members if it finds someone to carry the record. That harms service, never secrecy, and is visible.
 *
 * Rule 3 takes the intersection of the lists, not the union: otherwise an accomplice could revoke a thief a second
 * time, with a list of all its puppets.
 */
import type { PeerId, WallMillis } from "../contracts/values.ts";
import { decodeHex, encodeHex } from "../wire/hex.ts";
import type { Founding } from "./founding.ts";
import { peerIdOf } from "./identity.ts";
import { foldName } from "./node_name.ts";
import { type AdmissionRecord, compareSeniority, type TrustRecord } from "./trust_records.ts";

export interface Member {
  readonly id: PeerId;
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly name: string;
  readonly state: "admitted" | "revoked";
  /** Absent for the founder. */
  readonly admittedBy?: PeerId;
  readonly epoch: number;
  readonly wall: WallMillis;
}

export interface Judgement {
  /** Every reached key, by hex; near the founder first. */
  readonly members: ReadonlyMap<string, Member>;
  readonly byId: ReadonlyMap<PeerId, Member>;
  /** The admission by which each member but the founder was reached: on a shortest path, the earliest. */
  readonly admissions: ReadonlyMap<string, AdmissionRecord>;
  /** Hex of keys, admitted ever or not, that a counting revocation names. */
  readonly revokedKeys: ReadonlySet<string>;
  /** Hex of token ids. */
  readonly revokedTokens: ReadonlySet<string>;
  /** Who may use a name, by folded name. */
  readonly owners: ReadonlyMap<string, Member>;
  isVoid(record: AdmissionRecord): boolean;
}

/** `rooted`: the records whose signers were ever admitted. */
export function judge(founding: Founding, rooted: readonly TrustRecord[]): Judgement {
  const standingLists = new Map<string, ReadonlySet<string>[]>();
  const revokedTokens = new Set<string>();
  for (const record of rooted) {
    if (record.kind === "admission") continue;
    const { target } = record;
    if (target.type === "token") revokedTokens.add(target.id);
    else standingLists.set(target.key, [...standingLists.get(target.key) ?? [], target.standing]);
  }
  const isVoid = (record: AdmissionRecord) =>
    standingLists.get(record.signer)?.some((standing) => !standing.has(record.id)) ?? false;
  const valid = rooted.filter((record) => record.kind === "admission").filter((record) => !isVoid(record));
  const admissions = reach(encodeHex(founding.founder), valid);
  const members = describe(founding, admissions, standingLists);
  return {
    members,
    byId: new Map([...members.values()].map((member) => [member.id, member])),
    admissions,
    revokedKeys: new Set(standingLists.keys()),
    revokedTokens,
    owners: nameOwners(members),
    isVoid,
  };
}

/** The deciding admission of each reached key, in levels from the founder, the earliest first within a level. */
function reach(founder: string, valid: readonly AdmissionRecord[]): Map<string, AdmissionRecord> {
  const bySigner = Map.groupBy(valid, (admission) => admission.signer);
  const reached = new Map<string, AdmissionRecord>();
  for (let level = [founder]; level.length > 0;) {
    const candidates = level.flatMap((signer) => bySigner.get(signer) ?? []).toSorted(compareSeniority);
    level = [];
    for (const admission of candidates) {
      if (admission.subject === founder || reached.has(admission.subject)) continue;
      reached.set(admission.subject, admission);
      level.push(admission.subject);
    }
  }
  return reached;
}

function describe(
  founding: Founding,
  admissions: ReadonlyMap<string, AdmissionRecord>,
  revoked: ReadonlyMap<string, unknown>,
): Map<string, Member> {
  const members = new Map<string, Member>();
  const state = (key: string) => revoked.has(key) ? "revoked" : "admitted";
  const { founder: publicKey, founderName: name, epoch, wall } = founding;
  const founder = encodeHex(publicKey);
  members.set(founder, { id: peerIdOf(publicKey), publicKey, name, state: state(founder), epoch, wall });
  for (const [key, admission] of admissions) {
    members.set(key, new Admitted(admission, state(key), members.get(admission.signer)!.id));
  }
  return members;
}

/** Every record of trust makes all members anew: so each has but what it does not share with its admission. */
class Admitted implements Member {
  readonly state: Member["state"];
  readonly admittedBy: PeerId;
  readonly #admission: AdmissionRecord;

  constructor(admission: AdmissionRecord, state: Member["state"], admittedBy: PeerId) {
    this.#admission = admission;
    this.state = state;
    this.admittedBy = admittedBy;
  }

  get id(): PeerId {
    return this.#admission.subjectId;
  }

  get publicKey(): Uint8Array {
    return decodeHex(this.#admission.subject)!;
  }

  get name(): string {
    return this.#admission.name;
  }

  get epoch(): number {
    return this.#admission.epoch;
  }

  get wall(): WallMillis {
    return this.#admission.wall;
  }
}

function nameOwners(members: ReadonlyMap<string, Member>): Map<string, Member> {
  const owners = new Map<string, Member>();
  for (const [key, member] of members) {
    if (member.state === "revoked") continue;
    const name = foldName(member.name);
    const owner = owners.get(name);
    if (owner === undefined || isEarlier(key, member, owner)) owners.set(name, member);
  }
  return owners;
}

/** By epoch, then wall time, then key. */
function isEarlier(key: string, member: Member, owner: Member): boolean {
  const difference = member.epoch - owner.epoch || member.wall - owner.wall;
  return difference < 0 || (difference === 0 && key < encodeHex(owner.publicKey));
}
