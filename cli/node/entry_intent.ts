/** From what the user wants to how the node comes into its network. */
import { errorCode, MeshError } from "../../core/contracts/errors.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import type { FoundIntent, Intent } from "../../core/node/entry.ts";
import { interfaceAddresses } from "../../core/runtime/interfaces.ts";
import { isLoopback, isUnspecified, parseAddress } from "../../core/wire/address.ts";
import { formatEndpoint, parseEndpoint } from "../../core/wire/endpoint.ts";
import type { NamedEndpoint } from "../../core/wire/named_endpoint.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import { parseEndpointArgument, resolveEndpoint } from "../endpoint_argument.ts";
import type { JoinEntry, LaunchEntry, NodeOrder } from "./node_order.ts";

/** What the ring would take, too. */
const defaultRange = "10.32.0.0/12";
/** All hosts of a list are started at once, and the first of them may be the last to come up. */
const listPatienceMillis = 3_600_000;

export interface Entrance {
  readonly intent: Intent;
  /** Peers to keep connecting to, on top of the configured ones; undefined: those of the last start. */
  readonly given: readonly NamedEndpoint[] | undefined;
  /** For whom it may have to wait long. */
  readonly patience?: string;
}

/** One endpoint of the command line, with what its name stands for now; nothing if nobody knows. */
interface Listed {
  readonly named: NamedEndpoint;
  readonly places: readonly Endpoint[];
}

/**
 * `warn` hears of names that nobody knows now: the node looks them up again and again. Rejects `INVALID_ARGUMENT`,
 * `UNREACHABLE` when there is nobody left to knock at, `CONFIG_INVALID` for the range.
 */
export async function entranceOf(
  { entry }: NodeOrder,
  config: ResolvedConfig,
  warn: (problem: string) => void,
): Promise<Entrance> {
  const listed = await Promise.all(
    entry.endpoints.map(parseEndpointArgument).map(async (named): Promise<Listed> => {
      try {
        return { named, places: await resolveEndpoint(named) };
      } catch (error) {
        if (errorCode(error) !== "UNREACHABLE") throw error;
        warn((error as Error).message);
        return { named, places: [] };
      }
    }),
  );
  return entry.kind === "join" ? joinEntrance(entry, listed, config) : launchEntrance(entry, listed, config);
}

function joinEntrance(
  { token, password }: JoinEntry,
  listed: readonly Listed[],
  config: ResolvedConfig,
): Entrance {
  const doors = doorsOf(listed);
  const given = listed.length === 0 ? undefined : listed.map(({ named }) => named);
  if (token !== undefined) return { intent: { join: { token, ...doors } }, given };
  const networkName = config.settings.network;
  return { intent: { join: { password: { networkName, password: password! }, ...doors } }, given };
}

/**
 * Only who is alone founds. With one list and one password on all hosts the first entry founds, and the others knock at
 * all of the list. Who cannot tell whether it is the first does not found: two would, and make two networks.
 */
function launchEntrance(
  { endpoints, password, resume }: LaunchEntry,
  listed: readonly Listed[],
  config: ResolvedConfig,
): Entrance {
  if (resume === true) return { intent: {}, given: undefined };
  const others = listed.filter(({ places }) => !places.some((place) => isOwn(place, config)));
  const given = endpoints.length === 0 ? undefined : others.map(({ named }) => named);
  const isFirst = listed.length === 0 || !others.includes(listed[0]!);
  if (isFirst) return { intent: { found: foundIntent(config, password) }, given };
  if (password === undefined) return { intent: {}, given };
  const { network: networkName } = config.settings;
  const knock = {
    password: { networkName, password },
    ...doorsOf(others),
    // Whose first name nobody knows it may be itself, or miss who founds: whoever starts it again asks for the name again.
    ...listed[0]!.places.length > 0 && { timeoutMillis: listPatienceMillis },
  };
  const patience = `unless it is a member already, this node waits for ${
    others.map(({ named }) => formatEndpoint(named)).join(", ")
  } to let it in`;
  return { intent: { join: knock }, given, patience };
}

/** Where to knock, and what cannot be knocked at. */
function doorsOf(listed: readonly Listed[]) {
  const unknown = listed.filter(({ places }) => places.length === 0).map(({ named }) =>
    formatEndpoint(named)
  );
  return { endpoints: listed.flatMap(({ places }) => places), ...unknown.length > 0 && { unknown } };
}

function foundIntent({ settings, chosen }: ResolvedConfig, password: string | undefined): FoundIntent {
  const chosenRange = configuredRange({ chosen });
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

/**
 * The range that is configured, when the network has another: it keeps the one that it was founded with, and addresses that
 * were given stay what they are.
 */
export function rangeInVain(
  config: Pick<ResolvedConfig, "chosen">,
  ranges: readonly string[],
): string | undefined {
  const range = configuredRange(config);
  return range === undefined || ranges.includes(String(range)) ? undefined : String(range);
}

function configuredRange({ chosen }: Pick<ResolvedConfig, "chosen">): unknown {
  return chosen.find(({ slot }) => slot === "ipam")?.options["range"];
}

/** An address of this machine, with the port that this node will listen on. */
function isOwn(endpoint: Endpoint, { chosen }: ResolvedConfig): boolean {
  const given = chosen.find(({ slot }) => slot === "transport")?.options["listen"] ?? "[::]:6783";
  const listen = parseEndpoint(String(given), { allowPortZero: true });
  if (listen?.port !== endpoint.port) return false;
  return interfaceAddresses().some(({ host }) => host === endpoint.host) || isLooped(endpoint, listen);
}

/**
 * Debian gives a host's own name 127.0.1.1, which no interface has. Who listens at all addresses has its port there too;
 * beside others it may be another node of this machine.
 */
function isLooped(endpoint: Endpoint, listen: Endpoint): boolean {
  const [address, own] = [parseAddress(endpoint.host), parseAddress(listen.host)];
  return address !== undefined && isLoopback(address) && own !== undefined && isUnspecified(own);
}

/** A `launch` with peers, or one that resumes, cannot found, and says so in the words of that command. */
export function explainEntry(error: unknown, { entry }: NodeOrder): unknown {
  if (entry.kind !== "launch" || errorCode(error) !== "NOT_ADMITTED") return error;
  if (entry.resume === true) {
    return new MeshError(
      "NOT_ADMITTED",
      "Cannot launch with --resume: this node belongs to no network yet, or its state is not in the directory that " +
        'stateDir names. Without --resume "selvage launch" founds a network; "selvage join <token>" enters one',
      { cause: error },
    );
  }
  if (entry.endpoints.length === 0) return error;
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
