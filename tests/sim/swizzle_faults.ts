/**
 * The faults of a random run, each with what undoes it. They come in an order drawn from the seed, all kinds before any
 * kind comes again, and are healed in another one.
 *
 * Two are missing, because no node can bear them yet: an old backup and a disk that lies may make a grantor give the
 * same space twice. They have scenarios of their own, which say what holds.
 */
import type { LinkFaults, SimNetwork } from "./network.ts";
import type { SimNat } from "./nat.ts";
import type { SimRandom } from "./random.ts";
import type { SimNode, SimWorld } from "./world.ts";

export interface Fault {
  readonly name: string;
  heal(): void;
}

/** What all links suffer at once. */
const linkFaults: Readonly<Record<string, (random: SimRandom) => Partial<LinkFaults>>> = {
  loss: (random) => ({ loss: 0.02 + 0.28 * random.float() }),
  bursts: () => ({ burst: { enter: 0.02, leave: 0.2, loss: 0.9 } }),
  delay: (random) => ({ delay: 20 + 200 * random.float() }),
  jitter: (random) => ({ jitter: 50 * random.float() }),
  reordering: () => ({ reorder: 0.2 }),
  duplicates: () => ({ duplicate: 0.2 }),
  "flipped bits": () => ({ flip: 0.03 }),
  truncation: () => ({ truncate: 0.03 }),
  "smaller MTU": () => ({ mtu: 1_280 }),
  "narrow links": () => ({ bandwidth: 125, queue: 30_000 }),
};

type Kind = () => Fault | undefined;

export class FaultSource {
  readonly active: Fault[] = [];
  /** How many there have been. */
  count = 0;
  readonly #world: SimWorld;
  readonly #network: SimNetwork;
  readonly #random: SimRandom;
  readonly #nat: SimNat;
  readonly #onLinks = new Map<string, Partial<LinkFaults>>();
  #bag: Kind[] = [];

  constructor(world: SimWorld, random: SimRandom, nat: SimNat) {
    this.#world = world;
    this.#network = world.network;
    this.#random = random;
    this.#nat = nat;
  }

  /** Something new goes wrong. Undefined when it could not, for instance since nobody runs. */
  inject(): Fault | undefined {
    if (this.#bag.length === 0) this.#bag = this.#kinds();
    const [kind] = this.#bag.splice(this.#random.below(this.#bag.length), 1);
    const fault = kind!();
    if (fault === undefined) return undefined;
    this.count++;
    this.active.push(fault);
    return fault;
  }

  /** One of those that are active, in no order. */
  healOne(): Fault | undefined {
    if (this.active.length === 0) return undefined;
    const [fault] = this.active.splice(this.#random.below(this.active.length), 1);
    fault!.heal();
    return fault;
  }

  #kinds(): Kind[] {
    const links = Object.entries(linkFaults).map(([name, draw]): Kind => () => this.#onAllLinks(name, draw));
    return [
      ...links,
      () => this.#partition(),
      () => this.#cut(),
      () => this.#rebind(),
      () => this.#pause(),
      () => this.#wallJump(),
      () => this.#rate(),
      () => this.#slowDisk(),
      () => this.#brokenDisk("full"),
      () => this.#brokenDisk("io"),
      () => this.#brokenDisk("read-only"),
    ];
  }

  #onAllLinks(name: string, draw: (random: SimRandom) => Partial<LinkFaults>): Fault {
    const apply = () => this.#network.setFaults(Object.assign({}, ...this.#onLinks.values()));
    this.#onLinks.set(name, draw(this.#random));
    apply();
    const heal = () => {
      this.#onLinks.delete(name);
      apply();
    };
    return { name, heal };
  }

  #partition(): Fault | undefined {
    const hosts = this.#world.nodes().map(({ host }) => host);
    const island = hosts.filter(() => this.#random.chance(0.5));
    if (island.length === 0 || island.length === hosts.length) return undefined;
    this.#network.partition(island);
    return { name: `partition of ${island.join(" ")}`, heal: () => this.#network.unite() };
  }

  #cut(): Fault | undefined {
    const [from, to] = [this.#pick(), this.#pick()];
    if (from === undefined || to === undefined || from === to) return undefined;
    this.#network.cut(from.host, to.host);
    const heal = () => this.#network.mend(from.host, to.host);
    return { name: `one-way cut from ${from.name} to ${to.name}`, heal };
  }

  #rebind(): Fault {
    this.#nat.rebind();
    return { name: "NAT rebinding", heal: () => {} };
  }

  #pause(): Fault | undefined {
    const node = this.#pick();
    if (node === undefined) return undefined;
    node.process.stop();
    return { name: `pause of ${node.name}`, heal: () => node.process.resume() };
  }

  /** Healing sets the clock back, or forward again: both directions happen in every run. */
  #wallJump(): Fault | undefined {
    const node = this.#pick();
    if (node === undefined) return undefined;
    const machine = this.#world.machine(node.name);
    const hours = this.#random.chance(0.5) ? 1 : -1;
    machine.jumpWall(hours * 3_600_000);
    const heal = () => machine.jumpWall(-hours * 3_600_000);
    return { name: `wall clock of ${node.name} ${hours} h`, heal };
  }

  #rate(): Fault | undefined {
    const node = this.#pick();
    if (node === undefined) return undefined;
    const machine = this.#world.machine(node.name);
    const rate = this.#random.chance(0.5) ? 1.1 : 0.9;
    machine.setRate(rate);
    return { name: `clock of ${node.name} at ${rate}`, heal: () => machine.setRate(1) };
  }

  #slowDisk(): Fault | undefined {
    const node = this.#pick();
    if (node === undefined) return undefined;
    const machine = this.#world.machine(node.name);
    machine.setSlowestWrite(400);
    return { name: `slow disk of ${node.name}`, heal: () => machine.setSlowestWrite(0) };
  }

  #brokenDisk(how: "full" | "io" | "read-only"): Fault | undefined {
    const node = this.#pick();
    if (node === undefined) return undefined;
    const { disk } = this.#world.machine(node.name);
    disk.fail(how);
    return { name: `${how} disk of ${node.name}`, heal: () => disk.repair() };
  }

  #pick(): SimNode | undefined {
    const running = this.#world.nodes().filter(({ process }) => process.clock.isRunning);
    return running.length === 0 ? undefined : this.#random.pick(running);
  }
}
