/** Makes, adopts and removes pairs of interfaces, and knows which an earlier run has left. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Attachment } from "../../core/contracts/port.ts";
import { type AttachedLink, type LinkFacts, macOf, portName, rulesOf } from "./attached_link.ts";
import type { BridgeNamespace } from "./bridge_namespace.ts";
import { tableRules } from "./ingress_rules.ts";
import { isUp } from "./inspection.ts";
import { type Link, parseLinks } from "./links.ts";
import { isHost, pathNow, requireOther, requireSame } from "./places.ts";
import { digestOf, formatAlias, parseAlias, type PortAlias } from "./port_alias.ts";
import { changeText } from "./change_script.ts";
import { attachText, filterText, type PairPlan, removeText, stages } from "./port_scripts.ts";
import { exitCodeOf, fed } from "./script.ts";

export interface PairOptions {
  /** Name of the interface in a container. */
  readonly interface: string;
  /** The same in the host's own namespace. */
  readonly hostInterface: string;
}

interface Remain {
  readonly alias: PortAlias;
  readonly link: Link;
}

type TakeTurn = <T>(task: () => Promise<T>) => Promise<T>;

/** Ports in one script: all of them have the time that one program has, and each program has to read what nft knows. */
const adoptedAtOnce = 128;
const mostPorts = 65_535;

export class Pairs {
  readonly #bridge: BridgeNamespace;
  readonly #options: PairOptions;
  readonly #remains = new Map<string, Remain>();
  readonly #used = new Set<number>();
  /** Adoptions that wait for the next turn, which carries them out together. */
  #waiting: Adoption[] = [];

  constructor(bridge: BridgeNamespace, options: PairOptions) {
    this.#bridge = bridge;
    this.#options = options;
  }

  /** Reads what an earlier run has left. */
  recall(links: readonly Link[]): void {
    this.#remains.clear();
    this.#used.clear();
    for (const link of links) {
      const alias = parseAlias(link.ifalias);
      if (alias === undefined) continue;
      this.#used.add(alias.number);
      this.#remains.set(alias.owner, { alias, link });
    }
  }

  remains(): Iterable<string> {
    return this.#remains.keys();
  }

  /**
   * The pair of an earlier run with the same addresses and MAC, with its rules set anew and otherwise untouched;
   * undefined when there is none.
   */
  async adopt(request: Attachment, takeTurn: TakeTurn): Promise<LinkFacts | undefined> {
    const remain = this.#remains.get(request.owner);
    if (remain === undefined || remain.alias.digest !== digestOf(request.leases, macOf(request))) {
      return undefined;
    }
    const facts = Promise.withResolvers<LinkFacts>();
    this.#waiting.push({ request, remain, facts });
    if (this.#waiting.length === 1) void takeTurn(() => this.#adoptWaiting());
    return await facts.promise;
  }

  /** Leaves nothing when it rejects. */
  async make(request: Attachment, signal: AbortSignal): Promise<LinkFacts> {
    await this.remove(request.owner, undefined);
    const plan = await this.#plan(request);
    const { mark: number, port } = plan.rules;
    this.#used.add(number);
    try {
      const script = attachText(plan);
      const output = await this.#bridge.run(`attach "${request.owner}"`, script.text, { ...script, signal });
      const [link] = parseLinks(output);
      await requireSame(plan.path, request.place!);
      return { number, index: link!.ifindex, mtu: request.mtu, device: plan.inside, isUp: false };
    } catch (error) {
      await this.#bridge.run(`remove ${port}`, removeText(port)).catch(() => {});
      this.#used.delete(number);
      throw explained(error, plan);
    }
  }

  /** From what `before` has to what `next` has; as it was when it rejects, as far as that can be. */
  async change(before: AttachedLink, next: AttachedLink, signal: AbortSignal): Promise<void> {
    const { owner } = next;
    const path = await pathNow(next.place!);
    try {
      const script = changeText(before, next, path);
      await this.#bridge.run(`change the addresses of "${owner}"`, script.text, { ...script, signal });
      await requireSame(path, next.place!);
    } catch (error) {
      const back = changeText(next, before, path);
      await this.#bridge.run(`restore the addresses of "${owner}"`, back.text, back).catch(() => {});
      throw error;
    }
  }

  /** Removes what is there of an owner's port. True when something was. */
  async remove(owner: string, port: string | undefined): Promise<boolean> {
    const number = this.#remains.get(owner)?.alias.number;
    const name = port ?? (number === undefined ? undefined : portName(number));
    if (name === undefined) return false;
    await this.#bridge.run(`detach "${owner}"`, removeText(name));
    this.#remains.delete(owner);
    this.#used.delete(Number(name.slice(portName(0).length - 1)));
    return true;
  }

  /** Puts right what somebody else has changed. */
  async refit(link: AttachedLink, renamed: string | undefined): Promise<void> {
    const { port } = link.rules;
    const steps = [
      ...(renamed === undefined ? [] : [`ip link set dev "$1" down`, `ip link set dev "$1" name ${port}`]),
      fed("nft -f -", tableRules()),
      filterText(link.rules),
      ...(link.isOpen ? [`ip link set dev ${port} up`] : []),
    ];
    const args = renamed === undefined ? [] : [renamed];
    await this.#bridge.run(`repair the interface of "${link.owner}"`, steps.join("\n"), { args });
  }

  /** Together, for a start must not take a process per container. */
  async #adoptWaiting(): Promise<void> {
    while (this.#waiting.length > 0) await this.#adoptSome(this.#waiting.splice(0, adoptedAtOnce));
  }

  /** By halves when that fails, to know who is to blame: one by one, the others would wait for too long. */
  async #adoptSome(adoptions: readonly Adoption[]): Promise<void> {
    try {
      await this.#refitAll(adoptions);
    } catch (error) {
      if (adoptions.length === 1) return adoptions[0]!.facts.reject(error);
      const half = adoptions.length >> 1;
      await this.#adoptSome(adoptions.slice(0, half));
      await this.#adoptSome(adoptions.slice(half));
    }
  }

  async #refitAll(adoptions: readonly Adoption[]): Promise<void> {
    const rules = adoptions.map(({ request, remain }) => rulesOf(request, remain.alias.number));
    await this.#bridge.run("adopt interfaces", filterText(...rules));
    const devices = await Promise.all(adoptions.map(({ remain }) => this.#insideName(remain.alias.owner)));
    for (const [i, { remain: { alias, link }, facts }] of adoptions.entries()) {
      const { owner, number, mtu } = alias;
      this.#remains.delete(owner);
      facts.resolve({ number, index: link.ifindex, mtu, device: devices[i]!, isUp: isUp(link) });
    }
  }

  async #plan(request: Attachment): Promise<PairPlan> {
    const { owner, leases, mtu } = request;
    const path = await pathNow(request.place!);
    await requireOther(owner, this.#bridge.path);
    const number = this.#freeNumber();
    const digest = digestOf(leases, macOf(request));
    return {
      owner,
      mtu,
      // The host's own multicast has its ways already, often without a route: a node must not turn them by itself.
      link: { multicastRoute: !await isHost(owner), ...request.link },
      path,
      inside: await this.#insideName(owner),
      alias: formatAlias({ owner, number, mtu, digest }),
      rules: rulesOf(request, number),
    };
  }

  async #insideName(owner: string): Promise<string> {
    return await isHost(owner) ? this.#options.hostInterface : this.#options.interface;
  }

  #freeNumber(): number {
    for (let number = 1; number <= mostPorts; number++) if (!this.#used.has(number)) return number;
    throw new MeshError("POOL_EXHAUSTED", `Cannot attach: ${mostPorts} interfaces are attached already`);
  }
}

interface Adoption {
  readonly request: Attachment;
  readonly remain: Remain;
  readonly facts: PromiseWithResolvers<LinkFacts>;
}

/** The exit code tells at which step a script ended. */
function explained(error: unknown, { owner, inside, path }: PairPlan): unknown {
  const options = { cause: error };
  switch (exitCodeOf(error)) {
    case stages.locate:
      return new MeshError(
        "NOT_FOUND",
        `Cannot attach "${owner}": its namespace ${path} is gone`,
        options,
      );
    case stages.pair:
      if (!/File exists/.test((error as Error).message)) return error;
      return new MeshError(
        "NAME_TAKEN",
        `Cannot attach "${owner}": it has an interface ${inside} that this program did not make; rename or remove it`,
        options,
      );
    case stages.routes:
      return new MeshError("INVALID_ARGUMENT", (error as Error).message, options);
    default:
      return error;
  }
}
