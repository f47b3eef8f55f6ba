/** From what the user wants to how the node comes into its network. */
import { errorCode, MeshError } from "../../core/contracts/errors.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import type { FoundIntent, Intent } from "../../core/node/entry.ts";
import { interfaceAddresses } from "../../core/runtime/interfaces.ts";
import { formatEndpoint, parseEndpoint } from "../../core/wire/endpoint.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import { resolveEndpoints } from "../endpoint_argument.ts";
import type { JoinEntry, LaunchEntry, NodeOrder } from "./node_order.ts";

/** What the ring would take, too. */
const defaultRange = "10.32.0.0/12";
/** All hosts of a list are started at once, and the first of them may be the last to come up. */
const listPatienceMillis = 3_600_000;

export interface Entrance {
  readonly intent: Intent;
  /** Peers to keep connecting to. */
  readonly seeds: readonly Endpoint[];
  /** For whom it may have to wait long. */
  readonly patience?: string;
}

/** Rejects `INVALID_ARGUMENT`, `UNREACHABLE` for a name that cannot be resolved, `CONFIG_INVALID` for the range. */
export async function entranceOf(order: NodeOrder, config: ResolvedConfig): Promise<Entrance> {
  const endpoints = await resolveEndpoints(order.entry.endpoints);
  return order.entry.kind === "join"
    ? { intent: joinIntent(order.entry, endpoints, config), seeds: endpoints }
    : launchEntrance(order.entry, endpoints, config);
}

function joinIntent(
  { token, password }: JoinEntry,
  endpoints: readonly Endpoint[],
  config: ResolvedConfig,
): Intent {
  if (token !== undefined) return { join: { token, endpoints } };
  const networkName = config.settings.network;
  return { join: { password: { networkName, password: password! }, endpoints } };
}

/**
 * Only who is alone founds. With one list and one password on all hosts the first entry founds, and the others knock at
 * all of the list.
 */
function launchEntrance(
  { password }: LaunchEntry,
  endpoints: readonly Endpoint[],
  config: ResolvedConfig,
): Entrance {
  const others = endpoints.filter((endpoint) => !isOwn(endpoint, config));
  const isFirst = endpoints.length === 0 || !others.includes(endpoints[0]!);
  if (isFirst) return { intent: { found: foundIntent(config, password) }, seeds: others };
  if (password === undefined) return { intent: {}, seeds: others };
  const { network: networkName } = config.settings;
  const knock = { password: { networkName, password }, endpoints: others, timeoutMillis: listPatienceMillis };
  const patience = `unless it is a member already, this node waits for ${
    others.map(formatEndpoint).join(", ")
  } to let it in`;
  return { intent: { join: knock }, seeds: others, patience };
}

function foundIntent({ settings, chosen }: ResolvedConfig, password: string | undefined): FoundIntent {
  const chosenRange = chosen.find(({ slot }) => slot === "ipam")?.options["range"];
  const given = chosenRange ?? defaultRange;
  const range = parsePrefix(String(given));
  if (range === undefined) {
    throw new MeshError("CONFIG_INVALID", `ipam.range: expected a CIDR, got ${JSON.stringify(given)}`);
  }
  return {
    networkName: settings.network,
    range,
    isDefaultRange: chosenRange === undefined,
    ...password === undefined ? {} : { password },
  };
}

/** An address of this machine, with the port that this node will listen on. */
function isOwn(endpoint: Endpoint, { chosen }: ResolvedConfig): boolean {
  const given = chosen.find(({ slot }) => slot === "transport")?.options["listen"] ?? "[::]:6783";
  const listen = parseEndpoint(String(given), { allowPortZero: true });
  return listen?.port === endpoint.port && interfaceAddresses().some(({ host }) => host === endpoint.host);
}

/** A `launch` with peers cannot found, and says so in the words of that command. */
export function explainEntry(error: unknown, { entry }: NodeOrder): unknown {
  if (entry.kind !== "launch" || entry.endpoints.length === 0 || errorCode(error) !== "NOT_ADMITTED") {
    return error;
  }
  return new MeshError(
    "NOT_ADMITTED",
    `Cannot launch with peers: this node belongs to no network yet, and ${
      entry.endpoints.join(", ")
    } would not let it ` +
      'in. Make a token there with "selvage token create" and run "selvage join <token>" here, or give the ' +
      'network\'s password with --password-file; without peers "selvage launch" founds a network',
    { cause: error },
  );
}
