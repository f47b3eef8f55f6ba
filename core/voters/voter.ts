/**
 * A voter: says what this node is to sign next, given all that it has been told. Sans-io: whoever drives it writes a
 * step to disk, tells the voter, and only then shows the record to anybody.
 *
 * What it has voted binds it, wherever that is written. At a start it says nothing before as many voters have told it
 * all they know as it needs for a decision anyway. If it then finds a word of its own that its disk does not have, or
 * is told that its disk is an old one, it is in doubt: other words may be on their way to whoever did not answer.
 *
 * In doubt it hears more: so many others, half of the list rounded up, that of every majority it was ever part of
 * somebody is among them. Where it took part in a slot x, slot x − 1 had been decided, one of those who answered voted
 * there, and its word about x − 1 or a later slot is known. So it took part at most in the slot after the highest of
 * which anybody speaks, and it is free above; lists change meanwhile, and then it begins to hear anew. Below it is
 * silent if the list is odd. Of an even list any two majorities share two voters, so one that forgets does no harm when
 * others propose: there it votes, but proposes nothing. A voter alone has nobody to ask and goes on with what it finds.
 *
 * Left over: an odd list, a voter whose disk went back without a sign, and a word of it that only absent voters hold.
 * Whoever restores a backup has to say so (`isDiskOld`). Of two nodes with one key each finds the other's words and
 * comes into doubt again with every one.
 */
import type { Millis } from "../contracts/values.ts";
import { equalBytes } from "../wire/bytes.ts";
import { encodeHex } from "../wire/hex.ts";
import type { Signer } from "../identity/signed.ts";
import { signCertificate } from "./certificate.ts";
import { slotsPerEpoch, type Term } from "./chain.ts";
import { makeMotion, type Motion, type Position, votersMotion, type Wish } from "./motion.ts";
import { Patience } from "./patience.ts";
import { type Doubt, encodeStoredVoter, type StoredVoter } from "./stored_voter.ts";
import { answer, begin, type Choices, chosen, type Council, type Register } from "./synod.ts";
import {
  type CastBallot,
  castBallot,
  compareStands,
  isSamePosition,
  signVote,
  type VoteRecord,
} from "./vote_record.ts";
import type { VoterRecords } from "./voter_records.ts";
import { majorityOf, placeOf } from "./voter_list.ts";

export interface VoterOptions {
  /** Of a disk: what {@link VoterStep.stored} gave. */
  readonly stored?: StoredVoter;
  /** The disk is known to be a backup, or a copy of another node's. */
  readonly isDiskOld?: boolean;
  /** Whether a motion is right as far as this node knows. Refusing delays a decision and is always safe. */
  readonly isFit?: (motion: Motion) => boolean;
  /** How long an unfinished ballot is left alone, 3 s if absent; the voter in the next place waits as much longer. */
  readonly patience?: Millis;
}

/** What is to be done, in this order: `stored` on disk under one key if it is there, `record` to everybody. */
export interface VoterStep {
  readonly stored?: Uint8Array;
  readonly record?: Uint8Array;
}

/** Why a voter does not vote. */
export type Silence = "no-voter" | "hearing" | "doubt" | "behind" | undefined;

const maxWishes = 16;

interface Scene {
  readonly term: Term;
  readonly position: Position;
  readonly place: number;
  readonly votes: ReadonlyMap<number, VoteRecord>;
}

export class Voter {
  readonly #self: Signer;
  readonly #isFit: (motion: Motion) => boolean;
  readonly #patience: Patience;
  readonly #heard = new Set<string>();
  #wishes: readonly { readonly wish: Wish; readonly above: number; readonly until: Millis }[] = [];
  #last: VoteRecord | undefined;
  #doubt: Doubt | undefined;
  /** The doubt that was on disk: of a disk that is old it is old as well, and may end too early. */
  readonly #found: Doubt | undefined;
  #isSuspect = false;
  /** Where it will stand once the step that was given out is on disk. */
  #writing: StoredVoter | undefined;

  constructor(self: Signer, options: VoterOptions = {}) {
    const { stored, isDiskOld = false, isFit = () => true, patience = 3000 } = options;
    this.#self = self;
    this.#isFit = isFit;
    this.#patience = new Patience(patience);
    this.#last = stored?.last;
    this.#found = isDiskOld ? undefined : stored?.doubt;
    this.#doubt = isDiskOld ? unheard : this.#found;
  }

  /** Its last word: to be merged and spread at a start, since it was on disk before anybody saw it. */
  get last(): VoteRecord | undefined {
    return this.#last;
  }

  /** This peer has told all that it knows of voters since this voter started. */
  hear(publicKey: Uint8Array): void {
    this.#heard.add(encodeHex(publicKey));
  }

  /**
   * There are signs that its disk is an old one, or that it is not the only one with its key. A doubt of this life says so
   * already; one that was found on that disk does not.
   */
  suspect(): void {
    this.#isSuspect ||= this.#doubt === undefined || this.#doubt === this.#found;
  }

  /**
   * Asks until it is decided, withdrawn, or `until` is past, and longer when it is said again: what nobody wants any more
   * may become fit long after. False when too much is asked already. Throws as `makeMotion`.
   */
  propose(wish: Wish, records: VoterRecords, until: Millis = Number.POSITIVE_INFINITY): boolean {
    const above = records.position().slot - 1;
    makeMotion(records.founding.networkId, records.position(), wish);
    const known = this.#wishes.findIndex((other) => isSameWish(other.wish, wish));
    if (known !== -1) {
      this.#wishes = this.#wishes.with(known, { ...this.#wishes[known]!, until });
      return true;
    }
    if (this.#wishes.length >= maxWishes) this.#dropUnfit(records);
    if (this.#wishes.length >= maxWishes) return false;
    this.#wishes = [...this.#wishes, { wish, above, until }];
    return true;
  }

  /** What nobody wants any more nobody withdraws here: whoever asked from another node has only ceased to ask. */
  #dropUnfit(records: VoterRecords): void {
    const { networkId } = records.founding;
    const isUnfit = ({ wish }: { wish: Wish }) =>
      !this.#isFit(makeMotion(networkId, records.position(), wish));
    for (const { wish } of this.#wishes.filter(isUnfit)) this.withdraw(wish);
  }

  withdraw(wish: Wish): void {
    this.#wishes = this.#wishes.filter((other) => !isSameWish(other.wish, wish));
  }

  /** Why it says nothing now; undefined when it may. */
  silence(records: VoterRecords): Silence {
    const scene = this.#look(records);
    if (scene === undefined) return "no-voter";
    if (this.#heardOf(scene.term) < this.#needed(scene.term)) return "hearing";
    if (this.#isSittingOut(scene) && isOdd(scene.term)) return "doubt";
    return this.#isBehind(scene) ? "behind" : undefined;
  }

  /**
   * What to do now; undefined for nothing, also while a step waits for {@link written}. To be asked again after every
   * step, after each change of the records, and at {@link deadline}.
   */
  next(records: VoterRecords, now: Millis): VoterStep | undefined {
    if (this.#writing !== undefined) return undefined;
    this.#wishes = this.#wishes.filter(({ until }) => until > now);
    this.#dropDecided(records);
    const doubted = this.#doubted(records);
    if (doubted !== undefined) return this.#write(doubted);
    if (this.silence(records) !== undefined) return undefined;
    return this.#act(records, this.#look(records)!, now);
  }

  /** The last step is on disk, or is not and was shown to nobody. */
  written(isOnDisk: boolean): void {
    const standing = this.#writing;
    this.#writing = undefined;
    if (!isOnDisk || standing === undefined) return;
    this.#last = standing.last;
    this.#doubt = standing.doubt;
    if (standing.doubt === unheard) this.#isSuspect = false;
  }

  /** When to ask again although nothing has happened. */
  deadline(): Millis | undefined {
    return this.#patience.deadline;
  }

  #look(records: VoterRecords): Scene | undefined {
    const term = records.term();
    const place = placeOf(term.voters, this.#self.publicKey);
    if (place === -1) return undefined;
    const position = records.position();
    return { term, position, place, votes: records.votes(position) };
  }

  /** What is to be on disk before anything else: that this voter's memory is not what it was, or is again. */
  #doubted(records: VoterRecords): StoredVoter | undefined {
    const found = records.voteOf(this.#self.publicKey);
    const isForgotten = found !== undefined && this.#isForgotten(found);
    if (isForgotten || this.#isSuspect) {
      // What others have told was told to one that did not know what to ask for.
      this.#heard.clear();
      return { last: isForgotten ? found : this.#last, doubt: unheard };
    }
    const scene = this.#look(records);
    if (this.#doubt === undefined || scene === undefined) return undefined;
    return this.#settled(this.#doubt, scene, records);
  }

  #isForgotten(found: VoteRecord): boolean {
    if (this.#last === undefined) return true;
    const order = compareStands(found, this.#last);
    return order > 0 || (order === 0 && found.id < this.#last.id);
  }

  #settled(doubt: Doubt, { term, position }: Scene, records: VoterRecords): StoredVoter | undefined {
    const last = this.#last;
    if (this.#heardOf(term) < this.#needed(term)) return undefined;
    if (term.voters.length === 1) return { last, doubt: undefined };
    if (doubt.root !== undefined && equalBytes(doubt.root, term.root)) {
      return position.slot < doubt.below ? undefined : { last, doubt: undefined };
    }
    if (doubt.root !== undefined) {
      this.#heard.clear();
      return { last, doubt: unheard };
    }
    const slots = term.voters.map((voter) => records.voteOf(voter)).map((vote) => vote?.position)
      .map((each) => each?.recovery === term.recovery ? each.slot : 0);
    return { last, doubt: { root: term.root, below: Math.max(position.slot, ...slots) + 2 } };
  }

  #heardOf({ voters }: Term): number {
    return voters.filter((voter) => this.#heard.has(encodeHex(voter)) && !this.#isSelf(voter)).length;
  }

  #needed({ voters }: Term): number {
    const others = voters.length - 1;
    return this.#doubt === undefined
      ? majorityOf(voters.length) - 1
      : Math.min(others, Math.ceil(voters.length / 2));
  }

  #isSelf(key: Uint8Array): boolean {
    return equalBytes(key, this.#self.publicKey);
  }

  #isSittingOut({ position, term }: Scene): boolean {
    return this.#doubt !== undefined && term.voters.length > 1 &&
      (this.#doubt.root === undefined || position.slot < this.#doubt.below);
  }

  /** It has spoken of a later slot, or of this one in another history: it waits for what it lacks. */
  #isBehind({ position }: Scene): boolean {
    const own = this.#last?.position;
    if (own === undefined || isSamePosition(own, position)) return false;
    return own.recovery > position.recovery ||
      (own.recovery === position.recovery && own.slot >= position.slot);
  }

  #act(records: VoterRecords, scene: Scene, now: Millis): VoterStep | undefined {
    const council = this.#councilOf(scene);
    const result = chosen(council, isSameMotion);
    if (result?.by.includes(scene.place)) return this.#certify(scene, result.by);
    const choices = this.#choices(records, scene);
    const isOpen = choices.wish !== undefined ||
      [...scene.votes.values()].some(({ cast }) => cast !== undefined);
    this.#patience.see(stateOf(scene), now);
    const next = answer(council, choices) ?? this.#began(council, choices.mayPropose && isOpen, now);
    return next && this.#stand(scene, next, records.founding.networkId);
  }

  #began(council: Council<Motion>, mayBegin: boolean, now: Millis): Register<Motion> | undefined {
    if (!mayBegin) return void this.#patience.rest();
    const isFresh = [...council.registers.values()].every(({ promised }) => promised === 0);
    return this.#patience.isOver(now, isFresh ? 0 : council.self + 1) ? begin(council) : undefined;
  }

  #councilOf({ term, position, place, votes }: Scene): Council<Motion> {
    const registers = new Map([...votes].map(([at, vote]) => [at, registerOf(vote)]));
    const last = this.#last;
    if (last !== undefined && isSamePosition(last.position, position)) registers.set(place, registerOf(last));
    return { self: place, size: term.voters.length, registers };
  }

  #choices(records: VoterRecords, scene: Scene): Choices<Motion> {
    const { position, term } = scene;
    const isLastSlot = position.slot === term.since + slotsPerEpoch;
    const isFit = (motion: Motion) => (!isLastSlot || motion.kind === votersMotion) && this.#isFit(motion);
    const wish = this.#wishes.map((each) => makeMotion(records.founding.networkId, position, each.wish)).find(
      isFit,
    );
    return { wish, isFit, mayPropose: !this.#isSittingOut(scene) };
  }

  #certify({ term, place, votes }: Scene, by: readonly number[]): VoterStep {
    const others = by.filter((each) => each !== place).slice(0, majorityOf(term.voters.length) - 1);
    const casts = [place, ...others].map((each) => ({
      voter: term.voters[each]!,
      cast: this.#castOf(votes, each, place),
    }));
    const { motion, ballot } = casts[0]!.cast;
    const papers = casts.map(({ voter, cast }) => ({ voter, signature: cast.signature }));
    return { record: signCertificate(this.#self, { motion, ballot, votes: papers }) };
  }

  #castOf(votes: ReadonlyMap<number, VoteRecord>, at: number, self: number): CastBallot {
    return (at === self ? this.#last : votes.get(at))!.cast!;
  }

  #stand({ position }: Scene, { promised, cast }: Register<Motion>, networkId: Uint8Array): VoterStep {
    const own = this.#last;
    const known = own && isSamePosition(own.position, position) ? own.cast : undefined;
    const ballot = cast &&
      (known?.ballot === cast.ballot ? known : castBallot(this.#self, cast.ballot, cast.value));
    const sequence = (own?.sequence ?? 0) + 1;
    const last = signVote(this.#self, { networkId, position, promised, cast: ballot, sequence });
    return { ...this.#write({ last, doubt: this.#doubt }), record: last.bytes };
  }

  #write(standing: StoredVoter): VoterStep {
    this.#writing = standing;
    return { stored: encodeStoredVoter(standing) };
  }

  #dropDecided(records: VoterRecords): void {
    if (this.#wishes.length === 0) return;
    const decided = records.decidedAbove(Math.min(...this.#wishes.map(({ above }) => above)));
    for (const { wish, above } of this.#wishes) {
      if (decided.some((motion) => motion.slot > above && isSameWish(motion, wish))) this.withdraw(wish);
    }
  }
}

const unheard: Doubt = { root: undefined, below: 0 };

function isOdd({ voters }: Term): boolean {
  return voters.length % 2 === 1;
}

function registerOf({ promised, cast }: VoteRecord): Register<Motion> {
  return { promised, cast: cast && { ballot: cast.ballot, value: cast.motion } };
}

/** Changes with every promise and vote of anybody. */
function stateOf({ position, votes }: Scene): string {
  const words = [...votes].map(([place, { promised, cast }]) => `${place}:${promised}:${cast?.ballot ?? 0}`);
  return [position.recovery, position.slot, ...words].join(" ");
}

function isSameMotion(left: Motion, right: Motion): boolean {
  return equalBytes(left.id, right.id);
}

function isSameWish(left: Wish, right: Wish): boolean {
  return left.kind === right.kind && equalBytes(left.payload, right.payload);
}
