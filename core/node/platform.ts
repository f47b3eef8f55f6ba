import type { AeadSuite } from "../contracts/aead.ts";
import type { Datapath } from "../contracts/datapath.ts";
import type { Clock, Host, Logger, Random } from "../contracts/host.ts";
import type { WorkerLink } from "../datapath/worker_link.ts";
import { quickenSignatures } from "../identity/signature.ts";
import { nobleAeads, platformAeads, rankAeads } from "../runtime/aead.ts";
import { systemClock } from "../runtime/clock.ts";
import { platformVerifies } from "../runtime/ed25519.ts";
import { systemRandom } from "../runtime/random.ts";
import { runtimeName } from "../runtime/runtime_name.ts";
import { hostName } from "../runtime/hostname.ts";
import { resolveHost } from "../runtime/resolve.ts";
import { silentLogger } from "./silent_logger.ts";

/** Everything ambient that a node needs. A simulation hands in its own. */
export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Fastest first. */
  readonly aeads: readonly AeadSuite[];
  /** "deno 2.9.6", for status. */
  readonly runtime: string;
  readonly hostname: string;
  /** As {@link Host.resolve}. */
  readonly resolve: Host["resolve"];
  /** The thread that carries packets past this one; its own life is its giver's to end, after that of the node. */
  readonly datapath?: (Datapath & WorkerLink) | undefined;
  /** Why there is none. */
  readonly noDatapath?: string | undefined;
}

/** The real thing, with whatever the caller brings instead. */
export function platformOf(given: Partial<Platform> = {}): Platform {
  const clock = given.clock ?? systemClock();
  const { datapath } = given;
  // For all nodes of this process, simulated ones too: it changes no answer, only what one costs.
  quickenSignatures(platformVerifies);
  const aeads = given.aeads ?? rankAeads([...platformAeads(), ...nobleAeads()], clock);
  return {
    clock,
    random: given.random ?? systemRandom(),
    log: given.log ?? silentLogger,
    aeads: datapath === undefined ? aeads : inOrderOf(datapath, aeads),
    runtime: given.runtime ?? runtimeName(),
    hostname: given.hostname ?? hostName(),
    resolve: given.resolve ?? resolveHost,
    ...datapath === undefined ? { noDatapath: given.noDatapath ?? "none was asked for" } : { datapath },
  };
}

/** Of the ciphers, the one that is cheapest where packets are sealed goes first. */
function inOrderOf({ facts }: WorkerLink, aeads: readonly AeadSuite[]): readonly AeadSuite[] {
  const place = ({ name }: AeadSuite) => {
    const index = facts.ciphers.findIndex((cipher) => cipher.name === name);
    return index < 0 ? facts.ciphers.length : index;
  };
  return aeads.toSorted((a, b) => place(a) - place(b));
}
