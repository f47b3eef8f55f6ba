/**
 * The table as routes: a range belongs to whichever member has the node's name, once there is one. Nothing is told to others
 * and nothing learned from them, for all have the same table; of two members under one name it is the one that all take
 * for the first.
 */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host } from "../../core/contracts/host.ts";
import type { RangeShare, Route, RouteSource } from "../../core/contracts/ipam.ts";
import type { Address, PeerId, Prefix } from "../../core/contracts/values.ts";
import { contains, prefixSize } from "../../core/wire/prefix.ts";
import { placed, type PlannedRange, type RangeTable } from "./plan.ts";

export type RoutesHost = Pick<Host, "self" | "events" | "membership" | "members">;

export class NodeRoutes implements RouteSource {
  readonly #table: RangeTable;
  readonly #host: RoutesHost;
  readonly #peers = new Map<string, PeerId>();
  /** Undefined until there is a network that says where they lie. */
  #ranges: readonly PlannedRange[] | undefined;
  #version = 1;

  constructor(table: RangeTable, host: RoutesHost) {
    this.#table = table;
    this.#host = host;
  }

  /** This node's own ranges. Throws `CONFIG_INVALID` when it has none, or when one of the table lies outside the network. */
  require(): readonly PlannedRange[] {
    const { membership, self } = this.#host;
    if (this.#ranges === undefined) {
      this.#ranges = placed(this.#table, membership.network()?.ranges ?? []);
      this.refresh();
    }
    const own = this.#ranges.filter(({ node }) => this.#peers.get(node) === self.id);
    if (own.length > 0) return own;
    throw new MeshError(
      "CONFIG_INVALID",
      `ipam.ranges: nothing is listed for this node, "${self.name}"; list it there, on every node`,
      { details: { path: "ipam.ranges" } },
    );
  }

  /** The members are others, or have other names. */
  refresh(): void {
    let isOther = false;
    for (const node of Object.keys(this.#table)) {
      const peer = this.#host.members.named(node);
      if (peer === this.#peers.get(node)) continue;
      isOther = true;
      if (peer === undefined) this.#peers.delete(node);
      else this.#peers.set(node, peer);
    }
    if (!isOther) return;
    this.#version++;
    this.#host.events.emit("ring:changed", { version: this.#version });
  }

  *routes(): Iterable<Route> {
    for (const { node, prefix } of this.#ranges ?? []) {
      const owner = this.#peers.get(node);
      if (owner !== undefined) yield { prefix, owner };
    }
  }

  version(): number {
    return this.#version;
  }

  credentials(): Uint8Array {
    return new Uint8Array();
  }

  learn(): boolean {
    return false;
  }

  rangeOf(address: Address): PlannedRange | undefined {
    return this.#ranges?.find(({ prefix }) => contains(prefix, address));
  }

  /** Members of the table, the largest share of IPv4 first. */
  report(network: readonly Prefix[]): readonly RangeShare[] {
    const prefixes = Map.groupBy(this.routes(), ({ owner }) => owner);
    const shares = [...prefixes].map(([peer, routes]) => {
      const own = routes.map(({ prefix }) => prefix);
      return { peer, prefixes: own, share: { 4: shareOf(own, network, 4), 6: shareOf(own, network, 6) } };
    });
    return shares.sort((a, b) => b.share[4] - a.share[4] || (a.peer < b.peer ? -1 : 1));
  }
}

function shareOf(own: readonly Prefix[], network: readonly Prefix[], family: 4 | 6): number {
  const sizeOf = (prefixes: readonly Prefix[]) =>
    prefixes.filter(({ address }) => address.family === family)
      .reduce((sum, prefix) => sum + prefixSize(prefix), 0n);
  const whole = sizeOf(network);
  return whole === 0n ? 0 : Number(sizeOf(own)) / Number(whole);
}
