/**
 * What the policy says, for workers that keep it: they ask by handing a packet over, which is judged here like any other,
 * and what was said of its flow is told to all of them. When verdicts change, a number in shared memory does too, and all that
 * they know is void before the policy's own call comes back.
 */
import type { Random } from "../contracts/host.ts";
import type { Flow, Policy } from "../contracts/policy.ts";
import { PolicyEpoch } from "../datapath/policy_epoch.ts";
import { readU32 } from "../wire/field.ts";
import type { Tell, WorkerLink } from "../datapath/worker_link.ts";
import type { PortSet } from "./port_set.ts";

export interface VerdictParts {
  readonly link: Pick<WorkerLink, "memory" | "tell">;
  readonly port: Pick<PortSet, "table">;
  readonly policy: Pick<Policy, "allowsEverything" | "epoch" | "watch">;
  readonly random: Random;
}

export class DatapathVerdicts {
  readonly #parts: VerdictParts;
  readonly #epoch: PolicyEpoch;
  readonly #areKept: boolean;
  readonly #seed: number;
  #policyEpoch = NaN;

  constructor(parts: VerdictParts) {
    this.#parts = parts;
    const { link, policy, random } = parts;
    this.#epoch = new PolicyEpoch(link.memory.epoch);
    this.#areKept = policy.allowsEverything !== true && policy.watch !== undefined;
    this.#seed = readU32(random.fill(new Uint8Array(4)), 0) | 0;
    if (!this.#areKept) return;
    policy.watch!(() => this.#epoch.advance());
    this.tellAll((command) => link.tell(command));
  }

  /** Whether workers may carry packets: all pass, or what was said of some holds for the others of their flow. */
  get areEnough(): boolean {
    return this.#areKept || this.#parts.policy.allowsEverything === true;
  }

  /** To a worker that knows nothing, before it is told of routes. What was said before, it has to ask for again. */
  tellAll(tell: Tell): void {
    if (this.#areKept) tell({ kind: "judge", seed: this.#seed });
  }

  /** The policy has judged a packet of this flow, and is of the same mind still. */
  judged(flow: Flow, allow: boolean): void {
    if (!this.#areKept || !this.#isCarried(flow)) return;
    this.look();
    this.#parts.link.tell({ kind: "verdict", epoch: this.#epoch.now, flow, allow });
  }

  /** For a policy that does not say when it changes: what it said before is void a moment later at most. */
  look(): void {
    if (!this.#areKept) return;
    const epoch = this.#parts.policy.epoch();
    if (epoch === this.#policyEpoch) return;
    this.#policyEpoch = epoch;
    this.#epoch.advance();
  }

  /** Workers ask about what crosses between an interface of this host and another host. */
  #isCarried({ direction, source, destination }: Flow): boolean {
    const { table } = this.#parts.port;
    const [here, there] = direction === "egress" ? [source, destination] : [destination, source];
    return table.linkOf(here) instanceof Uint8Array && table.linkOf(there) === undefined;
  }
}
