/**
 * How a peer's whole space passes to an heir: a takeover is asked for, of as much as fits one decision, again and again
 * until the ring says that nothing is left. What is asked may be forgotten, refused by voters who know more, or decided in
 * favour of somebody else; the ring shows it in each case.
 */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Takeover } from "../../core/contracts/ipam.ts";
import type { Millis, PeerId, Prefix } from "../../core/contracts/values.ts";
import type { RingHost } from "./ring_host.ts";
import type { Ring } from "./ring.ts";
import { prefixesOwned } from "./prefixes_owned.ts";
import { encodeTakeover, fitting, takeoverKind } from "./takeover.ts";
import { hasRoom, maxTakeovers, maxTakeoversOfOne } from "./takeovers.ts";

export interface Passing {
  readonly host: Pick<RingHost, "clock" | "events" | "decisions">;
  readonly ring: Ring;
  readonly peer: PeerId;
  readonly heir: PeerId;
  /** False delays the question: this node has a session with whom it would call dead. */
  readonly mayAsk?: () => boolean;
  /** Called each time before the voters are asked. */
  readonly prepare?: () => void;
}

const askEvery: Millis = 2000;

/** Rejects UNREACHABLE and TIMEOUT as the contract says, POOL_EXHAUSTED when voters have decided as much as they may. */
export async function passOn(passing: Passing, signal: AbortSignal): Promise<Takeover> {
  const { host, ring, peer, heir } = passing;
  const before = ring.takeovers().at(-1)?.number ?? 0;
  for (let owned = prefixesOwned(ring, peer); owned.length > 0; owned = prefixesOwned(ring, peer)) {
    if (signal.aborted) throw undecided(peer, signal.reason);
    if (!hasRoom(ring, peer)) throw tooMany(peer);
    if (passing.mayAsk?.() !== false) ask(passing, owned);
    await untilChanged(host, signal);
  }
  const passed = ring.takeovers().filter((each) =>
    each.number > before && each.dead === peer && each.heir === heir
  );
  return { peer, heir, prefixes: passed.flatMap(({ prefixes }) => prefixes) };
}

function ask({ host: { decisions }, peer, heir, prepare }: Passing, owned: readonly Prefix[]): void {
  prepare?.();
  if (decisions === undefined) {
    throw new MeshError("UNREACHABLE", `Cannot pass on the space of ${peer}: there are no voters to ask`);
  }
  decisions.propose(takeoverKind, encodeTakeover({ dead: peer, heir, prefixes: fitting(owned) }));
}

/** Resolves at the next change of the ring, after a while, or when the signal aborts. */
export function untilChanged(
  { clock, events }: Pick<RingHost, "clock" | "events">,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => {
      timer.cancel();
      over.abort();
      resolve();
    };
    const timer = clock.timer(clock.now() + askEvery, end);
    events.on("ring:changed", end, over.signal);
    signal.addEventListener("abort", end, { signal: over.signal });
  });
}

function undecided(peer: PeerId, cause: unknown): MeshError {
  return new MeshError(
    "TIMEOUT",
    `Cannot tell that the space of ${peer} has passed on: no majority of the voters has decided so in time; ` +
      "see that they are up and that the peer is not, and say it again",
    { cause },
  );
}

function tooMany(peer: PeerId): MeshError {
  return new MeshError(
    "POOL_EXHAUSTED",
    `Cannot pass on the space of ${peer}: this network has decided ${maxTakeovers} takeovers, or ${maxTakeoversOfOne} ` +
      "of this peer's space, and more are not kept; found a new network, or join the peer anew with another identity",
  );
}
