/**
 * One random run of nodes with rings, and the ledger that every step is held against. After every step hold:
 *
 *     I1   at most one node believes that it owns an address, dead ones included: they may come back; of what voters have
 *          passed on that goes for those who have heard of it
 *     I2   a grant leaves only when the smaller ring is on disk (looked at as messages leave)
 *     I3   merging is commutative, associative and idempotent
 *     I4   the ranges are covered exactly
 *     I5   versions only grow
 *     I6   a released address rests (looked at as leases are announced)
 *     I7   after the last fault all rings are one within a bounded time (once, at the end)
 *     I8   nothing acknowledged is forgotten, whenever the process is killed
 *     I11  no address is both free and in use
 *     I12  what a stranger signs changes nothing
 */
import assert from "node:assert/strict";
import { isMeshError } from "../../core/contracts/errors.ts";
import type { Lease } from "../../core/contracts/ipam.ts";
import type { Address, Prefix } from "../../core/contracts/values.ts";
import { encodeRecords } from "../../core/node/state_message.ts";
import { stateChannel } from "../../core/node/replicator.ts";
import { recordsDigest } from "../../core/identity/records_digest.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { contains, formatPrefix, prefixOf } from "../../core/wire/prefix.ts";
import { signGrant } from "../../plugins/ring/grant.ts";
import { checkInvariants } from "../../plugins/ring/invariants.ts";
import { encodeMessage } from "../../plugins/ring/message.ts";
import type { Ring } from "../../plugins/ring/ring.ts";
import { intersect, type Span, spanOf, subtract } from "../../plugins/ring/span.ts";
import { type Takeover, takeoverOf } from "../../plugins/ring/takeover.ts";
import { GrantLedger } from "./grant_ledger.ts";
import { address, prefix, quarantine, selfOf, type SimNode, World, type WorldOptions } from "./ring_world.ts";

export type Step =
  | { readonly do: "allocate"; readonly node: number; readonly owner: number; readonly subnet: number }
  | { readonly do: "claim"; readonly node: number; readonly owner: number; readonly host: number }
  | { readonly do: "release"; readonly node: number; readonly owner: number }
  | { readonly do: "wait"; readonly millis: number }
  | { readonly do: "kill" | "start" | "fill" | "empty"; readonly node: number }
  | { readonly do: "takeOver"; readonly node: number; readonly dead: number }
  | { readonly do: "leave"; readonly node: number; readonly heir: number }
  | { readonly do: "cut"; readonly island: readonly number[] }
  | { readonly do: "heal" }
  | { readonly do: "hostile"; readonly node: number; readonly salt: number };

/** Small, so that steps get in each other's way: 64 and 2^16 addresses. */
const ranges = ["10.32.0.0/26", "fd00:5e1f:a6e0::/112"];
const subnets = [...ranges, "10.32.0.0/28", "10.32.0.48/29", "fd00:5e1f:a6e0::10/124"].map(prefix);

/** Of simulated time, after the last fault. */
const longestAgreement = 30_000;

/** Errors that a caller must expect; any other fails the run. */
const expected = new Set([
  "ADDRESS_TAKEN",
  "POOL_EXHAUSTED",
  "TIMEOUT",
  "UNREACHABLE",
  "NOT_RUNNING",
  "INVALID_ARGUMENT",
]);

export class RandomRun {
  readonly world: World;
  /** When each address was released last. */
  readonly #released = new Map<string, number>();
  /** Leases that were promised and not given back, by address; a restart must not lose them. */
  readonly #promised = new Map<string, { readonly node: SimNode; readonly owner: string }>();
  readonly #releases = new Set<{ readonly node: SimNode; readonly owner: string; readonly life: object }>();
  readonly #unexpected: unknown[] = [];
  readonly #watched = new Set<object>();
  readonly #ledger: GrantLedger;
  /** How many leases there have been: a run without any proves nothing. */
  allocations = 0;

  constructor(size: number, options: WorldOptions) {
    this.world = new World(size, { ranges, block: 28, ...options });
    this.#ledger = new GrantLedger(this.world);
    this.world.council.voters = [0, 1, 2];
    this.world.council.deciding = (decision, voting) => this.#checkTaken(takeoverOf(decision)!, voting);
    this.world.intercept = (from, _, message) => {
      try {
        this.#ledger.messageLeaves(from, message);
      } catch (error) {
        this.#unexpected.push(error);
      }
      return true;
    };
  }

  /** How many grants have gone from one node to another. */
  get grants(): number {
    return this.#ledger.size;
  }

  async begin(): Promise<void> {
    await this.world.startAll();
    this.#watch();
  }

  async take(step: Step): Promise<void> {
    await this.#perform(step);
    this.#watch();
    await this.world.clock.advance(0);
    this.check();
  }

  check(): void {
    assert.deepEqual(this.#unexpected, []);
    const rings = this.world.nodes.map((node) => this.#ringOf(node));
    for (const ring of rings) {
      if (ring !== undefined) assert.deepEqual(checkInvariants(ring), []);
    }
    this.#checkOwnSpaces(rings);
    this.#ledger.check(rings);
    for (const node of this.world.nodes) this.#checkUse(node);
    for (const [text, { node, owner }] of this.#promised) {
      const isKept = node.leases.some((lease) =>
        formatAddress(lease.address) === text && lease.owner === owner
      );
      assert.ok(isKept, `${node.self.name} has forgotten that ${owner} has ${text}`);
    }
    const all = this.world.nodes.flatMap((node) =>
      node.leases.filter(({ address }) => this.#isRightful(node, address)).map(({ address }) =>
        formatAddress(address)
      )
    );
    assert.equal(new Set(all).size, all.length, `an address is leased twice: ${all.sort().join(" ")}`);
  }

  /** After faults have ended all that live must come to see one ring; how many milliseconds that takes. */
  async converge(): Promise<number> {
    const { world } = this;
    for (const node of world.nodes) node.isDiskFull = false;
    world.heal();
    await world.startAll();
    this.#watch();
    const start = world.clock.now();
    const digests = () => world.nodes.map((node) => recordsDigest(this.#ringOf(node)!.records()).join());
    while (new Set(digests()).size > 1 && world.clock.now() - start < longestAgreement) {
      await world.clock.advance(100);
    }
    const agreement = world.clock.now() - start;
    await world.clock.advance(longestAgreement - agreement);
    this.check();
    assert.equal(new Set(digests()).size, 1, "the rings differ after all faults have ended");
    return agreement;
  }

  #perform(step: Step): Promise<void> | void {
    const { world } = this;
    switch (step.do) {
      case "wait":
        return world.clock.advance(step.millis);
      case "cut":
        return world.partition(step.island);
      case "heal":
        return world.heal();
      default:
        return this.#performOn(world.get(step.node), step);
    }
  }

  #performOn(node: SimNode, step: Extract<Step, { node: number }>): Promise<void> | void {
    if (step.do === "start") return node.start();
    if (!node.isUp) return;
    const { clock } = this.world;
    const patience = new AbortController();
    clock.timer(clock.now() + 8000, () => patience.abort());
    switch (step.do) {
      case "hostile":
        return this.#hearHostile(node, step.salt);
      case "kill":
        return node.kill();
      case "fill":
      case "empty":
        node.isDiskFull = step.do === "fill";
        return;
      case "allocate":
        return this.#expect(
          node.ipam.allocate({ owner: `o${step.owner}`, subnet: subnets[step.subnet]! }, patience.signal),
        );
      case "claim":
        return this.#expect(node.ipam.claim(`o${step.owner}`, hostOf(step.host), patience.signal));
      case "release":
        return this.#expect(this.#release(node, `o${step.owner}`));
      case "takeOver":
        return this.#expect(node.ipam.takeOver(this.world.get(step.dead).self.id, patience.signal));
      case "leave":
        return this.#expect(node.ipam.handOver(this.world.get(step.heir).self.id, patience.signal));
    }
  }

  /** By each of the ways on which records come: an answer, shared state, a handshake. */
  #hearHostile(node: SimNode, salt: number): void {
    const before = this.#believed(node);
    const from = selfOf(9).id;
    const records = hostileGrants(this.world, salt);
    node.hear(from, encodeMessage({ kind: "grants", records }), "ring");
    node.hear(from, encodeRecords(records), stateChannel);
    node.ipam.routes.learn(from, encodeMessage({ kind: "grants", records: records.slice(1) }));
    assert.deepEqual(this.#believed(node), before, "a stranger has changed who owns what");
  }

  #believed(node: SimNode): readonly string[] {
    return [...node.ipam.routes.routes()].map(({ prefix, owner }) => `${formatPrefix(prefix)} ${owner}`);
  }

  /** From the call on, nobody counts on the owner's leases; it takes those too that are on their way. */
  async #release(node: SimNode, owner: string): Promise<void> {
    for (const [text, promise] of this.#promised) {
      if (promise.node === node && promise.owner === owner) this.#promised.delete(text);
    }
    const release = { node, owner, life: node.ipam };
    this.#releases.add(release);
    await node.ipam.release(owner).finally(() => this.#releases.delete(release));
  }

  #isReleasing(node: SimNode, owner: string): boolean {
    return [...this.#releases].some((each) =>
      each.owner === owner && each.node === node && each.life === node.ipam
    );
  }

  /** Not awaited: it may need time that only later steps give. */
  #expect(outcome: Promise<unknown>): void {
    outcome.catch((error: unknown) => {
      const isSimulated = error instanceof Error && error.message === "no space left";
      if (!isSimulated && !(isMeshError(error) && expected.has(error.code))) this.#unexpected.push(error);
    });
  }

  /** Every lease is also looked at when it is announced: one that comes and goes within a step must not pass unseen. */
  #watch(): void {
    for (const node of this.world.nodes) {
      if (this.#watched.has(node.events)) continue;
      this.#watched.add(node.events);
      const { signal } = new AbortController();
      node.events.on("lease:changed", ({ lease, state }) => this.#record(node, lease, state), signal);
    }
  }

  #record(node: SimNode, { address, owner }: Lease, state: "allocated" | "released"): void {
    const text = formatAddress(address);
    const now = this.world.clock.now();
    const isRightful = this.#isRightful(node, address);
    if (state === "released") {
      if (isRightful) this.#released.set(text, now);
      return;
    }
    const others = this.world.nodes.filter((other) =>
      other !== node && other.addresses.includes(text) && this.#isRightful(other, address) && isRightful
    );
    const rest = now - (this.#released.get(text) ?? Number.NEGATIVE_INFINITY);
    if (others.length > 0) this.#unexpected.push(new Error(`${text} of ${owner} is at two nodes`));
    if (rest < quarantine && isRightful) {
      this.#unexpected.push(new Error(`${text} of ${owner} has rested for ${rest} ms only`));
    }
    if (!this.#isReleasing(node, owner)) this.#promised.set(text, { node, owner });
    this.allocations++;
  }

  /** No lease lies in what was given away; none rests at the same time; each is on disk. */
  #checkUse(node: SimNode): void {
    const ring = this.#ringOf(node);
    for (const { address, owner } of node.leases) {
      const text = formatAddress(address);
      const wasTaken = ring?.takeovers().some(({ prefixes }) =>
        prefixes.some((each) => contains(each, address))
      );
      if (!wasTaken) {
        assert.equal(ring?.ownerOf(address), node.self.id, `${text} of ${owner} is in use and given away`);
      }
      const lies = (kind: string) => node.disk.image.get(`ring/${kind}/${text}`) !== undefined;
      assert.ok(lies("lease"), `${text} of ${owner} is in use and not on disk`);
      assert.equal(lies("rest"), false, `${text} of ${owner} is in use and rests`);
    }
  }

  #ringOf(node: SimNode): Ring | undefined {
    return node.ipam.routes.ring;
  }

  /** From those who live nothing is taken that one of those who voted knew to be theirs. */
  #checkTaken({ dead, prefixes }: Takeover, voting: readonly SimNode[]): void {
    for (const node of this.world.nodes.filter(({ self }) => self.id !== dead)) {
      for (const each of prefixes) {
        const own = this.#ringOf(node)?.spaceOf(node.self.id, each) ?? [];
        const known = voting.flatMap((voter) => this.#ringOf(voter)!.spaceOf(node.self.id, each));
        if (known.every((span) => intersect(own, span).length === 0)) continue;
        this.#unexpected.push(new Error(`${formatPrefix(each)} was taken from ${node.self.name}`));
      }
    }
  }

  /** Whether the node owns the address, and nothing has been decided since that it has not heard of. */
  #isRightful(node: SimNode, address: Address): boolean {
    return this.#ringOf(node)?.ownerOf(address) === node.self.id &&
      !this.#unheard(node).some((each) => contains(each, address));
  }

  /** What voters have passed on without this node having heard of it: the word was that it could not. */
  #unheard(node: SimNode): readonly Prefix[] {
    const heard = new Set(this.#ringOf(node)?.takeovers().map(({ number }) => number));
    return this.world.council.decisions.filter(({ number }) => !heard.has(number))
      .flatMap((decision) => takeoverOf(decision)?.prefixes ?? []);
  }

  /**
   * At most one node believes that it owns an address, dead ones included: they may come back. From a takeover on that goes
   * for those who have heard of it.
   */
  #checkOwnSpaces(rings: readonly (Ring | undefined)[]): void {
    for (const range of this.world.facts.ranges) {
      const { family } = range.address;
      const spaces = rings.map((ring, i) => {
        const node = this.world.get(i);
        const unheard = this.#unheard(node).filter(({ address }) => address.family === family).map(spanOf);
        return subtractAll(ring?.spaceOf(node.self.id, range) ?? [], unheard);
      });
      for (const [i, space] of spaces.entries()) {
        for (const other of spaces.slice(i + 1)) {
          const shared = other.flatMap((span) => intersect(space, span));
          assert.deepEqual(shared, [], `two nodes believe they own a part of ${formatPrefix(range)}`);
        }
      }
    }
  }
}

/** `holes` may overlap. */
function subtractAll(spans: readonly Span[], holes: readonly Span[]): readonly Span[] {
  return holes.reduce((left, hole) => subtract(left, [hole]), spans);
}

/** Signed by a key that owns nothing: any prefix, to anybody, in versions that beat every honest one. */
function hostileGrants({ facts, nodes }: World, salt: number): readonly Uint8Array[] {
  const { id } = facts;
  const terms = { owner: nodes[salt % nodes.length]!.self.id, version: 2 ** 32 - 1 - salt, epoch: salt };
  const four = prefixOf(address(`10.32.0.${salt % 64}`), 27 + salt % 6);
  const six = prefixOf(address(`fd00:5e1f:a6e0::${salt.toString(16)}`), 113 + salt % 16);
  const own = [four, six].map((each) => signGrant(selfOf(9), id, { ...terms, prefix: each }).record);
  const forged = signGrant(nodes[0]!.self, id, { ...terms, owner: selfOf(9).id, prefix: four }).record;
  return [...own, forged.with(forged.length - 1, forged.at(-1)! ^ 1)];
}

function hostOf(host: number): ReturnType<typeof address> {
  const isFour: boolean = host % 2 === 0;
  return address(isFour ? `10.32.0.${host % 64}` : `fd00:5e1f:a6e0::${(host % 64).toString(16)}`);
}
