/**
 * What a member shows in the handshake of a session, inside its encryption:
 *
 *     CBOR map { v: 1, p: own announcement, c: [admission, …] nearest first, r: routes, opaque }
 *
 * The announcement is signed by the identity and names the Noise key with its number and the node's name: it binds as
 * much as a separate binding record would, so that is not shown beside it. That spares 160 of the few hundred bytes
 * that a first message may have, and one of the signature checks that a stranger can make us do.
 */
import { MeshError } from "../contracts/errors.ts";
import type { PeerIdentity, Refusal } from "../contracts/membership.ts";
import { equalBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { openAnnouncement } from "./announcement.ts";
import { blob, type Fields, readMap } from "./fields.ts";
import { maxRecordBytes } from "./signed.ts";
import type { Trust } from "./trust.ts";

export interface Credentials {
  /** The shower's announcement, as signed. */
  readonly announcement: Uint8Array;
  /** Its chain of admissions, nearest first; empty for the founder. */
  readonly chain: readonly Uint8Array[];
  /** What the ipam plugin wants to tell; empty for nothing. */
  readonly routes: Uint8Array;
}

export interface CheckedCredentials {
  /** With the name that the network knows it by, whatever it calls itself. */
  readonly peer: PeerIdentity;
  /** For the caller to merge, now that they come from a member. */
  readonly credentials: Credentials;
}

/** More of a chain is not shown: whoever admitted so far up is known to all by then. */
export const maxChainShown = 3;
export const maxCredentialsBytes = 2048;

const version = 1;

/** Shows the nearest of a longer chain. Throws INVALID_ARGUMENT when the whole is over {@link maxCredentialsBytes}. */
export function encodeCredentials({ announcement, chain, routes }: Credentials): Uint8Array {
  const bytes = encodeCbor({ v: version, p: announcement, c: chain.slice(0, maxChainShown), r: routes });
  if (bytes.length > maxCredentialsBytes) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot show credentials of ${bytes.length} bytes: ${maxCredentialsBytes} are allowed; announce fewer routes`,
    );
  }
  return bytes;
}

/** The parts, unjudged; undefined for anything that {@link encodeCredentials} does not make. */
export function decodeCredentials(bytes: Uint8Array): Credentials | undefined {
  return readMap(bytes, maxCredentialsBytes, readCredentials);
}

function readCredentials(fields: Fields): Credentials {
  fields.version("v", version);
  return {
    announcement: fields.blob("p", maxRecordBytes),
    chain: fields.list("c", maxChainShown, (item) => blob(item, maxRecordBytes)),
    routes: fields.blob("r", maxCredentialsBytes),
  };
}

/**
 * Judges what a peer showed in a handshake made with `noiseKey`. The chain is considered together with the records of
 * `trust`, which itself is left as it is. A known member costs one signature check, a stranger at most four.
 *
 * Refuses with MALFORMED what cannot be read or is not signed by one identity; with NOT_ADMITTED an identity that no
 * admission reaches, or that does not vouch for `noiseKey`; with REVOKED one that is out for good.
 */
export function checkCredentials(
  bytes: Uint8Array,
  noiseKey: Uint8Array,
  trust: Trust,
): CheckedCredentials | Refusal {
  const credentials = decodeCredentials(bytes);
  const announced = credentials && openAnnouncement(credentials.announcement)?.peer;
  if (credentials === undefined || announced === undefined) {
    return { refused: "MALFORMED", reason: "the credentials cannot be read or are not signed" };
  }
  const { id: peer, publicKey } = announced;
  if (!equalBytes(announced.noiseKey, noiseKey)) {
    return { refused: "NOT_ADMITTED", reason: "the identity shown is not bound to this Noise key", peer };
  }
  const { state, name } = judgeShown(publicKey, credentials.chain, trust);
  if (state === "revoked") return { refused: "REVOKED", reason: "this identity was revoked", peer };
  if (state === "unknown" || name === undefined) {
    return { refused: "NOT_ADMITTED", reason: "no member of this network has admitted this identity", peer };
  }
  return { peer: { ...announced, name }, credentials };
}

/** What the network knows needs no chain: admissions alone take nothing away from a member, nor bring a revoked one back. */
function judgeShown(publicKey: Uint8Array, chain: readonly Uint8Array[], trust: Trust) {
  const known = trust.standing(publicKey);
  return known.state === "unknown" ? trust.with(chain).standing(publicKey) : known;
}
