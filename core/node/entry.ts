/** How a node comes into its network: by resuming, founding or joining. */
import { MeshError } from "../contracts/errors.ts";
import type { JoinRequest } from "../contracts/encapsulation.ts";
import type { Datagrams } from "../contracts/transport.ts";
import type { Endpoint, Prefix } from "../contracts/values.ts";
import { encodeApplication } from "../identity/application.ts";
import { signBinding } from "../identity/binding.ts";
import { openFounding } from "../identity/founding.ts";
import { passwordKey, passwordTokenReference } from "../identity/password.ts";
import { isExpired, parseToken } from "../identity/token.ts";
import { decodeWelcome } from "../identity/welcome.ts";
import { equalBytes } from "../wire/bytes.ts";
import type { Mesh } from "./mesh.ts";
import type { NodeContext } from "./node_context.ts";
import { storeKeys } from "./state_records.ts";

/**
 * `found`, when nobody else has; `join`, with a token or a password; neither, to resume only. A store that holds a
 * network is resumed in every case, and refused when a token or a password names another network.
 */
export interface Intent {
  readonly found?: FoundIntent;
  readonly join?: JoinIntent;
}

export interface FoundIntent {
  readonly networkName: string;
  /** IPv4; the IPv6 range follows from the network's id. */
  readonly range: Prefix;
  /** Nobody has chosen it: a host with a route in it refuses to found. */
  readonly isDefaultRange?: boolean;
  readonly password?: string;
}

export interface JoinIntent {
  /** Text of a token. */
  readonly token?: string;
  readonly password?: { readonly networkName: string; readonly password: string };
  /** Where to knock, before the token's own seeds. A password needs at least one. */
  readonly endpoints?: readonly Endpoint[];
  /** As the user wrote them: what would be knocked at as well if somebody knew its address. */
  readonly unknown?: readonly string[];
  /** 30 s by default. */
  readonly timeoutMillis?: number;
}

export interface EntryParts {
  readonly context: NodeContext;
  readonly mesh: Mesh;
  readonly datagrams: Datagrams;
}

/** What a token or a password comes to. */
interface Ticket extends Omit<JoinRequest, "application" | "deadline"> {
  accepts(founding: Uint8Array): boolean;
}

const defaultJoinMillis = 30_000;

/** Resolves when the node is a member and its first announcement is on disk. */
export async function enterNetwork(parts: EntryParts, intent: Intent): Promise<void> {
  const { state } = parts.context;
  if (state.isMember()) refuseOther(parts, intent);
  else if (intent.join !== undefined) await join(parts, intent.join);
  else if (intent.found !== undefined) await found(parts, intent.found);
  else {
    throw new MeshError(
      "NOT_ADMITTED",
      "This node belongs to no network yet: found one with `selvage launch`, or join one with `selvage join <token>`",
    );
  }
  // With the addresses of before: they are most likely still its own, and nothing new costs nobody anything.
  await state.announce(parts.datagrams.localEndpoints(), state.announcedAddresses());
}

function refuseOther({ context: { state } }: EntryParts, { join }: Intent): void {
  const network = state.network()!;
  const isOther = join?.token === undefined
    ? (join?.password?.networkName ?? network.name) !== network.name
    : !equalBytes(parseToken(join.token).networkId, network.id);
  if (!isOther) return;
  throw new MeshError(
    "NETWORK_MISMATCH",
    `Cannot join: this node belongs to the network "${network.name}" and was asked to join another; ` +
      "run `selvage reset` first to leave it for good",
  );
}

async function found({ context: { state } }: EntryParts, intent: FoundIntent): Promise<void> {
  const { networkName, range, password } = intent;
  await state.found(
    networkName,
    [range],
    password === undefined ? undefined : passwordKey(password, networkName),
  );
}

async function join({ context, mesh, datagrams }: EntryParts, intent: JoinIntent): Promise<void> {
  const { state, platform } = context;
  const ticket = ticketOf(intent, platform.clock.wall());
  const request: JoinRequest = {
    token: ticket.token,
    tokenKey: ticket.tokenKey,
    endpoints: ticket.endpoints,
    application: encodeApplication({
      binding: signBinding(state.self, state.bindingNumber()),
      name: state.self.name,
      endpoints: datagrams.localEndpoints(),
    }),
    deadline: platform.clock.now() + (intent.timeoutMillis ?? defaultJoinMillis),
  };
  const welcome = decodeWelcome(await knock({ context, mesh }, request));
  if (welcome === undefined || !ticket.accepts(welcome.founding)) {
    throw new MeshError(
      "NETWORK_MISMATCH",
      "Cannot join: who answered belongs to another network than the token",
    );
  }
  await state.enter({
    founding: welcome.founding,
    key: { epoch: welcome.keyEpoch, secret: welcome.networkKeys[0]!.secret },
    passwordKey: welcome.passwordKey,
    records: [welcome.admission, ...welcome.records],
    announcements: welcome.announcements,
  });
}

/** Called off before anybody has answered, it leaves no new identity: nobody can have admitted it. */
async function knock(
  { context: { state, store, signal }, mesh }: Pick<EntryParts, "context" | "mesh">,
  request: JoinRequest,
): Promise<Uint8Array> {
  const isNew = store.get(storeKeys.identity) === undefined;
  await state.keepIdentity();
  const start = (wanted: JoinRequest) => mesh.driver.call((machine, now) => machine.join(wanted, now));
  try {
    return await mesh.joining.run(request, start, signal);
  } catch (error) {
    if (isNew && signal.aborted && !mesh.driver.heard) {
      await store.commit([{ key: storeKeys.identity, value: undefined }]);
    }
    throw error;
  }
}

function ticketOf(intent: JoinIntent, wall: number): Ticket {
  if (intent.token !== undefined) return tokenTicket(intent.token, intent.endpoints ?? [], wall);
  if (intent.password !== undefined) return passwordTicket(intent.password, intent);
  throw new MeshError("INVALID_ARGUMENT", "Cannot join without a token or a password");
}

function tokenTicket(text: string, endpoints: readonly Endpoint[], wall: number): Ticket {
  const token = parseToken(text);
  if (isExpired(token, wall)) {
    const when = new Date(token.expires * 1000).toISOString();
    throw new MeshError(
      "EXPIRED",
      `Cannot join: the token expired at ${when}; make a new one with \`selvage token create\``,
    );
  }
  return {
    token: { id: token.id, expires: token.expires },
    tokenKey: token.key.reveal(),
    endpoints: [...endpoints, ...token.seeds],
    accepts: (founding) => equalBytes(openFounding(founding)?.networkId ?? new Uint8Array(), token.networkId),
  };
}

function passwordTicket(
  { networkName, password }: NonNullable<JoinIntent["password"]>,
  { endpoints = [], unknown = [] }: JoinIntent,
): Ticket {
  if (endpoints.length === 0 && unknown.length > 0) {
    throw new MeshError(
      "UNREACHABLE",
      `Cannot join: nobody knows the address of ${
        unknown.join(", ")
      }; start this node again once the names are known`,
    );
  }
  if (endpoints.length === 0) {
    throw new MeshError("INVALID_ARGUMENT", "Cannot join by password without the endpoint of a member");
  }
  const token = passwordTokenReference(networkName);
  return {
    token,
    tokenKey: passwordKey(password, networkName).reveal(),
    endpoints,
    accepts: (founding) => openFounding(founding)?.networkName === networkName,
  };
}
