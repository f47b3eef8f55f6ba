/**
 * What two nodes with a session say to each other on the channel `paths`. A message is a CBOR array [version, kind, …]:
 *
 *     [1, "seen", endpoint]                        your datagrams come to me from there; of a session without a relay
 *     [1, "candidates", [endpoint, …], wanted]     where to try me; `wanted`: say yours, I do not have them or begin anew
 *
 * Endpoints are texts, `192.0.2.1:6783` or `[2001:db8::1]:6783`. Of more than eight candidates the rest is not read.
 */
import { isMeshError } from "../contracts/errors.ts";
import type { Endpoint } from "../contracts/values.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { formatEndpoint, parseEndpoint } from "../wire/endpoint.ts";
import { maxCandidates } from "./candidates.ts";

export type PathMessage =
  | { readonly kind: "seen"; readonly endpoint: Endpoint }
  | { readonly kind: "candidates"; readonly endpoints: readonly Endpoint[]; readonly wanted: boolean };

const version = 1;
/** Eight endpoints of IPv6 with their brackets and ports, and what is around them. */
const maxBytes = 512;

export function encodePathMessage(message: PathMessage): Uint8Array {
  if (message.kind === "seen") return encodeCbor([version, "seen", formatEndpoint(message.endpoint)]);
  const endpoints = message.endpoints.slice(0, maxCandidates).map(formatEndpoint);
  return encodeCbor([version, "candidates", endpoints, message.wanted]);
}

/** Undefined for what comes from a newer node, or from a liar. Endpoints are canonical. */
export function decodePathMessage(bytes: Uint8Array): PathMessage | undefined {
  const [writtenBy, kind, first, wanted] = arrayIn(bytes);
  if (writtenBy !== version) return undefined;
  if (kind === "seen") {
    const endpoint = endpointIn(first);
    return endpoint && { kind, endpoint };
  }
  if (kind !== "candidates" || !Array.isArray(first) || typeof wanted !== "boolean") return undefined;
  const endpoints = first.slice(0, maxCandidates).map(endpointIn);
  if (endpoints.includes(undefined)) return undefined;
  return { kind, endpoints: endpoints as Endpoint[], wanted };
}

function endpointIn(value: unknown): Endpoint | undefined {
  return typeof value === "string" && value.length <= 64 ? parseEndpoint(value) : undefined;
}

function arrayIn(bytes: Uint8Array): readonly unknown[] {
  try {
    const decoded = decodeCbor(bytes, { maxBytes, maxDepth: 2 });
    return Array.isArray(decoded) ? decoded : [];
  } catch (error) {
    if (isMeshError(error)) return [];
    throw error;
  }
}
