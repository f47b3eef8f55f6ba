/** The nodes of a random run, and what is done to them. An operation only begins: its outcome comes with time. */
import assert from "node:assert/strict";
import { errorCode, MeshError } from "../../core/contracts/errors.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import type { Intent } from "../../core/node/entry.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import type { SimRandom } from "./random.ts";
import type { Ledger } from "./swizzle_ledger.ts";
import type { SimNode, SimWorld } from "./world.ts";

interface Place {
  name: string;
  state: "absent" | "down" | "starting" | "up";
  /** The member that let it in, as it says itself. */
  admittedBy?: PeerId | null;
}

/** What a caller must expect of a mesh under faults; any other error fails the run. */
const expected: ReadonlySet<string> = new Set([
  "DISK_FULL",
  "STATE_UNWRITABLE",
  "NOT_RUNNING",
  "TIMEOUT",
  "UNREACHABLE",
  "NOT_FOUND",
  "POOL_EXHAUSTED",
  "ADDRESS_TAKEN",
  // Of a joiner that nobody has answered but a member that was shut out.
  "NOT_ADMITTED",
]);

const port = 6783;
const owners = ["web", "db", "cache"];
/** Inside of every range that runs have. */
const subnet = parsePrefix("10.32.0.0/26")!;
const patience = 8_000;
/** Longest that a start waits: 30 s for an answer to a knock, 20 s for addresses, at a clock of nine tenths. */
const startPatience = 70_000;
const mostRevocations = 2;
/** Revocations reach everybody: one round of what is told again every 30 s, and some time for who is called late. */
const spreading = 45_000;

type Operation = () => string | undefined;

export class Crew {
  /** How many operations there have been. */
  operations = 0;
  /** Nodes that a revocation took along, see {@link Crew.assemble}. */
  shutOut = 0;
  readonly #world: SimWorld;
  readonly #random: SimRandom;
  readonly #ledger: Ledger;
  readonly #places: Place[];
  /** Owners on nodes, as "name owner", with a lease being made or given back. */
  readonly #busy = new Set<string>();
  readonly #pending = new Set<Promise<void>>();
  readonly #remark: (text: string) => void;
  readonly #table: readonly (readonly [weight: number, operation: Operation])[];
  #failure: unknown;
  #token: string | undefined;
  #revocations = 0;

  constructor(world: SimWorld, random: SimRandom, ledger: Ledger, remark: (text: string) => void) {
    this.#world = world;
    this.#random = random;
    this.#ledger = ledger;
    this.#remark = remark;
    this.#places = [];
    this.#table = [
      [4, () => this.#join()],
      [2, () => this.#leave()],
      [3, () => this.#crash()],
      [6, () => this.#restart()],
      [20, () => this.#ping()],
      [20, () => this.#allocate()],
      [8, () => this.#release()],
      [6, () => this.#makeToken()],
      [4, () => this.#connect()],
      [3, () => this.#look()],
      [0.5, () => this.#revokeToken()],
      [0.5, () => this.#revokeMember()],
    ];
  }

  /** Founds the network; a third of the others are members when it resolves. */
  async begin(size: number): Promise<void> {
    for (let i = 0; i < size; i++) this.#places.push({ name: `n${i}`, state: "absent" });
    const [founder, ...others] = this.#places;
    const node = await this.#world.found(founder!.name);
    this.#started(founder!, node);
    this.#token = (await this.#world.run(node.node.tokens.create())).token;
    for (const place of others.slice(0, Math.ceil(size / 3))) {
      this.#start(place, { join: { token: this.#token } });
      await this.rest();
    }
  }

  /** One operation, drawn until one is possible; how it is called. */
  operate(): string {
    const whole = this.#table.reduce((sum, [weight]) => sum + weight, 0);
    for (;;) {
      let mark = this.#random.float() * whole;
      const [, operation] = this.#table.find(([weight]) => (mark -= weight) < 0)!;
      const name = operation();
      if (name === undefined) continue;
      this.operations++;
      return name;
    }
  }

  /** Throws what an operation failed with that it should not have. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Time until every operation that has begun has ended. */
  async rest(): Promise<void> {
    await this.#world.clock.runUntil(() => this.#pending.size === 0, startPatience + 10_000);
    this.check();
  }

  /**
   * After all faults have ended everybody is up, who ever was or wanted to be. Those with the network on their disks come
   * first and together, as after a power cut: a run may end with all of them down, and then nobody can make a token.
   *
   * Who was let in by a member that somebody revoked without having heard of it is out as well, for good. An operator
   * would found the node anew, and so another machine takes its place here.
   */
  async assemble(): Promise<void> {
    await this.rest();
    const down = this.#places.filter(({ state }) => state === "down");
    for (const place of down) this.#start(place, {});
    await this.rest();
    for (const place of down) this.#assertUp(place);
    if (this.#revocations > 0) await this.#replaceShutOut();
    for (const place of this.#places) {
      if (place.state === "absent") await this.#letIn(place);
    }
  }

  async #replaceShutOut(): Promise<void> {
    await this.#world.clock.advance(spreading);
    const out = this.#world.nodes().filter((node) => this.#isShutOut(node));
    for (const node of out) {
      this.#remark(`${node.name} is shut out, and replaced`);
      this.shutOut++;
      this.#replace(node);
    }
  }

  /** It says so; or it was down when it would have heard, and those who do not know it do not know who let it in. */
  #isShutOut(node: SimNode): boolean {
    if (saysItIsOut(node)) return true;
    const { admittedBy } = this.#placeOf(node);
    return this.#world.nodes().some((other) => {
      const admitted = other.node.members.list().filter(({ state }) => state === "admitted");
      const knows = (peer: unknown) => admitted.some((member) => member.peer === peer);
      return !saysItIsOut(other) && !knows(node.node.id) && !knows(admittedBy);
    });
  }

  /** The node is never seen again; another machine takes its place. */
  #replace(node: SimNode): void {
    const place = this.#placeOf(node);
    this.#world.crash(node);
    this.#ledger.giveBack(node.name);
    place.name += "b";
    place.state = "absent";
  }

  async #letIn(place: Place): Promise<void> {
    const member = this.#world.nodes()[0] ?? assert.fail("no disk holds the network any more");
    const { token } = await this.#world.run(member.node.tokens.create());
    const endpoints = this.#world.nodes().map(({ host }) => ({ host, port }));
    this.#start(place, { join: { token, endpoints } });
    await this.rest();
    this.#assertUp(place);
  }

  #assertUp({ name, state }: Place): void {
    assert.equal(state, "up", `${name} does not come up`);
  }

  #start(place: Place, intent: Intent): void {
    place.state = "starting";
    const { host } = this.#world.machine(place.name);
    const { name } = place;
    const starting = this.#world.create(name, host, intent).then(
      (node) => this.#started(place, node),
      (error) => {
        if (place.name === name && place.state === "starting") place.state = this.#stateOf(name);
        throw error;
      },
    );
    this.#expect(`start of ${name}`, starting);
  }

  /** A join may have failed after all was on disk. */
  #stateOf(name: string): "absent" | "down" {
    return this.#world.disk(name).image.get("node/network") === undefined ? "absent" : "down";
  }

  #started(place: Place, node: SimNode): void {
    place.state = "up";
    place.admittedBy = node.node.members.list().find(({ peer }) => peer === node.node.id)?.admittedBy ??
      place.admittedBy ?? null;
    for (const lease of node.ipam.leases()) this.#ledger.promise(node.name, lease);
  }

  #join(): string | undefined {
    const place = this.#placeThatIs("absent");
    if (place === undefined || this.#token === undefined) return undefined;
    const endpoints = this.#running().map(({ host }) => ({ host, port }));
    this.#start(place, { join: { token: this.#token, endpoints } });
    return `${place.name} joins`;
  }

  #restart(): string | undefined {
    const place = this.#placeThatIs("down");
    if (place === undefined) return undefined;
    this.#start(place, {});
    return `${place.name} starts again`;
  }

  #leave(): string | undefined {
    const node = this.#pick();
    if (node === undefined || this.#running().length < 3) return undefined;
    const place = this.#placeOf(node);
    place.state = "starting"; // it is busy
    const stopping = Promise.resolve(node.node[Symbol.asyncDispose]()).finally(() => {
      this.#world.crash(node);
      place.state = "down";
    });
    this.#expect(`stop of ${node.name}`, stopping);
    return `${node.name} stops in order`;
  }

  #crash(): string | undefined {
    const place = this.#placeThatIs("up", "starting");
    if (place === undefined) return undefined;
    const landed = this.#random.below(1 + this.#world.disk(place.name).pending);
    this.#world.crash(place, landed);
    place.state = this.#stateOf(place.name);
    return `${place.name} is killed, ${landed} of its pending commits on disk`;
  }

  #ping(): string | undefined {
    const [from, to] = [this.#pick(), this.#pick()];
    if (from === undefined || to === undefined || from === to) return undefined;
    const family = this.#random.chance(0.5) ? 4 : 6;
    const pinging = from.node.ping(to.name, { family }, this.#patience());
    this.#expect(`ping from ${from.name} to ${to.name}`, pinging);
    return `${from.name} pings ${to.name} over IPv${family}`;
  }

  #allocate(): string | undefined {
    const node = this.#pick();
    const owner = this.#random.pick(owners);
    if (node === undefined || !this.#take(node, owner)) return undefined;
    const wanted = this.#random.pick([subnet, ...node.ipam.ranges()]);
    const allocating = node.ipam.allocate({ owner, subnet: wanted }, this.#patience())
      .then((lease) => this.#isAlive(node) && this.#ledger.promise(node.name, lease));
    this.#expect(`lease for ${owner} of ${node.name}`, this.#freeing(node, owner, allocating));
    return `${node.name} leases for ${owner}`;
  }

  #release(): string | undefined {
    const node = this.#pick();
    const owner = this.#random.pick(owners);
    if (node === undefined || !this.#take(node, owner)) return undefined;
    this.#ledger.giveBack(node.name, owner);
    this.#expect(`release of ${owner} of ${node.name}`, this.#freeing(node, owner, node.ipam.release(owner)));
    return `${node.name} releases ${owner}`;
  }

  /** One thing at a time is done for one owner, or what it has in the end would be anybody's guess. */
  #take({ name }: SimNode, owner: string): boolean {
    const key = `${name} ${owner}`;
    if (this.#busy.has(key)) return false;
    this.#busy.add(key);
    return true;
  }

  #freeing(node: SimNode, owner: string, work: Promise<unknown>): Promise<unknown> {
    return work.finally(() => this.#busy.delete(`${node.name} ${owner}`));
  }

  #makeToken(): string | undefined {
    const node = this.#pick();
    if (node === undefined) return undefined;
    const making = node.node.tokens.create().then(({ token }) => this.#token = token);
    this.#expect(`token of ${node.name}`, making);
    return `${node.name} makes a token`;
  }

  #revokeToken(): string | undefined {
    const node = this.#pick();
    const token = node?.node.tokens.list().find(({ state }) => state === "valid");
    if (node === undefined || token === undefined) return undefined;
    this.#expect(`revocation of a token by ${node.name}`, node.node.tokens.revoke(token.id));
    return `${node.name} revokes a token`;
  }

  /** The one that is meant is gone, whatever becomes of the revocation. */
  #revokeMember(): string | undefined {
    const [node, victim] = [this.#pick(), this.#pick()];
    const isWanted = this.#revocations < mostRevocations && this.#running().length > 3;
    if (node === undefined || victim === undefined || node === victim || !isWanted) return undefined;
    this.#revocations++;
    this.#replace(victim);
    this.#expect(`revocation of ${victim.name}`, node.node.members.revoke(victim.name));
    return `${node.name} revokes ${victim.name}, which is gone`;
  }

  #connect(): string | undefined {
    const [node, other] = [this.#pick(), this.#pick()];
    if (node === undefined || other === undefined || node === other) return undefined;
    this.#expect(`target of ${node.name}`, node.node.connect([`${other.host}:${port}`]));
    return `${node.name} is told to connect to ${other.name}`;
  }

  /** Whatever state a node is in, it can be asked about. */
  #look(): string | undefined {
    const node = this.#pick();
    if (node === undefined) return undefined;
    const { status, peers, connections, targets } = {
      status: node.node.status(),
      peers: node.node.peers(),
      connections: node.node.connections(),
      targets: node.node.targets(),
    };
    assert.equal(peers.filter(({ self }) => self).length, 1);
    assert.ok(connections.length >= status.connections.established && targets.length === status.targets);
    return `${node.name} is asked for its status`;
  }

  #expect(what: string, outcome: Promise<unknown>): void {
    const settled = outcome.then(
      () => this.#remark(`${what}: done`),
      (error: unknown) => {
        this.#remark(`${what}: ${errorCode(error)}`);
        if (!expected.has(errorCode(error))) this.#failure ??= error;
      },
    ).finally(() => this.#pending.delete(settled));
    this.#pending.add(settled);
    this.#world.clock.timer(this.#world.clock.now() + startPatience, () => this.#pending.delete(settled));
  }

  #patience(): AbortSignal {
    const impatience = new AbortController();
    const { clock } = this.#world;
    clock.timer(
      clock.now() + patience,
      () => impatience.abort(new MeshError("TIMEOUT", "No patience is left")),
    );
    return impatience.signal;
  }

  #isAlive(node: SimNode): boolean {
    return !node.process.isDead;
  }

  #placeOf({ name }: SimNode): Place {
    return this.#places.find((place) => place.name === name)!;
  }

  #placeThatIs(...states: readonly Place["state"][]): Place | undefined {
    const places = this.#places.filter(({ state }) => states.includes(state));
    return places.length === 0 ? undefined : this.#random.pick(places);
  }

  #running(): readonly SimNode[] {
    return this.#world.nodes().filter((node) =>
      node.process.clock.isRunning && this.#placeOf(node)?.state === "up"
    );
  }

  #pick(): SimNode | undefined {
    const running = this.#running();
    return running.length === 0 ? undefined : this.#random.pick(running);
  }
}

function saysItIsOut({ node }: SimNode): boolean {
  return node.status().alerts.some(({ name }) => name === "revoked");
}
