/**
 * Events as the API shows them. They are {@link NodeEvents} with every address and endpoint as text, as in all other
 * answers of the API, so that an event's `endpoint` compares with a connection's.
 */
import type { Liveness } from "../contracts/discovery.ts";
import type { ErrorCode } from "../contracts/errors.ts";
import type { EventName, NodeEvents } from "../contracts/events.ts";
import type { ConnectionState } from "../contracts/node.ts";
import type { Address, Endpoint, PeerId } from "../contracts/values.ts";

export interface EventDocuments {
  "node:ready": { readonly id: PeerId };
  "node:stopping": Record<string, never>;
  "peer:up": { readonly peer: PeerId; readonly name: string; readonly endpoint: string };
  "peer:down": { readonly peer: PeerId; readonly name: string; readonly reason: string };
  "peer:roamed": { readonly peer: PeerId; readonly endpoint: string; readonly relay: PeerId | null };
  "peer:liveness": { readonly peer: PeerId; readonly liveness: Liveness };
  "peer:encryption": { readonly peer: PeerId; readonly encrypted: boolean };
  "peer:admitted": { readonly peer: PeerId; readonly name: string };
  "peer:revoked": { readonly peer: PeerId };
  "ring:changed": { readonly version: number };
  "lease:changed": {
    readonly lease: { readonly owner: string; readonly address: string; readonly bits: number };
    readonly state: "allocated" | "released";
  };
  "lease:waiting": { readonly owner: string; readonly subnet: string };
  "endpoint:attached": { readonly owner: string; readonly addresses: readonly string[] };
  "endpoint:detached": { readonly owner: string };
  "connection:changed": {
    readonly endpoint: string;
    readonly peer: PeerId | null;
    readonly state: ConnectionState | "gone";
    readonly reason: string | null;
  };
  "target:changed": {
    readonly target: string;
    readonly state: ConnectionState | "forgotten";
    readonly reason: string | null;
  };
  "target:resolved": {
    readonly target: string;
    readonly places: readonly string[];
    readonly reason: string | null;
  };
  "target:failed": { readonly endpoint: string; readonly code: ErrorCode; readonly reason: string };
  "alert:raised": { readonly alert: string; readonly detail: string };
  "alert:cleared": { readonly alert: string };
}

type Writers = { readonly [K in EventName]: (detail: NodeEvents[K]) => EventDocuments[K] };

/** Field by field, so that what a later version adds to an event is shown only when this page says so. */
const writers: Writers = {
  "node:ready": ({ id }) => ({ id }),
  "node:stopping": () => ({}),
  "peer:up": ({ peer, name, endpoint }) => ({ peer, name, endpoint: endpointText(endpoint) }),
  "peer:down": ({ peer, name, reason }) => ({ peer, name, reason }),
  "peer:roamed": ({ peer, endpoint, relay }) => ({ peer, endpoint: endpointText(endpoint), relay }),
  "peer:liveness": ({ peer, liveness }) => ({ peer, liveness }),
  "peer:encryption": ({ peer, encrypted }) => ({ peer, encrypted }),
  "peer:admitted": ({ peer, name }) => ({ peer, name }),
  "peer:revoked": ({ peer }) => ({ peer }),
  "ring:changed": ({ version }) => ({ version }),
  "lease:changed": ({ lease: { owner, address, bits }, state }) => ({
    lease: { owner, address: addressText(address), bits },
    state,
  }),
  "lease:waiting": ({ owner, subnet: { address, bits } }) => ({
    owner,
    subnet: `${addressText(address)}/${bits}`,
  }),
  "endpoint:attached": ({ owner, addresses }) => ({ owner, addresses: addresses.map(addressText) }),
  "endpoint:detached": ({ owner }) => ({ owner }),
  "connection:changed": ({ endpoint, peer, state, reason }) => ({
    endpoint: endpointText(endpoint),
    peer,
    state,
    reason,
  }),
  "target:changed": ({ target, state, reason }) => ({ target, state, reason }),
  "target:resolved": ({ target, places, reason }) => ({ target, places: places.map(endpointText), reason }),
  "target:failed": ({ endpoint, code, reason }) => ({ endpoint: endpointText(endpoint), code, reason }),
  "alert:raised": ({ alert, detail }) => ({ alert, detail }),
  "alert:cleared": ({ alert }) => ({ alert }),
};

export const eventNames: readonly EventName[] = Object.keys(writers) as EventName[];

export function isEventName(value: string): value is EventName {
  return Object.hasOwn(writers, value);
}

/** The JSON document of an event. */
export function eventDocument<K extends EventName>(name: K, detail: NodeEvents[K]): EventDocuments[K] {
  return writers[name](detail);
}

/** Whom or what an event is about: of several of one name and subject the last one tells all. */
export function eventSubject<K extends EventName>(name: K, document: EventDocuments[K]): string {
  const { peer, endpoint, owner, target, alert, lease } = document as Subjects;
  const about = name.startsWith("peer:") ? peer : endpoint ?? owner ?? target ?? alert;
  return about ?? (lease === undefined ? "" : `${lease.owner} ${lease.address}`);
}

type Subjects = Readonly<Partial<Record<"peer" | "endpoint" | "owner" | "target" | "alert", string>>> & {
  readonly lease?: { readonly owner: string; readonly address: string };
};

/** `192.0.2.1:6783`, `[2001:db8::1]:6783`, `tcp/192.0.2.1:6783`; a place behind a relay has no port. */
function endpointText({ host, port }: Endpoint): string {
  if (host.startsWith("tcp/")) return `tcp/${endpointText({ host: host.slice(4), port })}`;
  if (host.includes("/")) return host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The platform's URL writes IPv6 as RFC 5952 asks. `core/wire` has a codec of its own, which this layer does not see:
 * the API stands on the contracts alone.
 */
function addressText({ family, bytes }: Address): string {
  if (family === 4) return bytes.join(".");
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const groups = hex.match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
