/**
 * Where others see this node, and what that says of the translators in front of it (RFC 4787 §4.1). Each peer that reaches it
 * without a relay says from which endpoint its datagrams come:
 *
 *     an endpoint that this node listens at itself            there is no translator between the two
 *     another one, the same for several peers                 the mapping is of the endpoint: others can be told of it
 *     one host with another port for each peer                of the destination ("symmetric"): a port serves one peer alone
 *
 * Of a host with several ports one counts when more than half of the peers that see this host see it so, and at least two: else a
 * single one that lies, or has not yet heard of a new mapping, would take away from all others where this node is.
 * Hosts are told apart: behind two translators a neighbour behind the outer one sees the middle, and everybody else the outside.
 * A classification of its own by test servers, as in RFC 5780, was rejected: it needs servers with two addresses, and its answer
 * is about those servers.
 */
import type { NatKind } from "../contracts/node.ts";
import type { Endpoint, PeerId } from "../contracts/values.ts";
import { type CandidateRank, rankOf } from "./candidates.ts";
import { canonicalEndpoint, formatEndpoint, sameEndpoint } from "../wire/endpoint.ts";

export interface Outside {
  readonly kind: NatKind;
  /** Where most of those who see this node under one host see it, most witnesses first. */
  readonly steady: readonly Endpoint[];
  /** The last port of a host under which this node has several: only its host says something to others. */
  readonly unsteady: readonly Endpoint[];
  /** Of `steady`, what more than one peer vouches for, or the only one that can. */
  readonly vouched: readonly Endpoint[];
}

interface Seen {
  readonly endpoint: Endpoint;
  readonly witnesses: number;
}

/** More peers than a node has standing sessions with; of more, the oldest word is forgotten. */
const mostWitnesses = 128;
/** What is told to others has to fit beside what this node knows of itself. */
const mostOutside = 4;

export class Observations {
  /** In the order in which they were said. */
  readonly #seen = new Map<PeerId, Endpoint>();

  /** What this peer has said last. */
  of(witness: PeerId): Endpoint | undefined {
    return this.#seen.get(witness);
  }

  /** `endpoint` in canonical form; false when it is what this peer had said before. */
  saw(witness: PeerId, endpoint: Endpoint): boolean {
    const canonical = canonicalEndpoint(endpoint) ?? endpoint;
    const before = this.#seen.get(witness);
    if (before !== undefined && sameEndpoint(before, canonical)) return false;
    this.#seen.delete(witness);
    this.#seen.set(witness, canonical);
    if (this.#seen.size > mostWitnesses) this.#seen.delete(this.#seen.keys().next().value!);
    return true;
  }

  /** Who has no session any more does not vouch for what is so now. */
  forget(witness: PeerId): boolean {
    return this.#seen.delete(witness);
  }

  /** What peers say this node's endpoints are, most witnesses first. */
  all(): readonly Endpoint[] {
    return countsOf([...this.#seen.values()]).map(({ endpoint }) => endpoint);
  }

  /** `own`: where this node listens. */
  outside(own: readonly Endpoint[]): Outside {
    const isOwn = (endpoint: Endpoint) => own.some((each) => sameEndpoint(each, endpoint));
    const foreign = [...this.#seen.values()].filter((endpoint) => !isOwn(endpoint));
    const seen = countsOf(foreign);
    const isMost = ({ endpoint, witnesses }: Seen) => {
      const all = foreign.filter(({ host }) => host === endpoint.host).length;
      return witnesses === all || (witnesses > 1 && 2 * witnesses > all);
    };
    const most = seen.filter(isMost);
    const steady = most.slice(0, mostOutside);
    const settled = new Set(most.map(({ endpoint }) => endpoint.host));
    // The newest of each host: its mapping is the least likely to be gone.
    const newest = new Map(foreign.filter(({ host }) => !settled.has(host)).map((each) => [each.host, each]));
    const isBelieved = foreign.length === 1 && !this.#isInternet(rankOf(foreign[0]!, []), isOwn);
    const vouched = isBelieved ? steady : steady.filter(({ witnesses }) => witnesses > 1);
    return {
      kind: this.#kind(foreign, steady, newest.size > 0),
      steady: steady.map(({ endpoint }) => endpoint),
      unsteady: [...newest.values()].slice(0, mostOutside),
      vouched: vouched.map(({ endpoint }) => endpoint),
    };
  }

  /** Whether it is seen with a public address of its own in this family: then a single one that sees another is to be doubted. */
  #isInternet(rank: CandidateRank, isOwn: (endpoint: Endpoint) => boolean): boolean {
    return rank < 3 && [...this.#seen.values()].some((each) => isOwn(each) && rankOf(each, []) === rank);
  }

  #kind(foreign: readonly Endpoint[], steady: readonly Seen[], isUnsteady: boolean): NatKind {
    if (this.#seen.size === 0) return "unknown";
    if (foreign.length === 0) return "none";
    if (isUnsteady) return "symmetric";
    return steady.some(({ witnesses }) => witnesses > 1) ? "endpoint-independent" : "translated";
  }
}

function countsOf(endpoints: readonly Endpoint[]): readonly Seen[] {
  const counts = new Map<string, { endpoint: Endpoint; witnesses: number }>();
  for (const endpoint of endpoints) {
    const key = formatEndpoint(endpoint);
    const count = counts.get(key) ?? { endpoint, witnesses: 0 };
    counts.set(key, { endpoint, witnesses: count.witnesses + 1 });
  }
  return [...counts.values()].toSorted((left, right) => right.witnesses - left.witnesses);
}
