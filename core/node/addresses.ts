/**
 * Addresses by the word of a person or a program: whose they are, given, claimed, released, moved. Endpoints get theirs next
 * door; owners named here stand in the ipam under a prefix, so that nobody takes the addresses of an endpoint by its name.
 */
import type {
  AddressAdmin,
  AddressOrigin,
  AddressOwner,
  AddressRequest,
  AddressStep,
  TakenOver,
  TakeOverRequest,
} from "../contracts/addresses.ts";
import { errorCode, MeshError } from "../contracts/errors.ts";
import type { Events } from "../contracts/events.ts";
import type { Liveness } from "../contracts/discovery.ts";
import type { Clock } from "../contracts/host.ts";
import type { AddressMoves, DefaultSubnets, Ipam, Lease, SpaceTakeover } from "../contracts/ipam.ts";
import type { EndpointAdmin, IpamStatus } from "../contracts/node.ts";
import type { LinkPort, Where } from "../contracts/port.ts";
import type { PeerWay } from "../contracts/topology.ts";
import type { Address, PeerId, Prefix } from "../contracts/values.ts";
import { formatAddress, parseAddress, sameAddress } from "../wire/address.ts";
import { contains, formatPrefix, parsePrefix, prefixSize } from "../wire/prefix.ts";
import { isSamePlace } from "./departures.ts";
import { hostOwner, leaseText } from "./host_record.ts";
import { ownOwner } from "./own_endpoint.ts";
import { timeText } from "./time_text.ts";

export interface AddressParts {
  readonly ipam: Ipam & Partial<DefaultSubnets & AddressMoves & SpaceTakeover>;
  readonly self: PeerId;
  readonly clock: Clock;
  readonly events: Events;
  readonly endpoints: Pick<EndpointAdmin, "list">;
  /** Undefined on a rootless node, which sees no containers. */
  readonly link: Pick<LinkPort, "locate"> | undefined;
  /** By name, or by id, also one that was shut out; undefined for whom the network does not know. */
  member(nameOrId: string): { readonly id: PeerId; readonly state: "admitted" | "revoked" } | undefined;
  nameOf(peer: PeerId): string | undefined;
  wayTo(peer: PeerId): PeerWay | null;
  /** As discovery knows; null where it cannot tell. */
  livenessOf(peer: PeerId): Liveness | null;
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
}

/** Begins the owners that are named here. */
const external = "api/";
const maxOwnerLength = 240;
/** Each is a request that somebody holds open. */
const mostWaiting = 256;
/** An address may be free again at any time, on another node too, without a word about it; each try asks all peers. */
const firstRetryMillis = 1000;
const longestRetryMillis = 8000;
const containerId = /^[0-9a-f]{12,64}$/;

/** What a crash between the steps of an attachment cannot have left. */
export function isExternal(owner: string): boolean {
  return owner.startsWith(external);
}

export class Addresses implements AddressAdmin {
  readonly #parts: AddressParts;
  readonly #waiting = new Set<IpamStatus["waiting"][number]>();

  constructor(parts: AddressParts) {
    this.#parts = parts;
  }

  waiting(): IpamStatus["waiting"] {
    return [...this.#waiting];
  }

  list(): readonly AddressOwner[] {
    const owners = Map.groupBy(this.#parts.ipam.leases(), ({ owner }) => owner);
    return [...owners].map(([owner, leases]): AddressOwner => ({
      owner: isExternal(owner) ? owner.slice(external.length) : owner,
      kind: kindOf(owner),
      addresses: leases.map(leaseText),
    }));
  }

  of(owner: string, subnet?: string): readonly string[] {
    const within = subnet === undefined ? undefined : this.#subnet(subnet);
    const own = [...this.#leasesOf(owner), ...this.#leasesOfEndpoint(owner)];
    return own.filter(({ address, bits }) => !within || (bits === within.bits && contains(within, address)))
      .map(leaseText);
  }

  async allocate({ owner, subnet }: AddressRequest, signal: AbortSignal): Promise<string> {
    const wish = { owner: external + owned(owner), subnet: this.#subnet(subnet) };
    const until = AbortSignal.any([signal, this.#parts.signal]);
    let entry: IpamStatus["waiting"][number] | undefined;
    try {
      for (let pause = firstRetryMillis;; pause = Math.min(2 * pause, longestRetryMillis)) {
        try {
          return leaseText(await this.#parts.ipam.allocate(wish, until));
        } catch (error) {
          if (errorCode(error) !== "POOL_EXHAUSTED" || this.#waiting.size >= mostWaiting) throw error;
          entry ??= this.#wait(owner, wish.subnet);
          await this.#pause(pause, until);
          if (until.aborted) throw noneInTime(wish.subnet, error);
        }
      }
    } finally {
      if (entry !== undefined) this.#waiting.delete(entry);
    }
  }

  async claim(owner: string, address: string, signal: AbortSignal): Promise<string> {
    const until = AbortSignal.any([signal, this.#parts.signal]);
    return leaseText(await this.#parts.ipam.claim(external + owned(owner), addressOf(address), until));
  }

  async release(owner: string, address?: string): Promise<readonly string[]> {
    const meant = address === undefined ? undefined : addressOf(address);
    const leases = this.#leasesOf(owner)
      .filter((lease) => meant === undefined || sameAddress(lease.address, meant));
    const count = await this.#parts.ipam.release(external + owned(owner), meant);
    if (count > 0) return leases.map(leaseText);
    const what = address === undefined ? "has no addresses" : `does not have ${address}`;
    throw new MeshError(
      "NOT_FOUND",
      `Cannot release: "${owner.slice(0, 64)}" ${what}; see \`selvage ipam ls\``,
    );
  }

  async keep(owners: readonly string[]): Promise<readonly string[]> {
    const kept = new Set(owners.map(spelled));
    const gone = this.list().filter(({ owner, kind }) => kind === "external" && !kept.has(owner));
    for (const { owner } of gone) await this.#parts.ipam.release(external + owner);
    return gone.map(({ owner }) => owner);
  }

  async isGone(owner: string, signal: AbortSignal): Promise<boolean> {
    const { link } = this.#parts;
    if (link === undefined || !containerId.test(owner)) return false;
    try {
      await link.locate({ container: owner }, signal);
      return false;
    } catch (error) {
      if (errorCode(error) === "NOT_FOUND") return true;
      throw error;
    }
  }

  why(text: string): AddressOrigin {
    const { ipam, self, nameOf, wayTo } = this.#parts;
    const address = addressOf(text);
    this.#requireInside(address);
    const steps = [...ipam.routes.routes()].filter(({ prefix }) => contains(prefix, address))
      .sort((a, b) => a.prefix.bits - b.prefix.bits)
      .map(({ prefix, owner, grantedBy }): AddressStep => ({
        range: formatPrefix(prefix),
        peer: owner,
        name: nameOf(owner) ?? null,
        grantedBy: grantedBy === undefined ? null : { peer: grantedBy, name: nameOf(grantedBy) ?? null },
      }));
    const { peer, name } = steps.at(-1) ?? { peer: null, name: null };
    const lease = this.#leaseAt(address);
    const owner = lease && (isExternal(lease.owner) ? lease.owner.slice(external.length) : lease.owner);
    const way = peer === null || peer === self ? null : wayTo(peer);
    return { address: formatAddress(address), peer, name, owner: owner ?? null, steps, way };
  }

  async move(text: string, to: string): Promise<void> {
    const { ipam } = this.#parts;
    const address = addressOf(text);
    this.#requireInside(address);
    const { id: peer, state } = this.#member(to);
    if (state === "revoked") {
      throw new MeshError("INVALID_ARGUMENT", `Cannot move ${text} to "${to}": it is no member any more`);
    }
    if (ipam.move === undefined) {
      throw unsupported("move addresses: its ranges change with the configuration");
    }
    const lease = this.#leaseAt(address);
    if (lease !== undefined && !isExternal(lease.owner)) {
      throw new MeshError(
        "ADDRESS_TAKEN",
        `Cannot move ${text}: "${lease.owner}" has it here; detach it first, the address waits for you`,
      );
    }
    try {
      return await ipam.move(address, peer);
    } catch (error) {
      // Only what could be moved but for its owner is taken from it: a refusal must not cost anybody an address.
      if (lease === undefined || errorCode(error) !== "ADDRESS_TAKEN") throw error;
    }
    await ipam.release(lease.owner, address);
    await ipam.move(address, peer);
  }

  async takeOver(
    { peer: nameOrId, force = false }: TakeOverRequest,
    signal: AbortSignal,
  ): Promise<TakenOver> {
    const { ipam } = this.#parts;
    const { id: peer, state } = this.#member(nameOrId);
    if (ipam.takeOver === undefined) {
      throw unsupported("take ranges over: they change with the configuration");
    }
    if (state === "admitted" && !force) this.#requireDown(nameOrId, peer);
    const { prefixes } = await ipam.takeOver(peer, AbortSignal.any([signal, this.#parts.signal]));
    const four = prefixes.filter(({ address }) => address.family === 4);
    return {
      peer,
      ranges: prefixes.map(formatPrefix),
      addresses: Number(four.reduce((sum, prefix) => sum + prefixSize(prefix), 0n)),
    };
  }

  defaultSubnets(): readonly string[] {
    return this.#defaults().map(formatPrefix);
  }

  #defaults(): readonly Prefix[] {
    const { ipam } = this.#parts;
    return ipam.defaultSubnets?.() ?? ipam.ranges();
  }

  #subnet(text: string | undefined): Prefix {
    if (text === undefined) return this.#defaults()[0]!;
    const subnet = parsePrefix(text);
    if (subnet !== undefined) return subnet;
    throw new MeshError("INVALID_ARGUMENT", `"${text.slice(0, 64)}" is not a subnet; write 10.32.2.0/24`);
  }

  #leasesOf(owner: string): readonly Lease[] {
    const meant = external + spelled(owner);
    return [...this.#parts.ipam.leases()].filter((lease) => lease.owner === meant);
  }

  #leasesOfEndpoint(owner: string): readonly Lease[] {
    const isContainer = (where: Where | null) =>
      containerId.test(owner) && where !== null && isSamePlace(where, { container: owner });
    const endpoint = this.#parts.endpoints.list()
      .find((each) => each.owner === owner || isContainer(each.where));
    return [...this.#parts.ipam.leases()].filter((lease) => lease.owner === endpoint?.owner);
  }

  #leaseAt(address: Address): Lease | undefined {
    return [...this.#parts.ipam.leases()].find((lease) => sameAddress(lease.address, address));
  }

  #requireInside(address: Address): void {
    const ranges = this.#parts.ipam.ranges();
    if (ranges.some((range) => contains(range, address))) return;
    const network = ranges.map(formatPrefix).join(" or ");
    throw new MeshError(
      "INVALID_ARGUMENT",
      `${formatAddress(address)} is no address of the network, which has ${network}`,
    );
  }

  /** Voters know their sessions only, and nobody has one with every member. */
  #requireDown(nameOrId: string, peer: PeerId): void {
    const liveness = this.#parts.livenessOf(peer);
    if (liveness !== "alive" && liveness !== "suspect") return;
    const reason = `it is ${liveness}; stop it and wait until it counts as dead, or use force`;
    throw new MeshError("INVALID_ARGUMENT", `Cannot take over what "${nameOrId}" has: ${reason}`);
  }

  #member(nameOrId: string): NonNullable<ReturnType<AddressParts["member"]>> {
    const member = this.#parts.member(nameOrId);
    if (member !== undefined) return member;
    throw new MeshError("NOT_FOUND", `"${nameOrId.slice(0, 64)}" is neither the name nor the id of a member`);
  }

  #wait(owner: string, subnet: Prefix): IpamStatus["waiting"][number] {
    const { clock, events } = this.#parts;
    const entry = { owner, subnet: formatPrefix(subnet), since: timeText(clock.wall()) };
    this.#waiting.add(entry);
    events.emit("lease:waiting", { owner, subnet });
    return entry;
  }

  /** Until the time is over or the signal aborts. */
  #pause(millis: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = clock.timer(clock.now() + millis, done);
      if (signal.aborted) done();
      else signal.addEventListener("abort", done, { once: true });
    });
  }
}

function kindOf(owner: string): AddressOwner["kind"] {
  if (isExternal(owner)) return "external";
  return owner === ownOwner ? "node" : owner === hostOwner ? "host" : "endpoint";
}

/** A path of the admin API cannot have `.` or `..` as a segment (RFC 3986 §5.2.4), so nobody could release their addresses. */
function owned(owner: string): string {
  const isPath = owner === "." || owner === "..";
  if (!isPath && owner.length >= 1 && owner.length <= maxOwnerLength && owner.isWellFormed()) {
    return spelled(owner);
  }
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot keep addresses for "${owner.slice(0, 64)}": an owner has 1 to ${maxOwnerLength} characters` +
      (isPath ? ', and is neither "." nor ".."' : ""),
  );
}

/** An address may be an owner, of itself: the same one in whatever way it is written. */
function spelled(owner: string): string {
  const address = parseAddress(owner);
  return address === undefined ? owner : formatAddress(address);
}

function noneInTime(subnet: Prefix, cause: unknown): MeshError {
  return new MeshError(
    "TIMEOUT",
    `Cannot give an address of ${formatPrefix(subnet)}: none became free in time; release some, or ask again`,
    { cause },
  );
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new MeshError("INVALID_ARGUMENT", `"${text.slice(0, 64)}" is not an address; write 10.32.1.5`);
}

function unsupported(what: string): MeshError {
  return new MeshError("UNSUPPORTED", `The ipam of this node cannot ${what}`);
}
