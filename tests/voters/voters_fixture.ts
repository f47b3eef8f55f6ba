/** Networks with any voters, and what their voters sign, for tests: the same bytes in every run. */
import type { Self } from "../../core/contracts/host.ts";
import { domainHash } from "../../core/identity/domain.ts";
import { fakeNetwork, fakeSelf, fakeWall } from "../../core/identity/fake_members.ts";
import { type Certificate, signCertificate } from "../../core/voters/certificate.ts";
import { foundingTerm } from "../../core/voters/chain.ts";
import { signPaper } from "../../core/voters/ballot_paper.ts";
import { makeMotion, type Motion, type Position, votersMotion, type Wish } from "../../core/voters/motion.ts";
import { type Recovery, signRecovery } from "../../core/voters/recovery.ts";
import { castBallot, signVote, type Stand } from "../../core/voters/vote_record.ts";
import { encodeVoterList, majorityOf } from "../../core/voters/voter_list.ts";

export const [ann, bob, cat, dan, eve, fay, gus] = ["ann", "bob", "cat", "dan", "eve", "fay", "gus"].map(
  fakeSelf,
) as [
  ...[Self, Self, Self, Self, Self, Self, Self],
];
/** Ann founds it. */
export const network = fakeNetwork(ann);
export const { networkId } = network.founding;
export const everybody: readonly Self[] = [ann, bob, cat, dan, eve, fay, gus];

const founded = foundingTerm(network.founding);
/** The first slot of the network. */
export const start: Position = {
  recovery: 0,
  epoch: founded.epoch,
  root: founded.root,
  slot: 1,
  previous: founded.root,
};

export function wish(text: string, kind = "takeover"): Wish {
  return { kind, payload: new TextEncoder().encode(text) };
}

export function listOf(...voters: readonly Self[]): Wish {
  return { kind: votersMotion, payload: encodeVoterList(voters.map(({ publicKey }) => publicKey)) };
}

/** A decision by just a majority of those named, in their order; the first of them puts it together. */
export function decide(by: readonly Self[], motion: Motion, ballot = 8): Uint8Array {
  return certify(by.slice(0, majorityOf(by.length)), motion, ballot);
}

/** A certificate with the votes of all these. */
export function certify(by: readonly Self[], motion: Motion, ballot = 8): Uint8Array {
  const votes = by.map((self) => signPaper(self, ballot, motion.id));
  const certificate: Certificate = { motion, ballot, votes };
  return signCertificate(by[0]!, certificate);
}

export function motionAt(position: Position, about: Wish, of: Uint8Array = networkId): Motion {
  return makeMotion(of, position, about);
}

/** The slot after a motion that was decided. */
export function after(motion: Motion): Position {
  const { recovery, epoch, root, slot, id } = motion;
  if (motion.kind !== votersMotion) return { recovery, epoch, root, slot: slot + 1, previous: id };
  return { recovery, epoch: epoch + 1, root: id, slot: slot + 1, previous: id };
}

/** What a voter says of a slot. */
export function say(
  voter: Self,
  position: Position,
  promised: number,
  vote?: { readonly ballot: number; readonly motion: Motion },
): Uint8Array {
  const cast = vote && castBallot(voter, vote.ballot, vote.motion);
  const stand: Stand = { networkId, position, promised, cast, sequence: 1 };
  return signVote(voter, stand).bytes;
}

export function force(by: Self, voters: readonly Self[], changes: Partial<Recovery> = {}): Uint8Array {
  return signRecovery(by, {
    networkId,
    recovery: 1,
    epoch: 2,
    follows: start.root,
    slot: 0,
    voters: voters.map(({ publicKey }) => publicKey),
    wall: fakeWall,
    ...changes,
  });
}

/** 32 bytes that are the id of nothing. */
export function nowhere(name: string): Uint8Array {
  return domainHash("test", 32, new TextEncoder().encode(name));
}
