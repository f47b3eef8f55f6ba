/**
 * What a joiner says of itself inside the join handshake:
 *
 *     CBOR map { v: 1, b: binding record, h: wanted name, e: [endpoint, 6 or 18 bytes, …] }
 *
 * Name and endpoints need no signature: they come through a handshake made with the very Noise key that the binding
 * names, and nobody passes them on. The identity's public key is the signer of the binding.
 */
import type { Endpoint } from "../contracts/values.ts";
import { equalBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { maxAnnouncedEndpoints, requireFewEndpoints } from "./announcement.ts";
import { type Binding, openBinding } from "./binding.ts";
import { endpointToBytes } from "./endpoint_bytes.ts";
import { type Fields, malformed, readMap } from "./fields.ts";
import { isNodeName } from "./node_name.ts";
import { maxRecordBytes } from "./signed.ts";

export interface ApplicationParts {
  /** Record of kind `binding`. */
  readonly binding: Uint8Array;
  readonly name: string;
  /** Where the joiner can be reached, at most eight; empty when nobody can. */
  readonly endpoints: readonly Endpoint[];
}

export interface Application {
  readonly binding: Binding;
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
}

const version = 1;
const maxApplicationBytes = 1024;

/** Throws INVALID_ARGUMENT for more than eight endpoints, or one that is no IP literal and port. */
export function encodeApplication({ binding, name, endpoints }: ApplicationParts): Uint8Array {
  requireFewEndpoints(endpoints);
  return encodeCbor({ v: version, b: binding, h: name, e: endpoints.map(endpointToBytes) });
}

/** Undefined for what cannot be read, an impossible name, and a binding of another key than the handshake's. */
export function decodeApplication(bytes: Uint8Array, noiseKey: Uint8Array): Application | undefined {
  return readMap(bytes, maxApplicationBytes, (fields) => readApplication(fields, noiseKey));
}

function readApplication(fields: Fields, noiseKey: Uint8Array): Application {
  fields.version("v", version);
  const name = fields.text("h", isNodeName);
  const endpoints = fields.endpoints("e", maxAnnouncedEndpoints);
  const binding = openBinding(fields.blob("b", maxRecordBytes));
  if (binding === undefined || !equalBytes(binding.noiseKey, noiseKey)) throw malformed("the binding");
  return { binding, name, endpoints };
}
