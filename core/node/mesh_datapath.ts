/** The data path of a node, or what to say where there is none. */
import type { Encapsulation, Relayed, Relaying, SessionExport } from "../contracts/encapsulation.ts";
import type { DatapathStatus, TrafficStatus } from "../contracts/node.ts";
import type { Flow } from "../contracts/policy.ts";
import type { PeerId } from "../contracts/values.ts";
import { DatapathAlert } from "./datapath_alert.ts";
import { DatapathFeed, type FeedParts } from "./datapath_feed.ts";
import type { MeshBridges } from "./mesh_bridges.ts";
import type { NodeContext } from "./node_context.ts";
import type { NodeParts } from "./node_parts.ts";
import type { Platform } from "./platform.ts";

export class MeshDatapath {
  readonly #platform: Platform;
  readonly #feed: DatapathFeed | undefined;
  readonly #relaying: Relaying | undefined;
  readonly #alert: DatapathAlert;

  /** Before the first handshake. `call` is one call on the encapsulation, and all that follows from it. */
  constructor(context: NodeContext, parts: NodeParts, bridges: MeshBridges, call: FeedParts["call"]) {
    this.#platform = context.platform;
    const { datapath: link, clock, random } = context.platform;
    this.#alert = new DatapathAlert(context.alerts, clock);
    const { encapsulation: machine } = parts;
    this.#relaying = relays(machine) ? machine : undefined;
    if (link === undefined || !sharesSessions(machine)) return;
    const { drops } = context;
    const deviceRoutes = () => bridges.foreign.routes();
    const feed = new DatapathFeed({
      ...parts,
      link,
      machine,
      routes: bridges,
      deviceRoutes,
      drops,
      clock,
      random,
      call,
      failed: () => this.#alert.raise(),
    });
    drops.collectFrom(() => feed.countDrops());
    this.#feed = feed;
  }

  start(): void {
    this.#feed?.start();
  }

  stop(): void {
    this.#alert.stop();
    this.#feed?.stop();
  }

  /** Tells the worker what has changed. */
  update(): void {
    this.#feed?.update();
  }

  /** What the policy has said of a flow between an interface and another host. */
  judged(flow: Flow, allow: boolean): void {
    this.#feed?.judged(flow, allow);
  }

  /** Packets of this thread, and those of the worker. */
  traffic(here: TrafficStatus): TrafficStatus {
    return sum(here, this.#feed?.traffic());
  }

  /** What carries the packets of a member that is up. */
  pathOf(peer: PeerId): DatapathStatus["path"] {
    return this.#feed?.carries(peer) === true ? "worker" : "main";
  }

  /** Packets with one member: `here` of this thread, and those of the worker. */
  trafficOf(peer: PeerId, here: TrafficStatus): TrafficStatus {
    return sum(here, this.#feed?.trafficOf(peer));
  }

  /** What was passed on for a member, by the encapsulation and by the worker. */
  relayed(peer: PeerId): Relayed {
    const [here, there] = [this.#relaying?.relayed(peer), this.#feed?.relayed(peer)];
    return {
      packets: (here?.packets ?? 0) + (there?.packets ?? 0),
      bytes: (here?.bytes ?? 0) + (there?.bytes ?? 0),
    };
  }

  status(): DatapathStatus {
    const { datapath, noDatapath = "none was asked for" } = this.#platform;
    if (this.#feed !== undefined) return this.#feed.status();
    const reason = datapath === undefined ? noDatapath : "the encapsulation shares no sessions";
    return {
      path: "main",
      reason,
      ffi: null,
      ciphers: [],
      workers: 0,
      isRealtime: false,
      restarts: 0,
      counters: null,
    };
  }
}

function sum(here: TrafficStatus, there: TrafficStatus | undefined): TrafficStatus {
  if (there === undefined) return here;
  return {
    packetsIn: here.packetsIn + there.packetsIn,
    packetsOut: here.packetsOut + there.packetsOut,
    bytesIn: here.bytesIn + there.bytesIn,
    bytesOut: here.bytesOut + there.bytesOut,
  };
}

function relays(encapsulation: object): encapsulation is Relaying {
  return "relayed" in encapsulation;
}

function sharesSessions(encapsulation: object): encapsulation is Encapsulation & SessionExport {
  return "exportSessions" in encapsulation;
}
