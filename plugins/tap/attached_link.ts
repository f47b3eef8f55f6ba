import type { AttachedPort, Attachment } from "../../core/contracts/port.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Lease } from "../../core/contracts/ipam.ts";
import { formatAddress, isMulticast, sameAddress } from "../../core/wire/address.ts";
import { formatMac, isGroupMac, macLength, macOfAddress } from "../../core/wire/mac.ts";
import { digestOf, formatAlias, isOwner } from "./port_alias.ts";
import type { PortRules } from "./ingress_rules.ts";

/** What IPv6 asks of every link (RFC 8200 §5), and the most that a pair of interfaces takes. */
const smallestMtu = 1280;
const largestMtu = 65_535;

export interface LinkFacts {
  readonly number: number;
  /** Of the bridge's end: the same whatever its name becomes. */
  readonly index: number;
  readonly mtu: number;
  /** Name in the endpoint's namespace. */
  readonly device: string;
  /** Whether the bridge's end is up already, as that of an earlier run. */
  readonly isUp: boolean;
}

/** An endpoint with its pair of interfaces. */
export class AttachedLink implements AttachedPort {
  readonly owner: string;
  readonly leases: Attachment["leases"];
  readonly mtu: number;
  readonly mac: Uint8Array;
  readonly device: string;
  readonly index: number;
  readonly rules: PortRules;
  /** As `locate` gave it: where the interface was put. */
  readonly place: Attachment["place"];
  isUp: boolean;
  isOpen = false;
  readonly #number: number;
  readonly #open: (link: AttachedLink) => Promise<void>;

  constructor(request: Attachment, facts: LinkFacts, open: (link: AttachedLink) => Promise<void>) {
    this.owner = request.owner;
    this.leases = [...request.leases];
    this.place = request.place;
    this.mtu = facts.mtu;
    this.mac = macOf(request);
    this.device = facts.device;
    this.index = facts.index;
    this.isUp = facts.isUp;
    this.#number = facts.number;
    this.rules = rulesOf(request, facts.number);
    this.#open = open;
  }

  async open(): Promise<void> {
    await this.#open(this);
  }

  /** The request that made it, once more. */
  isSame(request: Attachment): boolean {
    return digestOf(request.leases, macOf(request)) === digestOf(this.leases, this.mac);
  }

  /** The same pair with what `request` says; its MTU and its name stay. */
  with(request: Attachment): AttachedLink {
    const { index, mtu, device, isUp } = this;
    const next = new AttachedLink(request, { number: this.#number, index, mtu, device, isUp }, this.#open);
    next.isOpen = this.isOpen;
    return next;
  }

  get alias(): string {
    const { owner, mtu } = this;
    return formatAlias({ owner, number: this.#number, mtu, digest: digestOf(this.leases, this.mac) });
  }
}

export function hasLease({ leases }: Pick<AttachedLink, "leases">, { address, bits }: Lease): boolean {
  return leases.some((lease) => sameAddress(lease.address, address) && lease.bits === bits);
}

export function isSameMac(one: Pick<AttachedLink, "mac">, other: Pick<AttachedLink, "mac">): boolean {
  return formatMac(one.mac) === formatMac(other.mac);
}

export function portName(number: number): string {
  return `port${number}`;
}

export function rulesOf(request: Attachment, number: number): PortRules {
  const { allowLayer2 = false, forwards = [] } = request.link ?? {};
  const { leases } = request;
  return { port: portName(number), mark: number, mac: macOf(request), leases, allowLayer2, forwards };
}

export function macOf({ leases, link }: Attachment): Uint8Array {
  return link?.mac ?? macOfAddress(leases[0]!.address);
}

/** Throws `INVALID_ARGUMENT` for a request that no host could carry out. */
export function requireSound({ owner, leases, mtu, place, link }: Attachment): void {
  const refuse = (why: string) => {
    throw new MeshError("INVALID_ARGUMENT", `Cannot attach "${owner}": ${why}`);
  };
  if (place === undefined || !isOwner(owner) || place.owner !== owner) {
    refuse("it has no place on this host; find one with locate");
  }
  if (leases.length === 0) refuse("it has no address");
  if (!Number.isInteger(mtu) || mtu < smallestMtu || mtu > largestMtu) {
    refuse(`its MTU is ${mtu}; give ${smallestMtu} to ${largestMtu}`);
  }
  const { mac, gateways = [] } = link ?? {};
  if (mac !== undefined && (mac.length !== macLength || isGroupMac(mac) || mac.every((byte) => byte === 0))) {
    refuse(`${formatMac(mac)} is the address of no single interface`);
  }
  const gateway = gateways.find(isMulticast);
  if (gateway !== undefined) refuse(`${formatAddress(gateway)} is no gateway`);
}

/** Throws `ADDRESS_TAKEN` when another of `links` has an address or the MAC of `request`. */
export function requireFree(request: Attachment, links: Iterable<AttachedLink>): void {
  const mac = formatMac(macOf(request));
  for (const { owner, leases, mac: taken } of links) {
    if (owner === request.owner) continue;
    const shared = request.leases.find(({ address }) =>
      leases.some((lease) => sameAddress(lease.address, address))
    );
    if (shared === undefined && formatMac(taken) !== mac) continue;
    const what = shared === undefined ? mac : formatAddress(shared.address);
    throw new MeshError(
      "ADDRESS_TAKEN",
      `Cannot attach "${request.owner}": "${owner}" holds ${what}; detach it first`,
    );
  }
}
