/**
 * This node's copy of the ring: kept on disk, shared with all nodes, and the source of routes. The shell around
 * {@link Ring} and {@link Exchange}; leases are next door.
 */
import type { Host, Timer } from "../../core/contracts/host.ts";
import type { Route, RouteSource } from "../../core/contracts/ipam.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { NetworkFacts } from "../../core/contracts/membership.ts";
import type { ReplicatedState, Replication } from "../../core/contracts/replicated_state.ts";
import type { StoreChange } from "../../core/contracts/store.ts";
import type { Millis, PeerId, Prefix } from "../../core/contracts/values.ts";
import { formatPrefix } from "../../core/wire/prefix.ts";
import { shownOf } from "./credentials.ts";
import { DiskDoubt } from "./disk_doubt.ts";
import { Exchange, type Output } from "./exchange.ts";
import { type Grant, grantId, grantKind, openGrant, signGrant } from "./grant.ts";
import { decodeMessage, encodeMessage } from "./message.ts";
import { Leaving } from "./leaving.ts";
import { prefixesOwned } from "./prefixes_owned.ts";
import { Ring, ringBounds } from "./ring.ts";
import type { RingHost } from "./ring_host.ts";
import { totalSize } from "./span.ts";
import { type Takeover, takeoverKind } from "./takeover.ts";
import { factsOf, isFit, Takeovers } from "./takeovers.ts";
import { Unsaved } from "./unsaved.ts";
import { putGrant, readStoredRing, removeGrant, requireReadable, type StoredRing } from "./storage.ts";

/** Who keeps the leases: it knows what can be given away, and wants to know what has come. */
export interface RingTenant {
  /** Once, when the network is known: what was stored. */
  opened(stored: StoredRing): void;
  /** A free block for somebody else, reserved until {@link donated}; undefined when nothing can be spared. */
  donate(within: Prefix, to: PeerId): Prefix | undefined;
  /** The block is the other's now, or, if the grant could not be stored, free again. */
  donated(block: Prefix): void;
  /** Ownership has changed. */
  changed(): void;
  /** These peers have nothing to spare. */
  refused(within: Prefix, by: ReadonlySet<PeerId>): void;
  /** Called at every tick, at least every few seconds. */
  tick(now: Millis): void;
}

/** While the network is not known yet, how often to look. */
const openInterval: Millis = 250;
/** The longest between two ticks. */
const tickInterval: Millis = 5000;
const doubtInterval: Millis = 1000;
/** Of grants that were given before; a question of a few bytes must not be answered with thousands. */
const maxRepeated = 16;
/** Between two complaints that there is no room. */
const fullInterval: Millis = 60_000;

export class Replica implements RouteSource, ReplicatedState {
  readonly name = "ring";
  readonly kinds = [grantKind];
  readonly #host: RingHost;
  readonly #tenant: RingTenant;
  readonly #channel: ReturnType<Host["channel"]>;
  readonly #replication: Replication;
  /** Questions, by asker and prefix, whose grant is on its way to disk. */
  readonly #donating = new Set<string>();
  readonly #unsaved: Unsaved;
  readonly #takeovers: Takeovers;
  readonly #leaving = new Leaving();
  readonly #doubt: DiskDoubt;
  #facts: NetworkFacts | undefined;
  #ring: Ring | undefined;
  #exchange: Exchange | undefined;
  #timer: Timer | undefined;
  #nextTick: Millis = 0;
  #fullUntil: Millis = Number.NEGATIVE_INFINITY;
  #state: "new" | "running" | "stopped" = "new";

  /** Throws `UNSUPPORTED` when the store holds what a newer version has written. */
  constructor(host: RingHost, tenant: RingTenant) {
    requireReadable(host.store);
    this.#host = host;
    this.#unsaved = new Unsaved(host);
    this.#tenant = tenant;
    this.#channel = host.channel("ring");
    this.#replication = host.replicate(this);
    this.#takeovers = new Takeovers(host.decisions);
    this.#doubt = new DiskDoubt({
      host,
      channel: this.#channel,
      ring: () => this.#ring,
      keep: (changes) => this.#unsaved.add(changes),
      changed: () => this.#tenant.changed(),
    });
    host.decisions?.watch(takeoverKind, () => this.#decided());
    const facts = factsOf(host, this.#channel, this.#leaving);
    host.decisions?.judge(takeoverKind, (payload) => {
      const ring = this.#state === "stopped" ? undefined : this.ring;
      return ring !== undefined && isFit(payload, ring, facts);
    });
  }

  start(signal: AbortSignal): void {
    this.#state = "running";
    this.#channel.receive((from, message) => this.#receive(from, message));
    this.#host.events.on("peer:up", () => this.#peerUp(), signal);
    this.#tick();
  }

  stop(): void {
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#unsaved.stop();
  }

  /** What this node has given away may be more than it knows: it gives nothing. */
  get isDoubtful(): boolean {
    return this.#doubt.isDoubtful;
  }

  /** Undefined until this node has founded or joined a network. */
  get ring(): Ring | undefined {
    this.#open();
    return this.#ring;
  }

  get self(): PeerId {
    return this.#host.self.id;
  }

  /** Those who can be asked now. */
  peers(): readonly PeerId[] {
    return this.#channel.peers();
  }

  want(within: Prefix): void {
    this.#perform(this.#exchange?.want(within, this.#host.clock.now()));
  }

  unwant(within: Prefix): void {
    this.#exchange?.unwant(within);
  }

  /** Goes into the batch of a lease, so that no lease is on disk without the grant it rests on. */
  unsaved(): readonly StoreChange[] {
    return this.#unsaved.all();
  }

  /** Takeovers by which this node has got space that rests still, see {@link rested}. */
  resting(): readonly Takeover[] {
    return this.#takeovers.resting(this.self);
  }

  /** Space of the takeovers with these numbers may be given to anybody. */
  rested(numbers: ReadonlySet<number>): void {
    this.#unsaved.add(this.#takeovers.rested(numbers));
    this.#unsaved.save();
  }

  /** Tells the voters that this node's space is to be the heir's; itself as heir takes that back. */
  leaveTo(heir: PeerId): void {
    this.#leaving.ask(heir);
    this.#leaving.heard(this.self, heir, [...this.#channel.peers(), this.self]);
    const message = encodeMessage({ kind: "leaving", heir });
    for (const peer of this.#channel.peers()) this.#channel.send(peer, message);
  }

  /** A block that the tenant has set aside. Rejects `STATE_UNWRITABLE` when the grant cannot be stored: then nothing is given. */
  async give(to: PeerId, block: Prefix): Promise<void> {
    if (await this.#donate(to, block)) return;
    throw new MeshError(
      "STATE_UNWRITABLE",
      `Cannot give ${formatPrefix(block)} away: the grant cannot be stored`,
    );
  }

  /** Whether the heir has said that it holds what this node has left to it. */
  isHeldBy(heir: PeerId): boolean {
    return this.#leaving.isHeldBy(heir);
  }

  // RouteSource

  routes(): Iterable<Route> {
    return this.ring?.routes() ?? [];
  }

  version(): number {
    return this.ring?.version ?? 0;
  }

  credentials(): Uint8Array {
    return encodeMessage({
      kind: "grants",
      records: this.ring === undefined ? [] : shownOf(this.ring, this.self),
    });
  }

  learn(_from: PeerId, credentials: Uint8Array): boolean {
    const message = decodeMessage(credentials);
    return message?.kind === "grants" && this.#learn(message.records);
  }

  // ReplicatedState

  /** None before there is a network. */
  records(): readonly Uint8Array[] {
    return this.ring?.records() ?? [];
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const { ring } = this;
    if (ring === undefined || this.#state === "stopped") return [];
    const { id } = this.#facts!;
    const unseen = records.filter((record) => !ring.has(grantId(record)));
    const opened = unseen.map((record) => openGrant(record, id)).filter((grant) => grant !== undefined);
    const added = this.#merge(opened);
    // Its own word, and not on its disk: there may be more of them.
    if (added.some(({ from }) => from === this.self)) this.#doubt.begin();
    if (added.length > 0) this.#unsaved.save();
    return added.map(({ record }) => record);
  }

  /** Loads what is stored as soon as the network is known; before `start` too, for handshakes may come first. */
  #open(): void {
    if (this.#ring !== undefined || this.#state === "stopped") return;
    const facts = this.#host.membership.network();
    if (facts === undefined) return;
    const stored = readStoredRing(this.#host.store, facts.id);
    for (const path of stored.unreadable) {
      this.#host.log.log("error", "A stored part of the ring cannot be read", { path });
    }
    this.#facts = facts;
    const ring = new Ring({ ranges: facts.ranges, founder: facts.founder });
    ring.merge(stored.grants);
    this.#unsaved.add(stored.first);
    this.#takeovers.load(stored.takeovers);
    this.#unsaved.add(this.#takeovers.update());
    ring.decide(this.#takeovers.list());
    this.#ring = ring;
    this.#exchange = new Exchange(this.#exchangeFacts(ring));
    this.#tenant.opened(stored);
    this.#doubt.opened(stored.isDoubtful);
    this.#unsaved.save();
    this.#noteChange();
  }

  /** The history of voters has changed. */
  #decided(): void {
    if (this.#state === "stopped" || this.ring === undefined) return;
    this.#unsaved.add(this.#takeovers.update());
    if (this.ring.decide(this.#takeovers.list())) this.#noteChange();
    this.#doubt.tick(this.#host.clock.now());
    this.#unsaved.save();
  }

  #exchangeFacts(ring: Ring) {
    return {
      peers: () => this.#channel.peers(),
      owned: (peer: PeerId, within: Prefix) => totalSize(ring.spaceOf(peer, within)),
      heldFrom: (donor: PeerId, within: Prefix) => ring.granted(donor, this.self, within).length,
    };
  }

  #tick(): void {
    const now = this.#host.clock.now();
    this.#open();
    this.#perform(this.#exchange?.handleTimeout(now));
    this.#doubt.tick(now);
    this.#nextTick = now + (this.isDoubtful ? doubtInterval : tickInterval);
    this.#tenant.tick(now);
    this.#unsaved.save();
    this.#arm();
  }

  #arm(): void {
    if (this.#state !== "running") return;
    this.#timer?.cancel();
    const next = this.#exchange?.deadline ?? this.#host.clock.now() + openInterval;
    this.#timer = this.#host.clock.timer(Math.min(next, this.#nextTick), () => this.#tick());
  }

  #receive(from: PeerId, message: Uint8Array): void {
    if (this.#state === "stopped") return;
    this.#open();
    this.#perform(this.#exchange?.receive(from, message, this.#host.clock.now()));
  }

  #peerUp(): void {
    this.#open();
    this.#perform(this.#exchange?.peerUp(this.#host.clock.now()));
  }

  #perform(outputs: readonly Output[] = []): void {
    for (const output of outputs) this.#performOne(output);
    this.#arm();
  }

  #performOne(output: Output): void {
    switch (output.type) {
      case "send":
        // Best effort: what is lost is asked again.
        this.#channel.send(output.to, output.message);
        return;
      case "mine":
      case "same":
        return this.#doubt.receive(output);
      case "asked":
        return this.#answer(output);
      case "records":
        this.#learn(output.records);
        return;
      case "leaving":
        return this.#hearLeaving(output.from, output.heir);
      case "got":
        return this.#leaving.got(output.from);
      case "refused":
        return this.#tenant.refused(output.within, output.by);
    }
  }

  #hearLeaving(from: PeerId, heir: PeerId): void {
    this.#leaving.heard(from, heir, [...this.#channel.peers(), this.self]);
    const ring = this.#ring!;
    const isHeir = heir === this.self &&
      ring.takeovers().some((each) => each.dead === from && each.heir === heir);
    const hasAll = isHeir && prefixesOwned(ring, from).length === 0 && this.unsaved().length === 0;
    if (hasAll) this.#channel.send(from, encodeMessage({ kind: "got" }));
  }

  /** Gives what was given before if the asker has not got it, and something new only if it has. */
  #answer({ from, question, held }: Extract<Output, { type: "asked" }>): void {
    const ring = this.#ring!;
    const given = ring.granted(this.self, from, question.within);
    if (given.length > held) {
      // The last ones; should it lack an older one, the shared state brings it.
      const records = this.#withChains(given.slice(-maxRepeated));
      return this.#perform(this.#exchange!.answer(from, records));
    }
    // The answer follows when the grant is on disk; a repeated question meanwhile must not make a second one.
    const key = `${from} ${formatPrefix(question.within)}`;
    if (this.#donating.has(key)) return;
    const hasRoom = ring.countBy(this.self) < ringBounds.maxPerGrantor;
    const block = from !== this.self && hasRoom ? this.#tenant.donate(question.within, from) : undefined;
    if (block === undefined) return this.#perform(this.#exchange!.refuse(from, question.request));
    this.#donating.add(key);
    void this.#donate(from, block).finally(() => this.#donating.delete(key));
  }

  /** False when it cannot be stored. The smaller ring is on disk before anybody hears of the grant, so it holds whenever this node dies. */
  async #donate(to: PeerId, block: Prefix): Promise<boolean> {
    const { self, store, log } = this.#host;
    const ring = this.#ring!;
    const [version, epoch] = [ring.versionFor(block, this.self), ring.epochFor(block)];
    const grant = signGrant(self, this.#facts!.id, { prefix: block, owner: to, version, epoch });
    try {
      await store.commit([...this.unsaved(), putGrant(grant)]);
      this.#merge([grant]);
    } catch (error) {
      log.log("error", "A grant cannot be stored, so it is not given", { peer: to, error });
      return false;
    } finally {
      this.#tenant.donated(block);
    }
    if (this.#state === "stopped") return true;
    this.#perform(this.#exchange!.answer(to, this.#withChains([grant])));
    this.#replication.spread([grant.record]);
    return true;
  }

  #withChains(grants: readonly Grant[]): readonly Uint8Array[] {
    const all = grants.flatMap((grant) => [grant, ...this.#ring!.chainOf(grant)]);
    return [...new Set(all)].map(({ record }) => record);
  }

  /** What came by another way than the shared state: the others have to hear of it. True when it was new. */
  #learn(records: readonly Uint8Array[]): boolean {
    const added = this.merge(records);
    if (added.length > 0) this.#replication.spread(added);
    return added.length > 0;
  }

  #merge(grants: readonly Grant[]): readonly Grant[] {
    const { added, removed, refused } = this.#ring!.merge(grants);
    if (refused > 0) this.#complain(refused);
    this.#unsaved.add([...removed.map(removeGrant), ...added.map(putGrant)]);
    if (added.length + removed.length > 0) this.#noteChange();
    return added;
  }

  /** Others can bring what finds no room as often as they like. */
  #complain(refused: number): void {
    const now = this.#host.clock.now();
    if (now < this.#fullUntil) return;
    this.#fullUntil = now + fullInterval;
    this.#host.log.log("warn", "The ring is full: grants are refused", { reason: refused });
  }

  #noteChange(): void {
    this.#tenant.changed();
    this.#host.events.emit("ring:changed", { version: this.version() });
  }
}
