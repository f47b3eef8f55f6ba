/**
 * The machine in a node: its datagrams are notes, its time is the host's clock, and what it finds out goes to the node.
 *
 * That a member is gone is not passed on if nobody has ever told an incarnation of it, and no note of it has come here: it
 * may not gossip at all, because it is older or configured otherwise, and so be silent whether it lives or not. Its
 * sessions tell. For the same reason nothing is shown of one that is called dead, never wrote here, and is heard.
 */
import type { Discovery, Finding, Liveness, LivenessReport } from "../../core/contracts/discovery.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host, NoteChannel, Timer } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import { maxAside, type RumourEnds, type Rumours } from "../../core/contracts/rumours.ts";
import type { Millis, PeerId } from "../../core/contracts/values.ts";
import type { GossipOutput } from "./facts.ts";
import { IncarnationKeeper } from "./incarnation_keeper.ts";
import { GossipMachine } from "./machine.ts";
import { type GossipOptions, limits } from "./options.ts";
import { Roster } from "./roster.ts";

export type GossipHost = Pick<Host, "self" | "clock" | "random" | "log" | "events" | "store" | "members"> & {
  readonly notes?: NoteChannel | undefined;
};

/** What is certain of a member. */
interface Ruling {
  readonly type: "alive" | "dead" | "left";
  readonly peer: number;
  readonly incarnation: number;
}

interface Running {
  readonly machine: GossipMachine;
  readonly roster: Roster;
  readonly notes: NoteChannel;
}

/** First byte of a note that is no message of the machine, which begins with its version, but one of the node's. */
const asideMark = 0x73;

export class Gossip implements Discovery, LivenessReport, Rumours, Lifecycle {
  readonly #host: GossipHost;
  readonly #options: Partial<GossipOptions>;
  readonly #keeper: IncarnationKeeper;
  /** Members that are gone for all gossip can tell, and that seem to have no part in it. */
  readonly #mute = new Set<number>();
  readonly #sessions = new Set<PeerId>();
  readonly #ended = new AbortController();
  /** Members that have written to this node. */
  readonly #writers = new Set<number>();
  #handler: (finding: Finding) => void = () => {};
  #ends: RumourEnds | undefined;
  #running: Running | undefined;
  #timer: Timer | undefined;
  #deadline: Millis | undefined;
  #isDraining = false;

  constructor(host: GossipHost, options: Partial<GossipOptions>) {
    this.#host = host;
    this.#options = options;
    this.#keeper = new IncarnationKeeper(host);
    // From now on: to start takes a write to disk, and sessions come up meanwhile.
    host.events.on("peer:up", ({ peer }) => void this.#sessions.add(peer), this.#ended.signal);
    host.events.on("peer:down", ({ peer }) => void this.#sessions.delete(peer), this.#ended.signal);
  }

  /** Members tell where they are in records of their own. */
  announce(): void {}

  watch(handler: (finding: Finding) => void): void {
    this.#handler = handler;
  }

  targets(): readonly [] {
    return [];
  }

  liveness(peer: PeerId): Liveness | undefined {
    const number = this.#running?.roster.numberOf(peer);
    if (number === undefined || (this.#mute.has(number) && this.#sessions.has(peer))) return undefined;
    const state = this.#running!.machine.stateOf(number);
    return state === "unknown" ? undefined : state;
  }

  carryFor(ends: RumourEnds): void {
    this.#ends = ends;
  }

  isLinked(): boolean {
    return (this.#running?.machine.neighbours.length ?? 0) > 0;
  }

  /** A member that has gone, or seems to have no part in gossip, hears nothing. */
  reaches(peer: PeerId): boolean {
    const number = this.#running?.roster.numberOf(peer);
    if (number === undefined || this.#mute.has(number)) return false;
    const state = this.#running!.machine.stateOf(number);
    return state === "alive" || state === "suspect";
  }

  isNeighbour(peer: PeerId): boolean {
    const number = this.#running?.roster.numberOf(peer);
    return number !== undefined && this.#running!.machine.neighbours.includes(number);
  }

  spread(record: Uint8Array): boolean {
    if (this.#running === undefined || record.length > limits.record) return false;
    this.#call((machine, now) => machine.spread(record, now));
    return true;
  }

  send(to: PeerId, message: Uint8Array): boolean {
    if (this.#running === undefined || message.length > maxAside) return false;
    const note = new Uint8Array(message.length + 1);
    note[0] = asideMark;
    note.set(message, 1);
    return this.#running.notes.send(to, note);
  }

  hurry(): void {
    this.#call((machine, now) => machine.hurry(now));
  }

  /** Rejects `UNSUPPORTED` where there are no notes, else as {@link IncarnationKeeper.start}. */
  async start(signal: AbortSignal): Promise<void> {
    const { notes } = this.#host;
    if (notes === undefined) {
      throw new MeshError(
        "UNSUPPORTED",
        'Cannot gossip: the encapsulation of this node carries no notes; use "noise", or take "gossip" out of discovery',
      );
    }
    const incarnation = await this.#keeper.start();
    signal.throwIfAborted();
    const running = this.#create(notes, incarnation);
    this.#running = running;
    this.#listen(running, signal);
    this.#call((machine, now) => {
      machine.start(now);
      for (const { id } of this.#host.members.known()) this.#admit(id, now);
    });
    this.#host.log.log("debug", "Gossip has begun", { count: this.#host.members.known().length });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
    this.#leave();
  }

  #create(notes: NoteChannel, incarnation: number): Running {
    const { self, random, members } = this.#host;
    const expected = members.known().length + 1;
    const roster = new Roster(self.id, expected);
    const { directory } = roster;
    const machine = new GossipMachine({
      self: 0,
      directory,
      random,
      incarnation,
      expected,
      options: this.#options,
      ...this.#ends && { stateDigest: () => this.#ends!.digest(), isJudged: true },
    });
    return { machine, roster, notes };
  }

  #listen({ roster, notes }: Running, signal: AbortSignal): void {
    const { members, events } = this.#host;
    // Before the node ends its sessions and its encapsulation: those who are left behind are to hear why.
    signal.addEventListener("abort", () => this.#leave(), { once: true });
    notes.receive((from, body) => {
      const number = roster.numberOf(from);
      if (number === undefined) return;
      this.#writers.add(number);
      if (body[0] === asideMark) this.#aside(from, number, body.subarray(1));
      else this.#call((machine, now) => machine.handle(number, body, now));
    });
    members.hear((peer) => this.#hear(peer));
    events.on("peer:up", ({ peer }) => this.#hear(peer), signal);
    members.watch((joined, removed) =>
      this.#call((_, now) => {
        for (const peer of removed) this.#expel(peer, now);
        for (const { id } of joined) this.#admit(id, now);
      })
    );
  }

  /** Something other than gossip came of a member. One that is called dead and never wrote here cannot object itself. */
  #hear(peer: PeerId): void {
    const number = this.#running?.roster.numberOf(peer);
    if (number === undefined) return;
    const state = this.#running!.machine.stateOf(number);
    if ((state === "dead" || state === "left") && !this.#writers.has(number)) this.#mute.add(number);
    this.#call((machine, now) => machine.heard(number, now));
  }

  #aside(from: PeerId, number: number, message: Uint8Array): void {
    this.#call((machine, now) => machine.heard(number, now));
    this.#ends?.receive(from, message);
  }

  #judge(from: number, record: Uint8Array): void {
    if (this.#ends === undefined) return;
    // Of a member that was removed meanwhile nothing is taken, but the machine still waits for a word.
    const peer = this.#running?.roster.peerOf(from);
    const isSound = peer !== undefined && this.#ends.take(peer, record);
    this.#call((machine, now) => machine.judge(record, isSound, now));
  }

  #differs(number: number, digest: Uint8Array): void {
    const peer = this.#running?.roster.peerOf(number);
    if (peer !== undefined) this.#ends?.differs(peer, digest);
  }

  #admit(peer: PeerId, now: Millis): void {
    const { roster, machine } = this.#running!;
    const isNew = roster.numberOf(peer) === undefined;
    const number = roster.add(peer);
    if (number === undefined) {
      this.#host.log.log("warn", "A member cannot be watched: there is no number or tag left for it", {
        peer,
      });
    } else if (isNew) machine.admit(number, now);
  }

  #expel(peer: PeerId, now: Millis): void {
    const { roster, machine } = this.#running!;
    const number = roster.remove(peer);
    if (number === undefined) return;
    machine.expel(number, now);
    roster.directory.remove(number);
    this.#mute.delete(number);
    this.#writers.delete(number);
  }

  #leave(): void {
    this.#call((machine, now) => machine.leave(now));
    this.#ended.abort();
    this.#keeper.stop();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#running = undefined;
  }

  /** One call on the machine, then everything that follows from it. A call from within an output joins the same drain. */
  #call(step: (machine: GossipMachine, now: Millis) => void): void {
    if (this.#running === undefined) return;
    step(this.#running.machine, this.#host.clock.now());
    this.#drain();
  }

  #drain(): void {
    if (this.#isDraining || this.#running === undefined) return;
    const { machine } = this.#running;
    this.#isDraining = true;
    try {
      for (let output = machine.poll(); output !== undefined; output = machine.poll()) this.#handle(output);
    } finally {
      this.#isDraining = false;
      // Also after a failure: without a timer nothing would ever begin again.
      if (this.#running !== undefined) this.#schedule(machine);
    }
  }

  #handle(output: GossipOutput): void {
    switch (output.type) {
      case "datagram":
        return this.#send(output.to, output.message);
      case "alive":
      case "dead":
      case "left":
        this.#find({ ...output, type: output.type });
        return this.#showLiveness(output.peer);
      case "refuted":
        return void this.#keeper.mayTell(output.incarnation);
      case "record":
        return this.#judge(output.from, output.record);
      case "differs":
        return this.#differs(output.peer, output.digest);
      case "suspect":
        return this.#showLiveness(output.peer);
    }
  }

  #send(to: number, message: Uint8Array): void {
    if (this.#running === undefined) return;
    const { roster, notes, machine } = this.#running;
    const peer = roster.peerOf(to);
    // What is not sent is repaired as what was lost.
    if (peer !== undefined && this.#keeper.mayTell(machine.incarnation)) notes.send(peer, message);
  }

  #find({ type, peer: number, incarnation }: Ruling): void {
    const peer = this.#running?.roster.peerOf(number);
    if (peer === undefined) return;
    const isKnown = incarnation > 0 || this.#writers.has(number);
    if (type !== "alive" && !isKnown) return void this.#mute.add(number);
    this.#mute.delete(number);
    if (type === "alive") this.#report({ type, peer });
    else this.#report({ type: "dead", peer, reason: type === "left" ? "it has left" : "nobody hears it" });
  }

  #showLiveness(number: number): void {
    const peer = this.#running?.roster.peerOf(number);
    const liveness = peer && this.liveness(peer);
    if (liveness !== undefined) this.#host.events.emit("peer:liveness", { peer: peer!, liveness });
  }

  /** What fails in the node must not keep the machine from what follows. */
  #report(finding: Finding): void {
    try {
      this.#handler(finding);
    } catch (error) {
      this.#host.log.log("error", "A handler of what gossip finds failed", { error });
    }
  }

  #schedule(machine: GossipMachine): void {
    const deadline = machine.pollTimeout();
    if (deadline === this.#deadline && this.#timer !== undefined) return;
    this.#timer?.cancel();
    this.#deadline = deadline;
    this.#timer = deadline === undefined ? undefined : this.#host.clock.timer(deadline, () => {
      this.#timer = undefined;
      this.#call((each, now) => each.handleTimeout(now));
    });
  }
}
