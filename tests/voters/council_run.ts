/**
 * Voters on a simulated network and disk: messages are lost, late, doubled and out of order, writes fail, nodes die
 * before and after each of them, islands are cut off. Every record that is sent is compared with the disk of its voter
 * first, and every decision anybody learns of with all that others learned.
 */
import assert from "node:assert/strict";
import type { Self } from "../../core/contracts/host.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { openCertificate } from "../../core/voters/certificate.ts";
import type { Wish } from "../../core/voters/motion.ts";
import { decodeStoredVoter } from "../../core/voters/stored_voter.ts";
import { compareVotes, openVote } from "../../core/voters/vote_record.ts";
import { Voter, type VoterStep } from "../../core/voters/voter.ts";
import { VoterRecords } from "../../core/voters/voter_records.ts";
import { SimRandom } from "../sim/random.ts";
import { ann, decide, everybody, listOf, motionAt, network, start } from "./voters_fixture.ts";

export interface CouncilFaults {
  readonly loss: number;
  readonly duplicates: number;
  /** Chance that a write fails. */
  readonly badWrites: number;
  /** Chance that a node dies at a write; half of those it had landed. */
  readonly deaths: number;
}

interface Node {
  readonly self: Self;
  disk: Uint8Array | undefined;
  records: VoterRecords;
  voter: Voter;
  isUp: boolean;
  isWriting: boolean;
  /** Of its life; what was set going in an earlier one comes to nothing. */
  life: number;
}

interface Event {
  readonly at: number;
  readonly run: () => void;
}

const tick = 1000;

export class CouncilRun {
  readonly nodes: readonly Node[];
  readonly random: SimRandom;
  deaths = 0;
  refusals = 0;
  readonly #faults: CouncilFaults;
  readonly #decided = new Map<number, string>();
  readonly #beginning: readonly Uint8Array[];
  /** Whose disks went back: they pass on what they find of their own. */
  readonly #old = new Set<Node>();
  #events: Event[] = [];
  #now = 0;
  #island: ReadonlySet<Node> = new Set();
  #isCalm = false;

  constructor(size: number, seed: number, faults: CouncilFaults) {
    const members = everybody.slice(0, size);
    this.#faults = faults;
    this.random = new SimRandom(seed);
    this.#beginning = [decide([ann], motionAt(start, listOf(...members)))];
    this.nodes = members.map((self) => ({
      self,
      disk: undefined,
      records: this.#newRecords(),
      voter: new Voter(self),
      isUp: true,
      isWriting: false,
      life: 0,
    }));
    for (const node of this.nodes) this.#beat(node, node.life);
  }

  get now(): number {
    return this.#now;
  }

  /** Decisions that anybody has learned of, by slot. */
  get decided(): ReadonlyMap<number, string> {
    return this.#decided;
  }

  propose(at: number, wish: Wish): void {
    const node = this.nodes[at]!;
    if (!node.isUp) return;
    node.voter.propose(wish, node.records);
    this.#drive(node);
  }

  /** The places named can talk to each other only. */
  cut(island: readonly number[]): void {
    this.#island = new Set(island.map((at) => this.nodes[at]!));
  }

  kill(at: number): void {
    const node = this.nodes[at]!;
    if (!node.isUp) return;
    this.deaths++;
    node.isUp = false;
    node.isWriting = false;
    node.life++;
  }

  /** `disk`, if it is given, is an old one, and the node is told so. */
  restart(at: number, disk?: { readonly bytes: Uint8Array | undefined }): void {
    const node = this.nodes[at]!;
    if (node.isUp) this.kill(at);
    if (disk !== undefined) {
      node.disk = disk.bytes;
      this.#old.add(node);
    }
    const stored = node.disk && decodeStoredVoter(node.disk);
    node.records = this.#newRecords();
    node.voter = new Voter(node.self, { isDiskOld: disk !== undefined, ...(stored && { stored }) });
    if (stored?.last !== undefined) node.records.merge([stored.last.bytes]);
    node.isUp = true;
    this.#beat(node, node.life);
  }

  /** No more faults: everybody up, everything heard. */
  calm(): void {
    this.#isCalm = true;
    this.cut([]);
    for (const [at, { isUp }] of this.nodes.entries()) if (!isUp) this.restart(at);
  }

  advance(millis: number): void {
    const end = this.#now + millis;
    for (let next = this.#earliest(); next !== undefined && next.at <= end; next = this.#earliest()) {
      this.#events.splice(this.#events.indexOf(next), 1);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }

  #earliest(): Event | undefined {
    let first: Event | undefined;
    for (const event of this.#events) if (first === undefined || event.at < first.at) first = event;
    return first;
  }

  #newRecords(): VoterRecords {
    const records = new VoterRecords(network.founding, () => true);
    records.merge(this.#beginning);
    return records;
  }

  #after(millis: number, run: () => void): void {
    this.#events.push({ at: this.#now + millis, run });
  }

  /** Once a second a node tells another one all it knows, and acts on what is due. */
  #beat(node: Node, life: number): void {
    this.#after(this.random.below(tick), () => {
      if (node.life !== life) return;
      this.#tellAll(node, this.random.pick(this.nodes));
      if (node.voter.silence(node.records) === "hearing") {
        for (const other of this.nodes) this.#ask(node, other);
      }
      this.#drive(node);
      this.#beat(node, life);
    });
  }

  #ask(node: Node, other: Node): void {
    this.#send(node, other, () => this.#tellAll(other, node));
  }

  #tellAll(node: Node, other: Node): void {
    const records = node.records.records();
    this.#send(node, other, () => {
      this.#merge(other, records, node);
      other.voter.hear(node.self.publicKey);
      this.#drive(other);
    });
  }

  #spread(node: Node, records: readonly Uint8Array[], broughtBy?: Node): void {
    for (const record of records) this.#audit(node, record);
    for (const other of this.nodes) {
      if (other === node || other === broughtBy) continue;
      this.#send(node, other, () => {
        this.#merge(other, records, node);
        this.#drive(other);
      });
    }
  }

  #merge(node: Node, records: readonly Uint8Array[], from: Node): void {
    const fresh = node.records.merge(records);
    for (const { slot, id } of node.records.decidedAbove(0)) {
      const known = this.#decided.get(slot);
      this.#decided.set(slot, encodeHex(id));
      if (known !== undefined) assert.equal(encodeHex(id), known, `slot ${slot} is decided once`);
    }
    if (fresh.length > 0) this.#spread(node, fresh, from);
  }

  #send(from: Node, to: Node, run: () => void): void {
    const times = this.#isCalm || !this.random.chance(this.#faults.duplicates) ? 1 : 2;
    for (let copy = 0; copy < times; copy++) {
      const isLost = this.random.chance(this.#faults.loss) && !this.#isCalm;
      const delay = 5 + this.random.below(this.#isCalm ? 50 : 900);
      const life = to.life;
      if (isLost) continue;
      this.#after(delay, () => {
        if (to.isUp && to.life === life && this.#island.has(from) === this.#island.has(to)) run();
      });
    }
  }

  /** What a voter says is on its disk before anybody sees it. */
  #audit(node: Node, record: Uint8Array): void {
    const { self, disk } = node;
    const vote = openVote(record);
    if (this.#old.has(node) || vote === undefined || !equalBytes(vote.voter, self.publicKey)) return;
    const stored = disk && decodeStoredVoter(disk).last;
    assert.ok(stored !== undefined && compareVotes(stored, vote) >= 0, "a vote was sent that is on no disk");
  }

  #drive(node: Node): void {
    if (!node.isUp || node.isWriting) return;
    const step = node.voter.next(node.records, this.#now);
    if (step === undefined) return;
    if (step.stored !== undefined) return this.#write(node, step, node.life);
    assert.ok(openCertificate(step.record!) !== undefined, "what needs no disk is a certificate");
    this.#merge(node, [step.record!], node);
    this.#drive(node);
  }

  #write(node: Node, step: VoterStep, life: number): void {
    node.isWriting = true;
    const [isBad, isDeath] = [
      this.random.chance(this.#faults.badWrites),
      this.random.chance(this.#faults.deaths),
    ];
    this.#after(1 + this.random.below(20), () => {
      if (node.life !== life) return;
      node.isWriting = false;
      if (isDeath && !this.#isCalm) return this.#die(node, step);
      const isOnDisk = this.#isCalm || !isBad;
      if (isOnDisk) node.disk = step.stored;
      else this.refusals++;
      node.voter.written(isOnDisk);
      if (isOnDisk && step.record !== undefined) this.#merge(node, [step.record], node);
      if (isOnDisk) this.#drive(node);
    });
  }

  #die(node: Node, step: VoterStep): void {
    if (this.random.chance(0.5)) node.disk = step.stored;
    const at = this.nodes.indexOf(node);
    this.kill(at);
    this.#after(500 + this.random.below(4000), () => node.isUp || this.restart(at));
  }
}
