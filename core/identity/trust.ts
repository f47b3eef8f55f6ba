/**
 * What this node knows about who belongs to the network: a grow-only set of signed admissions and revocations under
 * one founding record. Two nodes that hold the same records agree on every answer, in whatever order and however
 * often the records arrived; `judgement.ts` has the rules, `trust_records.ts` the bounds.
 */
import type { PeerId } from "../contracts/values.ts";
import { equalBytes } from "../wire/bytes.ts";
import { encodeHex } from "../wire/hex.ts";
import { type Admission, admissionKind, readAdmission } from "./admission.ts";
import type { Founding } from "./founding.ts";
import { peerIdOf } from "./identity.ts";
import { judge, type Judgement, type Member } from "./judgement.ts";
import { foldName } from "./node_name.ts";
import { copyNamed, recordName } from "./records_digest.ts";
import { readRevocation, type Revocation, revocationKind, type RevocationTarget } from "./revocation.ts";
import { maxRecordBytes, openRecord, readBody, type SignedRecord } from "./signed.ts";
import {
  type AdmissionRecord,
  defaultTrustLimits,
  type RevocationRecord,
  type TrustLimits,
  type TrustRecord,
  TrustRecords,
} from "./trust_records.ts";

/** `refused`: not a well-signed admission or revocation of this network, or beyond a bound. Nothing changed. */
export type MergeResult = "new" | "known" | "refused";

/** `unknown` covers keys whose admission became void: such a node may be admitted anew, a revoked one may not. */
export interface Standing {
  readonly state: "admitted" | "revoked" | "unknown";
  readonly name?: string;
  readonly admittedBy?: PeerId;
}

export class Trust {
  readonly founding: Founding;
  #records: TrustRecords;
  #judgement: Judgement | undefined;

  constructor(founding: Founding, limits: Partial<TrustLimits> = {}) {
    this.founding = founding;
    this.#records = new TrustRecords(encodeHex(founding.founder), { ...defaultTrustLimits, ...limits });
  }

  /**
   * Takes a record from anybody. What `new` means for whom is asked afterwards: a record may wait, unheeded, for the
   * admission of its signer.
   */
  merge(recordBytes: Uint8Array): MergeResult {
    if (recordBytes.length > maxRecordBytes) return "refused";
    const id = recordName(recordBytes);
    if (this.#records.has(id)) return "known";
    const record = this.#read(recordBytes);
    if (record === undefined) return "refused";
    // At a bound nothing has changed: else whoever is at one would make all others judge anew with every record.
    if (!this.#records.add(record)) return "refused";
    this.#judgement = undefined;
    return "new";
  }

  /** Ids, in hex, of the records that had to make room for others since the last call. */
  takeDropped(): readonly string[] {
    return this.#records.takeDropped();
  }

  /** Whether the record of this id, in hex, is in the set. */
  holds(id: string): boolean {
    return this.#records.has(id);
  }

  /** The same trust with these records considered as well; this one stays as it is. */
  with(records: readonly Uint8Array[]): Trust {
    const view = new Trust(this.founding);
    view.#records = this.#records.clone();
    for (const record of records) view.merge(record);
    return view;
  }

  standing(publicKey: Uint8Array): Standing {
    const key = encodeHex(publicKey);
    const { members, revokedKeys } = this.#judge();
    const member = members.get(key);
    if (member !== undefined) {
      const { state, name, admittedBy } = member;
      return admittedBy === undefined ? { state, name } : { state, name, admittedBy };
    }
    return { state: revokedKeys.has(key) ? "revoked" : "unknown" };
  }

  /** The same object until a member or a verdict changes: tells whether what was derived from them still holds. */
  get edition(): object {
    return this.#judge();
  }

  /** Admitted and revoked members, near the founder first. */
  members(): readonly Member[] {
    return [...this.#judge().members.values()];
  }

  /** Admitted or revoked; undefined for whom no valid admission reaches. */
  member(id: PeerId): Member | undefined {
    return this.#judge().byId.get(id);
  }

  /** The one member in good standing that may use this name, in whatever case it is written. */
  nameOwner(name: string): Member | undefined {
    return this.#judge().owners.get(foldName(name));
  }

  isTokenRevoked(id: Uint8Array): boolean {
    return this.#judge().revokedTokens.has(encodeHex(id));
  }

  /**
   * The admission records from this key's own up to one signed by the founder, nearest first; empty for the founder
   * and for keys that are not reached.
   */
  chain(publicKey: Uint8Array): readonly Uint8Array[] {
    const { admissions } = this.#judge();
    const chain: Uint8Array[] = [];
    let admission = admissions.get(encodeHex(publicKey));
    while (admission !== undefined) {
      chain.push(admission.bytes);
      admission = admissions.get(admission.signer);
    }
    return chain;
  }

  /** What this key has admitted and is in force now: for the list of a revocation of it. */
  admissionsBy(publicKey: Uint8Array): readonly AdmissionRecord[] {
    const { members, isVoid, revokedKeys } = this.#judge();
    const signer = encodeHex(publicKey);
    if (!members.has(signer)) return [];
    return this.#records.signedBy(signer).filter((record) => record.kind === "admission")
      .filter((record) => !isVoid(record) && !revokedKeys.has(record.subject));
  }

  /** All records, those first that others depend on: a receiver that merges them in turn never has to wait. */
  records(): readonly Uint8Array[] {
    return this.#records.inOrder().map((record) => record.bytes);
  }

  /** The revocations among {@link records}, whether they count or not. */
  revocations(): readonly Uint8Array[] {
    return this.#records.inOrder().filter(({ kind }) => kind === "revocation").map((record) => record.bytes);
  }

  /** As {@link records}, but first the chain of one key, then all revocations: what a newcomer needs most. */
  recordsFor(publicKey: Uint8Array): readonly Uint8Array[] {
    const chain = this.chain(publicKey).toReversed();
    const { revocation = [], admission = [] } = Object.groupBy(this.#records.inOrder(), ({ kind }) => kind);
    const rest = [...revocation, ...admission].map((record) => record.bytes);
    return [...chain, ...rest.filter((bytes) => !chain.includes(bytes))];
  }

  #judge(): Judgement {
    return this.#judgement ??= judge(this.founding, this.#records.rooted());
  }

  #read(recordBytes: Uint8Array): TrustRecord | undefined {
    const opened = openRecord(recordBytes, (kind) => kind === admissionKind || kind === revocationKind);
    return opened && this.#toTrustRecord(opened, copyNamed(recordBytes));
  }

  /** `opened` is an admission or a revocation. */
  #toTrustRecord(opened: SignedRecord, bytes: Uint8Array): TrustRecord | undefined {
    const isAdmission = opened.kind === admissionKind;
    const value = readBody<Admission | Revocation>(opened, isAdmission ? readAdmission : readRevocation);
    if (value === undefined || !equalBytes(value.networkId, this.founding.networkId)) return undefined;
    const signer = this.#records.signerNamed(encodeHex(opened.signer));
    const { epoch, wall } = value;
    const base = { id: recordName(bytes), bytes, signer, epoch, wall };
    if ("target" in value) return { ...base, kind: "revocation", target: targetInHex(value.target) };
    const { subject, name } = value;
    return { ...base, kind: "admission", subject: encodeHex(subject), subjectId: peerIdOf(subject), name };
  }
}

function targetInHex(target: RevocationTarget): RevocationRecord["target"] {
  if (target.type === "token") return { type: "token", id: encodeHex(target.id) };
  const standing = new Set(target.standing.map(encodeHex));
  return { type: "member", key: encodeHex(target.publicKey), standing };
}
