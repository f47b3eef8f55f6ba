/** A node in this process, as the API, the CLI and embedding programs drive it. */
import { MeshError } from "../contracts/errors.ts";
import type { AddressAdmin } from "../contracts/addresses.ts";
import type { EditableTargets } from "../contracts/discovery.ts";
import type { BridgeAdmin } from "../contracts/bridging.ts";
import type { HostAdmin } from "../contracts/exposure.ts";
import type {
  ConnectionStatus,
  DropReason,
  EndpointAdmin,
  IpamStatus,
  MemberAdmin,
  MeshNode,
  NodeStatus,
  PeerStatus,
  PingOptions,
  PingResult,
  TargetStatus,
  TokenAdmin,
} from "../contracts/node.ts";
import type { OverlaySockets } from "../contracts/port.ts";
import type { PeerLinksStatus } from "../contracts/topology.ts";
import type { Address, Endpoint, PeerId } from "../contracts/values.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { sameEndpoint } from "../wire/endpoint.ts";
import { parseNamedEndpoint } from "../wire/named_endpoint.ts";
import { ownAddresses } from "./own_endpoint.ts";
import { connectionStatuses, ipamStatus, nodeStatus, peerStatuses, type StatusSources } from "./status.ts";
import { placesOf, targetStatuses } from "./target_status.ts";
import type { EventBus } from "./event_bus.ts";
import { linkStatuses } from "./topology_status.ts";

export interface LocalNodeParts {
  readonly sources: StatusSources;
  readonly events: EventBus;
  readonly targets: EditableTargets | undefined;
  readonly overlay: OverlaySockets | undefined;
  readonly tokens: TokenAdmin;
  readonly members: MemberAdmin;
  readonly endpoints: EndpointAdmin;
  readonly addresses: AddressAdmin;
  readonly host: HostAdmin;
  readonly bridges: BridgeAdmin;
  /** Stops trying an endpoint; whoever lists it may have it tried again. */
  forget(endpoint: Endpoint): void;
  /** The list of targets is another one. */
  retargeted(): void;
  stop(): Promise<void>;
}

const defaultPing = { size: 56, timeoutMillis: 3000 };

export class LocalNode implements MeshNode {
  readonly id: PeerId;
  readonly events: EventBus;
  readonly tokens: TokenAdmin;
  readonly members: MemberAdmin;
  readonly endpoints: EndpointAdmin;
  readonly addresses: AddressAdmin;
  readonly host: HostAdmin;
  readonly bridges: BridgeAdmin;
  readonly overlay: OverlaySockets | undefined;
  readonly #parts: LocalNodeParts;
  #stopped: Promise<void> | undefined;

  constructor(parts: LocalNodeParts) {
    this.#parts = parts;
    this.id = parts.sources.state.self.id;
    this.events = parts.events;
    this.tokens = parts.tokens;
    this.members = parts.members;
    this.endpoints = parts.endpoints;
    this.addresses = parts.addresses;
    this.host = parts.host;
    this.bridges = parts.bridges;
    this.overlay = parts.overlay;
  }

  status(): NodeStatus {
    return nodeStatus(this.#parts.sources);
  }

  peers(): readonly PeerStatus[] {
    return peerStatuses(this.#parts.sources);
  }

  links(): readonly PeerLinksStatus[] {
    return linkStatuses(this.#parts.sources);
  }

  connections(): readonly ConnectionStatus[] {
    return connectionStatuses(this.#parts.sources);
  }

  ipam(): IpamStatus {
    return ipamStatus(this.#parts.sources);
  }

  targets(): readonly TargetStatus[] {
    return targetStatuses(this.#parts.sources);
  }

  drops(): Readonly<Record<DropReason, number>> {
    return this.#parts.sources.drops.all();
  }

  async connect(endpoints: readonly string[], options: { readonly replace?: boolean } = {}): Promise<void> {
    const wanted = endpoints.map(endpointOf);
    if (options.replace === true) await this.#drop(this.#otherTargets(wanted));
    await this.#editableTargets().addTargets(wanted);
    this.#parts.retargeted();
  }

  async forget(endpoints: readonly string[]): Promise<void> {
    await this.#drop(endpoints.map(endpointOf));
    this.#parts.retargeted();
  }

  async ping(to: string, options: PingOptions, signal: AbortSignal): Promise<PingResult> {
    const { overlay } = this.#parts;
    if (overlay === undefined) {
      throw new MeshError("UNSUPPORTED", "This node's port has no sockets of its own; ping from a container");
    }
    const address = this.#resolve(to, options.family);
    const reply = await overlay.ping({
      from: this.#ownAddress(address.family),
      to: address,
      size: options.size ?? defaultPing.size,
      timeout: options.timeoutMillis ?? defaultPing.timeoutMillis,
    }, signal);
    return {
      from: formatAddress(reply.from),
      rttMillis: reply.rtt,
      hopLimit: reply.hopLimit,
      size: reply.size,
    };
  }

  /** Stops everything in reverse order of start. Idempotent; resolves when the last part is released. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopped ??= this.#parts.stop();
  }

  /** Off the list first: what is listed would be tried again. */
  async #drop(endpoints: readonly Endpoint[]): Promise<void> {
    await this.#editableTargets().removeTargets(endpoints);
    const wanted = this.#parts.sources.discovery.flatMap((plugin) => plugin.targets()).flatMap(placesOf);
    for (const endpoint of endpoints) {
      // A name may lead to the same place.
      if (!wanted.some((place) => sameEndpoint(place, endpoint))) this.#parts.forget(endpoint);
    }
  }

  #editableTargets(): EditableTargets {
    const { targets } = this.#parts;
    if (targets !== undefined) return targets;
    throw new MeshError(
      "UNSUPPORTED",
      "No discovery plugin of this node keeps a list of targets; add static_seeds",
    );
  }

  #otherTargets(wanted: readonly Endpoint[]): Endpoint[] {
    const kept = new Set(wanted.map(({ host, port }) => `${host} ${port}`));
    return this.#parts.sources.discovery.flatMap((plugin) => plugin.targets())
      .map(({ endpoint }) => endpoint)
      .filter(({ host, port }) => !kept.has(`${host} ${port}`));
  }

  #resolve(to: string, family: 4 | 6 | undefined): Address {
    const literal = parseAddress(to);
    if (literal !== undefined) return literal;
    const owner = this.#parts.sources.state.trust().nameOwner(to)?.id;
    const peer = this.peers().find(({ peer }) => peer === to || peer === owner);
    if (peer === undefined) {
      throw new MeshError("NOT_FOUND", `"${to}" is neither an overlay address nor the name or id of a peer`);
    }
    const addresses = peer.addresses.map(parseAddress).filter((address) => address !== undefined);
    const chosen = addresses.find((address) => family === undefined || address.family === family);
    if (chosen === undefined) {
      throw new MeshError("NOT_FOUND", `Peer ${to} has told no address of that family yet`);
    }
    return chosen;
  }

  #ownAddress(family: 4 | 6): Address {
    // Not the lease: with one family granted and the other awaited, nothing is attached and nobody answers at it.
    const address = ownAddresses(this.#parts.sources.port).find((each) => each.family === family);
    if (address === undefined) {
      throw new MeshError(
        "UNREACHABLE",
        `This node has no IPv${family} address yet; it is waiting for a range`,
      );
    }
    return address;
  }
}

function endpointOf(text: string): Endpoint {
  const named = parseNamedEndpoint(text);
  if (named !== undefined) return { host: named.host, port: named.port };
  throw new MeshError(
    "INVALID_ARGUMENT",
    `"${text}" is not an endpoint; write 198.51.100.7:6783, [2001:db8::7]:6783 or mesh.example.net:6783`,
  );
}
