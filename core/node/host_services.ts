/** Services between the network and what is outside of it: what a request means, and whether it can be. Pure. */
import { MeshError } from "../contracts/errors.ts";
import type {
  ClosedPort,
  HostService,
  ServicePlace,
  ServiceProtocol,
  ServiceRequest,
  ServiceStatus,
} from "../contracts/exposure.ts";
import type { Address, Prefix } from "../contracts/values.ts";
import {
  formatAddress,
  isLoopback,
  isMulticast,
  isUnspecified,
  parseAddress,
  sameAddress,
} from "../wire/address.ts";
import { formatEndpoint, parseEndpoint } from "../wire/endpoint.ts";
import { contains } from "../wire/prefix.ts";
import { mostServices } from "./host_record.ts";

export interface ServiceLimits {
  /** What the network spans. */
  readonly ranges: readonly Prefix[];
  /** Ports that the node itself listens at. */
  readonly closed: readonly ClosedPort[];
}

/** The list with the service of the request in it, and that service. Throws as `HostAdmin.putService` rejects. */
export function withService(
  services: readonly HostService[],
  request: ServiceRequest,
  limits: ServiceLimits,
): { readonly services: readonly HostService[]; readonly service: HostService } {
  const { protocol = "tcp", rebind = false } = request;
  const listen = listenOf(request.listen);
  const present = services.find((each) => isAt(each, protocol, listen));
  if (rebind && present === undefined) throw unknown(protocol, request.listen);
  const kind = request.kind ?? present?.kind ?? "export";
  const service: HostService = { kind, protocol, listen: listen.place, target: targetOf(request.target) };
  requireSound(service, listen.family, limits);
  if (present === undefined) {
    requireFree(service, limits);
    if (services.length >= mostServices) {
      throw new MeshError("POOL_EXHAUSTED", `Cannot keep more than ${mostServices} services; remove one`);
    }
    return { services: [...services, service], service };
  }
  const { target } = present;
  const hasTarget = target.port === service.target.port &&
    sameAddress(target.address, service.target.address);
  if (present.kind === kind && hasTarget) return { services, service: present };
  if (!rebind || present.kind !== kind) throw taken(service, `leads to ${placeText(present.target)} already`);
  return { services: services.map((each) => (each === present ? service : each)), service };
}

/** Throws `NOT_FOUND`. */
export function withoutService(
  services: readonly HostService[],
  protocol: ServiceProtocol,
  listen: string,
): readonly HostService[] {
  const place = listenOf(listen);
  const rest = services.filter((each) => !isAt(each, protocol, place));
  if (rest.length === services.length) throw unknown(protocol, listen);
  return rest;
}

/** It needs an address of the host in the network: this very one if it listens there, else one of the family. */
export function isActive({ kind, listen, target }: HostService, own: readonly Address[]): boolean {
  const { address } = listen;
  return own.some((each) =>
    kind === "import"
      ? address !== undefined && sameAddress(each, address)
      : each.family === target.address.family
  );
}

export function serviceStatus(service: HostService, own: readonly Address[]): ServiceStatus {
  const { kind, protocol, listen, target } = service;
  return {
    kind,
    protocol,
    listen: placeText(listen, target.address.family),
    target: placeText(target),
    state: isActive(service, own) ? "active" : "waiting",
  };
}

interface Listen {
  readonly place: ServicePlace;
  readonly family: 4 | 6;
}

function listenOf(text: string): Listen {
  const { address, port } = placeOf(text);
  return { place: { address: isUnspecified(address) ? undefined : address, port }, family: address.family };
}

function targetOf(text: string): HostService["target"] {
  const { address, port } = placeOf(text);
  if (isUnspecified(address) || isMulticast(address) || isLoopback(address)) {
    throw refused(`"${text}" is no place that packets can be sent to`);
  }
  return { address, port };
}

function placeOf(text: string): HostService["target"] {
  const endpoint = parseEndpoint(text);
  const address = endpoint === undefined ? undefined : parseAddress(endpoint.host);
  if (endpoint === undefined || address === undefined || endpoint.port === 0) {
    throw refused(
      `"${text.slice(0, 64)}" is no address with a port; write 192.0.2.1:8080 or [2001:db8::1]:8080`,
    );
  }
  return { address, port: endpoint.port };
}

function requireSound({ kind, listen, target }: HostService, family: 4 | 6, { ranges }: ServiceLimits): void {
  if (family !== target.address.family) throw refused("both ends have to be IPv4, or both IPv6");
  const isInside = (address: Address) => ranges.some((range) => contains(range, address));
  const at = listen.address;
  if (kind === "export") {
    if (!isInside(target.address)) {
      throw refused(`${formatAddress(target.address)} is no address of the network`);
    }
    if (at !== undefined && (isLoopback(at) || isMulticast(at))) {
      throw refused(
        `nobody can come to ${formatAddress(at)} from outside; give an address of the host, or 0.0.0.0`,
      );
    }
    return;
  }
  if (at === undefined || !isInside(at)) {
    throw refused("an import listens at an address that the host has in the network; see `selvage expose`");
  }
  if (isInside(target.address)) throw refused(`${formatAddress(target.address)} is in the network already`);
}

/** Both at the same port of the same address: a packet would have two ways to go. */
function requireFree(service: HostService, { closed }: ServiceLimits): void {
  const { protocol, listen } = service;
  if (closed.some((each) => each.protocol === protocol && each.port === listen.port)) {
    throw taken(service, "is a port of this node itself");
  }
}

/** Every address of one family is another place than every address of the other. */
function isAt(
  { protocol, listen, target }: HostService,
  wanted: ServiceProtocol,
  { place, family }: Listen,
): boolean {
  if (protocol !== wanted || listen.port !== place.port || target.address.family !== family) return false;
  if (listen.address === undefined || place.address === undefined) return listen.address === place.address;
  return sameAddress(listen.address, place.address);
}

function placeText({ address, port }: ServicePlace, family: 4 | 6 = 4): string {
  const host = address === undefined ? (family === 4 ? "0.0.0.0" : "::") : formatAddress(address);
  return formatEndpoint({ host, port });
}

function refused(why: string): MeshError {
  return new MeshError("INVALID_ARGUMENT", `Cannot keep the service: ${why}`);
}

function taken({ protocol, listen, target }: HostService, why: string): MeshError {
  const place = placeText(listen, target.address.family);
  return new MeshError(
    "ADDRESS_TAKEN",
    `Cannot keep a service at ${protocol} ${place}: it ${why}; use another port, or \`selvage service bind\``,
  );
}

function unknown(protocol: string, listen: string): MeshError {
  return new MeshError(
    "NOT_FOUND",
    `No service listens at ${protocol} ${listen.slice(0, 64)}; see \`selvage service ls\``,
  );
}
