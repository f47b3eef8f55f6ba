/**
 * The devices that a node's configuration lists: foreign routers that speak GRE and are no members. What they have is
 * their prefixes, outside of the network's ranges: inside them the ring is the only truth.
 */
import type { FixedPeer } from "../contracts/encapsulation.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Route, RouteSource } from "../contracts/ipam.ts";
import type { PeerId, Prefix } from "../contracts/values.ts";
import { foldName } from "../identity/node_name.ts";
import { formatPrefix, overlaps } from "../wire/prefix.ts";

/** A prefix that is not routed, and the range of the network that it overlaps. */
export interface RefusedPrefix {
  readonly device: FixedPeer;
  readonly prefix: Prefix;
  readonly range: Prefix;
}

export class Devices {
  readonly #devices: ReadonlyMap<PeerId, FixedPeer>;

  /** Throws `CONFIG_INVALID` when two have one name, however it is written, one id or one prefix. */
  constructor(devices: readonly FixedPeer[]) {
    refuseRepeated(devices.map(({ name }) => `device "${foldName(name)}"`));
    refuseRepeated(devices.map(({ id }) => `device id ${id}`));
    refuseRepeated(devices.flatMap(({ prefixes }) => prefixes.map((each) => `prefix ${formatPrefix(each)}`)));
    this.#devices = new Map(devices.map((device) => [device.id, device]));
  }

  has(peer: PeerId): boolean {
    return this.#devices.has(peer);
  }

  routes(ranges: readonly Prefix[]): readonly Route[] {
    return this.#claims()
      .filter(({ prefix }) => !ranges.some((range) => overlaps(range, prefix)))
      .map(({ device, prefix }) => ({ prefix, owner: device.id, isDevice: true }));
  }

  refused(ranges: readonly Prefix[]): readonly RefusedPrefix[] {
    return this.#claims().flatMap(({ device, prefix }) => {
      const range = ranges.find((each) => overlaps(each, prefix));
      return range === undefined ? [] : [{ device, prefix, range }];
    });
  }

  #claims() {
    return [...this.#devices.values()].flatMap((device) =>
      device.prefixes.map((prefix) => ({ device, prefix }))
    );
  }
}

function refuseRepeated(names: readonly string[]): void {
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated === undefined) return;
  throw new MeshError("CONFIG_INVALID", `Cannot serve devices: the ${repeated} is listed twice`);
}

/** What forwarding looks up: the ring's routes, and those of the devices once it is known what the network spans. */
export class MeshRoutes implements Pick<RouteSource, "routes" | "version"> {
  readonly #ring: Pick<RouteSource, "routes" | "version">;
  readonly #devices: Devices;
  readonly #ranges: () => readonly Prefix[] | undefined;

  /** `ranges` is undefined until the node belongs to a network. */
  constructor(
    ring: Pick<RouteSource, "routes" | "version">,
    devices: Devices,
    ranges: () => readonly Prefix[] | undefined,
  ) {
    this.#ring = ring;
    this.#devices = devices;
    this.#ranges = ranges;
  }

  *routes(): Iterable<Route> {
    const ranges = this.#ranges();
    if (ranges !== undefined) yield* this.#devices.routes(ranges);
    yield* this.#ring.routes();
  }

  /** Two numbers per version of the ring: without a network, and with one. */
  version(): number {
    return 2 * this.#ring.version() + (this.#ranges() === undefined ? 0 : 1);
  }
}
