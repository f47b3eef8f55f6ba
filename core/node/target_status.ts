/** What the operator named, and what has become of it. */
import type { Discovery, Target } from "../contracts/discovery.ts";
import type { AttemptTimes, Encapsulation } from "../contracts/encapsulation.ts";
import type { Clock } from "../contracts/host.ts";
import type { ConnectionState, TargetStatus } from "../contracts/node.ts";
import type { Endpoint, Millis } from "../contracts/values.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import type { Attempt, ConnectionTable } from "./connection_table.ts";
import { timeText } from "./time_text.ts";

export interface TargetSources {
  readonly discovery: readonly Pick<Discovery, "targets">[];
  readonly connections: Pick<ConnectionTable, "attempts">;
  readonly encapsulation: Encapsulation;
  readonly platform: { readonly clock: Pick<Clock, "now" | "wall"> };
}

/** Best first: a name is as well as the best of its places. */
const order: readonly ConnectionState[] = ["established", "connecting", "retrying", "failed"];

/** What is to be tried for a target. */
export function placesOf({ endpoint, name }: Target): readonly Endpoint[] {
  return name?.places ?? [endpoint];
}

export function targetStatuses(sources: TargetSources): readonly TargetStatus[] {
  const { discovery, connections } = sources;
  const attempts = new Map([...connections.attempts()].map((each) => [formatEndpoint(each.endpoint), each]));
  return discovery.flatMap((plugin) => plugin.targets()).map((target) => statusOf(target, attempts, sources));
}

/**
 * Places of names that are reached elsewhere, and that nothing else on the list needs. Most hosts with addresses of both
 * families are out of reach at one of them for good: nobody who asks whether the node is well wants to hear of that.
 */
export function sparePlaces(targets: readonly TargetStatus[]): ReadonlySet<string> {
  const placesIf = (isReached: boolean) =>
    targets.filter(({ state }) => (state === "established") === isReached).flatMap(({ places }) => places);
  const needed = new Set(placesIf(false));
  return new Set(placesIf(true).filter((place) => !needed.has(place)));
}

function statusOf(
  target: Target,
  attempts: ReadonlyMap<string, Attempt>,
  { encapsulation, platform: { clock } }: TargetSources,
): TargetStatus {
  const { endpoint, source, name } = target;
  const places = placesOf(target);
  const best = places.flatMap((place) => attempts.get(formatEndpoint(place)) ?? [])
    .toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state))[0];
  const state = best?.state ?? (name?.reason === undefined ? "connecting" : "retrying");
  const times = places.map((place) =>
    tellsTimes(encapsulation) ? encapsulation.nextAttempt(place) : undefined
  );
  const next = state === "established" ? undefined : earliest([...times, name?.nextLookup]);
  return {
    endpoint: formatEndpoint(endpoint),
    source,
    state,
    reason: name?.reason ?? best?.reason ?? null,
    places: places.map(formatEndpoint),
    nextAttempt: next === undefined ? null : timeText(clock.wall() + Math.max(0, next - clock.now())),
  };
}

function earliest(times: readonly (Millis | undefined)[]): Millis | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function tellsTimes(encapsulation: Encapsulation): encapsulation is Encapsulation & AttemptTimes {
  return "nextAttempt" in encapsulation;
}
