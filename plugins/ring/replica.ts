/**
 * This node's copy of the ring: kept on disk, shared with all nodes, and the source of routes. The shell around
 * {@link Ring} and {@link Exchange}; leases are next door.
 */
import type { Host, Timer } from "../../core/contracts/host.ts";
import type { Route, RouteSource } from "../../core/contracts/ipam.ts";
import type { NetworkFacts } from "../../core/contracts/membership.ts";
import type { ReplicatedState, Replication } from "../../core/contracts/replicated_state.ts";
import type { StoreChange } from "../../core/contracts/store.ts";
import type { Millis, PeerId, Prefix } from "../../core/contracts/values.ts";
import { formatPrefix } from "../../core/wire/prefix.ts";
import { Exchange, type Output } from "./exchange.ts";
import { type Grant, grantId, grantKind, openGrant, signGrant } from "./grant.ts";
import { decodeMessage, encodeMessage, pieces } from "./message.ts";
import { Ring, ringBounds } from "./ring.ts";
import { totalSize } from "./span.ts";
import { putGrant, readStoredRing, removeGrant, requireReadable, type StoredRing } from "./storage.ts";

/** The part of {@link Host} that the ring uses. */
export type RingHost = Pick<
  Host,
  "self" | "clock" | "log" | "events" | "membership" | "store" | "channel" | "replicate"
>;

/** Who keeps the leases: it knows what can be given away, and wants to know what has come. */
export interface RingTenant {
  /** Once, when the network is known: what was stored. */
  opened(stored: StoredRing): void;
  /** A free block for somebody else, reserved until {@link donated}; undefined when nothing can be spared. */
  donate(within: Prefix): Prefix | undefined;
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
/** What a handshake may carry of ours: three grants. Not all that a node has are looked through for it. */
const maxCredentialBytes = 600;
const maxCredentialGrants = 4;
/** Of grants that were given before; a question of a few bytes must not be answered with thousands. */
const maxRepeated = 16;
/** Between two complaints that there is no room. */
const fullInterval: Millis = 60_000;
/** Changes in one batch: what a full ring leaves unsaved while the disk is full is more than a store takes at once. */
const savedAtOnce = 1024;
const grantEpoch = 1;
const firstVersion = 1;

export class Replica implements RouteSource, ReplicatedState {
  readonly name = "ring";
  readonly kinds = [grantKind];
  readonly #host: RingHost;
  readonly #tenant: RingTenant;
  readonly #channel: ReturnType<Host["channel"]>;
  readonly #replication: Replication;
  /** Questions, by asker and prefix, whose grant is on its way to disk. */
  readonly #donating = new Set<string>();
  /** Learned, and not on disk yet. */
  readonly #unsaved = new Map<string, StoreChange>();
  #saving = false;
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
    this.#tenant = tenant;
    this.#channel = host.channel("ring");
    this.#replication = host.replicate(this);
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
    return [...this.#unsaved.values()];
  }

  // RouteSource

  routes(): Iterable<Route> {
    return this.ring?.routes() ?? [];
  }

  version(): number {
    return this.ring?.version ?? 0;
  }

  /** Own grants first, then those they rest on, as far as they fit; a `grants` message. */
  credentials(): Uint8Array {
    const { ring } = this;
    const own = ring === undefined ? [] : this.#ownGrants(ring);
    const chain = own.flatMap((grant) => ring?.chainOf(grant) ?? []);
    const records = [...new Set([...own, ...chain])].map(({ record }) => record);
    return encodeMessage({ kind: "grants", records: pieces(records, maxCredentialBytes)[0] ?? [] });
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
    if (added.length > 0) this.#save();
    return added.map(({ record }) => record);
  }

  /** Of both families in turn, the largest first. */
  #ownGrants(ring: Ring): readonly Grant[] {
    const own = ring.grants().filter((grant) => grant.owner === this.self && ring.isValid(grant));
    const ofFamily = (family: 4 | 6) => own.filter(({ prefix }) => prefix.address.family === family);
    const [four, six] = [ofFamily(4), ofFamily(6)];
    return own.flatMap((_, i) => [four[i], six[i]].filter((grant) => grant !== undefined))
      .slice(0, maxCredentialGrants);
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
    this.#ring = ring;
    this.#exchange = new Exchange(this.#exchangeFacts(ring));
    for (const change of stored.first) this.#unsaved.set(change.key, change);
    this.#tenant.opened(stored);
    this.#save();
    this.#noteChange();
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
    this.#nextTick = now + tickInterval;
    this.#tenant.tick(now);
    this.#save();
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
      case "asked":
        return this.#answer(output);
      case "records":
        this.#learn(output.records);
        return;
      case "refused":
        return this.#tenant.refused(output.within, output.by);
    }
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
    const block = from !== this.self && hasRoom ? this.#tenant.donate(question.within) : undefined;
    if (block === undefined) return this.#perform(this.#exchange!.refuse(from, question.request));
    this.#donating.add(key);
    void this.#donate(from, block).finally(() => this.#donating.delete(key));
  }

  /** The smaller ring is on disk before anybody hears of the grant, so it holds whenever this node dies. */
  async #donate(to: PeerId, block: Prefix): Promise<void> {
    const { self, store, log } = this.#host;
    const terms = { prefix: block, owner: to, version: firstVersion, epoch: grantEpoch };
    const grant = signGrant(self, this.#facts!.id, terms);
    try {
      await store.commit([...this.unsaved(), putGrant(grant)]);
      this.#merge([grant]);
    } catch (error) {
      log.log("error", "A grant cannot be stored, so it is not given", { peer: to, error });
      return;
    } finally {
      this.#tenant.donated(block);
    }
    if (this.#state === "stopped") return;
    this.#perform(this.#exchange!.answer(to, this.#withChains([grant])));
    this.#replication.spread([grant.record]);
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
    for (const grant of removed) this.#queue(removeGrant(grant));
    for (const grant of added) this.#queue(putGrant(grant));
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

  #queue(change: StoreChange): void {
    this.#unsaved.set(change.key, change);
  }

  #noteChange(): void {
    this.#tenant.changed();
    this.#host.events.emit("ring:changed", { version: this.version() });
  }

  /** Behind our back: what others have signed can be had from them again. */
  #save(): void {
    if (this.#saving || this.#unsaved.size === 0) return;
    const batch = [...this.#unsaved.values()].slice(0, savedAtOnce);
    this.#saving = true;
    const done = () => {
      this.#saving = false;
    };
    this.#host.store.commit(batch).then(() => {
      for (const change of batch) {
        if (this.#unsaved.get(change.key) === change) this.#unsaved.delete(change.key);
      }
      done();
      if (this.#state !== "stopped") this.#save();
    }, (error: unknown) => {
      done();
      this.#host.log.log("error", "What others own cannot be stored; it is tried again", { error });
    });
  }
}
