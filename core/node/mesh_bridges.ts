/** The wiring of joined bridges: who is behind them, here and elsewhere, and the routes that follow from it. */
import type { Route, RouteSource } from "../contracts/ipam.ts";
import { GreProtocol } from "../wire/gre.ts";
import { Bridges } from "./bridges.ts";
import { ForeignLinks } from "./foreign_links.ts";
import { foreignChannel } from "./foreign_message.ts";
import type { NodeContext } from "./node_context.ts";
import type { NodeParts } from "./node_parts.ts";

const networkIdBytes = 8;

export class MeshBridges {
  readonly foreign: ForeignLinks;
  readonly bridges: Bridges;
  readonly #base: Pick<RouteSource, "routes" | "version">;

  /** `base`: the routes of ring and configuration, which go before those of devices. */
  constructor(context: NodeContext, { port }: NodeParts, base: Pick<RouteSource, "routes" | "version">) {
    const { platform, channels, state, store, events, alerts, signal } = context;
    this.#base = base;
    this.foreign = new ForeignLinks({
      self: state.self.id,
      channel: channels.open(foreignChannel),
      clock: platform.clock,
      events,
      alerts,
      routes: base,
      ranges: () => state.network()?.ranges,
      isEndpointMac: (mac) => port.table.localMac(mac),
      isEndpointAddress: (address) => port.table.linkOf(address) !== undefined,
      write: (frame) =>
        void port.deliverFrame({ protocol: GreProtocol.ethernet, payload: frame, forwarded: false }),
      nameOf: (peer) => peer === state.self.id ? state.self.name : state.peerName(peer) ?? peer,
      signal,
    });
    this.bridges = new Bridges({
      port,
      store,
      alerts,
      log: platform.log.child("bridges"),
      foreign: this.foreign,
      network: () => (state.network()?.id ?? new Uint8Array(networkIdBytes)).slice(0, networkIdBytes),
    });
  }

  *routes(): Iterable<Route> {
    yield* this.foreign.routes();
    yield* this.#base.routes();
  }

  /** Both only grow, so their sum is another one after every change. */
  version(): number {
    return this.#base.version() + this.foreign.version();
  }
}
