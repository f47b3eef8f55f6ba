import type { AeadSuite } from "../contracts/aead.ts";
import type { Clock, Logger, Random } from "../contracts/host.ts";
import { nobleAeads, platformAeads, rankAeads } from "../runtime/aead.ts";
import { systemClock } from "../runtime/clock.ts";
import { systemRandom } from "../runtime/random.ts";
import { runtimeName } from "../runtime/runtime_name.ts";
import { hostName } from "../runtime/hostname.ts";
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
}

/** The real thing, with whatever the caller brings instead. */
export function platformOf(given: Partial<Platform> = {}): Platform {
  const clock = given.clock ?? systemClock();
  return {
    clock,
    random: given.random ?? systemRandom(),
    log: given.log ?? silentLogger,
    aeads: given.aeads ?? rankAeads([...platformAeads(), ...nobleAeads()], clock),
    runtime: given.runtime ?? runtimeName(),
    hostname: given.hostname ?? hostName(),
  };
}
