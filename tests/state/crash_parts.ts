/** What the killed process and the one that looks afterwards have in common. */
import { createNode } from "../../core/node/create_node.ts";
import type { Intent } from "../../core/node/entry.ts";
import type { MeshNode } from "../../core/contracts/node.ts";
import type { Plugin } from "../../core/contracts/plugin.ts";
import type { StateProbe } from "../../core/runtime/sqlite_file.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { allowAll } from "../../plugins/allow_all/mod.ts";
import { noise } from "../../plugins/noise/mod.ts";
import { SqliteStore } from "../../plugins/sqlite/store.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { udp } from "../../plugins/udp/mod.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import type { CrashPoint } from "./crash_points.ts";

/** What the process is told, as JSON, in its only argument. */
export interface CrashOrder {
  readonly directory: string;
  readonly point: CrashPoint;
  /** For a joiner: of the network that the parent has founded. */
  readonly token?: string;
}

/** One line each, before the process goes on. */
export type CrashReport =
  | { readonly asked: readonly (readonly [key: string, sum: number | null])[] }
  | { readonly acknowledged: true }
  | { readonly told: string; readonly facts: CrashFacts };

/** What a step has answered to whoever called it: it must hold ever after. */
export interface CrashFacts {
  readonly network?: string;
  readonly peer?: string;
  readonly leases?: readonly { readonly owner: string; readonly address: string }[];
  readonly released?: readonly string[];
  readonly tokens?: readonly string[];
  readonly revokedTokens?: readonly string[];
  readonly members?: readonly string[];
  readonly revokedMembers?: readonly string[];
  /** Granted to another member. */
  readonly granted?: { readonly peer: string; readonly ranges: readonly string[] };
  readonly target?: string;
  readonly forgotten?: string;
  /** Of an announcement that another member holds. */
  readonly sequence?: number;
  /** Wall clock when handshakes had been made. */
  readonly stampedAt?: number;
}

/** So small that the batch of {@link tooMuchKey} does not fit, and large enough for everything else. */
export const diskBytes = 4 * 1024 * 1024;
/** Key of the batch that never fits. */
export const tooMuchKey = "crash/too-much";
export const foundIntent: Intent = {
  found: { networkName: "crash", range: parsePrefix("10.32.0.0/12")! },
};

/** Small groups, so that twenty commits make several. */
export function sqliteOn(directory: string, probe?: StateProbe, maxBytes = diskBytes): Plugin<"store"> {
  const group = { batches: 4, bytes: 1024 * 1024 };
  const location = { directory, file: `${directory}/selvage.db`, maxBytes, probe, group };
  return { slot: "store", name: "sqlite", create: (host) => new SqliteStore(location, host) };
}

export interface CrashNodeParts {
  readonly name: string;
  readonly store: Plugin<"store">;
  readonly ipam: Plugin<"ipam">;
  readonly intent: Intent;
}

/** A node as `selvage launch` composes it, on a free loopback port. */
export function startNode({ name, store, ipam, intent }: CrashNodeParts): Promise<MeshNode> {
  return createNode({
    name,
    intent,
    plugins: {
      store,
      transport: udp({ listen: "127.0.0.1:0" }),
      encapsulation: noise({}),
      discovery: [staticSeeds({ seeds: [] })],
      ipam,
      policy: allowAll({}),
      port: userspace({}),
    },
  });
}
