/**
 * The handshake of a stream: Noise_IKpsk2 between members, with prologue, psk and mac1 key under labels of its own, so that
 * no key is shared with sessions over datagrams, though the Noise keys and the network key are the same.
 *
 *     dialler                                              listener
 *        │ e, es, s, ss, { longest frame, credentials }       │
 *        │ ──────────────────────────────────────────────────> │ mac1? played before? admitted? room?
 *        │ e, ee, se, psk, { longest frame, credentials }      │
 *        │ <────────────────────────────────────────────────── │
 *        │ first record                                        │
 *        │ ──────────────────────────────────────────────────> │ proved
 *
 * mac1 is keyed by the network key and the listener's Noise key: a stranger costs one hash and no Diffie-Hellman.
 */
import { blake2s } from "@noble/hashes/blake2.js";
import { z } from "zod";
import type { Random, Self } from "../../core/contracts/host.ts";
import type { Membership, NetworkKey, PeerIdentity } from "../../core/contracts/membership.ts";
import type { PeerRecord } from "../../core/contracts/values.ts";
import type { X25519 } from "../../core/noise/dh.ts";
import { HandshakeState, type TransportKeys } from "../../core/noise/handshake_state.ts";
import { parseProtocolName } from "../../core/noise/protocol_name.ts";
import { concatBytes, copyBytes, equalBytes } from "../../core/wire/bytes.ts";
import { decodeCbor, encodeCbor } from "../../core/wire/cbor.ts";
import { protocol } from "./constants.ts";
import { type Fault, faults } from "./fault.ts";
import { encodeInitiation, encodeResponse, type Initiation, verifyInitiation } from "./hello.ts";
import type { Remembered } from "./remembered.ts";

/** What a handshake needs of its node. */
export interface Local {
  readonly self: Pick<Self, "id" | "noise">;
  readonly membership: Membership;
  readonly random: Random;
  /** For simulations: a faster X25519 than the portable one. */
  readonly curve?: X25519 | undefined;
  /** Longest frame that this node takes. */
  readonly maxFrame: number;
  readonly remembered: Remembered;
}

export type StreamPeer = Pick<PeerRecord, "id" | "noiseKey">;

/** The other side, and the keys of the stream to it. */
export interface Agreed {
  readonly peer: PeerIdentity;
  /** Longest frame that the peer takes. */
  readonly maxFrame: number;
  readonly keys: TransportKeys;
}

const noise = parseProtocolName(protocol.handshake);
const encoder = new TextEncoder();
const labels = {
  prologue: encoder.encode("selvage tcp 1\0"),
  psk: encoder.encode("selvage tcp 1 psk\0"),
  mac: encoder.encode("selvage tcp 1 mac1\0"),
};

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
/** Unknown keys are ignored, so that a later version can say more. */
const introduction = z.object({ m: z.int().min(1), c: bytes });

/** mac1 key of initiations for the holder of the Noise key `receiver`. */
export function streamMacKey(networkKey: Uint8Array, receiver: Uint8Array): Uint8Array {
  return blake2s(concatBytes(labels.mac, receiver), { key: networkKey });
}

function commonOptions(local: Local, networkId: Uint8Array, key: NetworkKey) {
  return {
    protocol: noise,
    random: local.random,
    curve: local.curve,
    prologue: concatBytes(labels.prologue, networkId, key.id),
    staticKeys: local.self.noise,
    psks: [blake2s(labels.psk, { key: key.secret })],
  };
}

export interface Initiated {
  readonly handshake: HandshakeState;
  readonly message: Uint8Array;
}

/** The first message to `peer`, whose Noise key must be usable; a fault when this node belongs to no network. */
export function initiate(local: Local, peer: StreamPeer, key: NetworkKey): Initiated | Fault {
  const networkId = local.membership.networkId();
  if (networkId === undefined) return faults.noNetwork;
  const options = commonOptions(local, networkId, key);
  const handshake = new HandshakeState({ ...options, role: "initiator", remoteStatic: peer.noiseKey });
  const message = handshake.writeMessage(introduce(local));
  return { handshake, message: encodeInitiation(key.id, message, streamMacKey(key.secret, peer.noiseKey)) };
}

function introduce(local: Local): Uint8Array {
  return encodeCbor({ m: local.maxFrame, c: local.membership.credentials() });
}

/** The key of this node's network that `id` names. */
export function findNetworkKey(local: Local, id: Uint8Array): NetworkKey | undefined {
  return local.membership.networkKeys().find((key) => equalBytes(key.id, id));
}

export interface Answered extends Agreed {
  readonly message: Uint8Array;
}

/** Judges an initiation and answers it. `takes` is asked last, when the peer is known: has it room? */
export function answer(
  local: Local,
  initiation: Initiation,
  takes: (peer: PeerIdentity) => boolean,
): Answered | Fault {
  const networkId = local.membership.networkId();
  const key = findNetworkKey(local, initiation.keyId);
  if (networkId === undefined || key === undefined) return faults.badMac;
  if (!verifyInitiation(initiation, streamMacKey(key.secret, local.self.noise.publicKey))) {
    return faults.badMac;
  }
  if (!local.remembered.add(initiation.noise)) return faults.replayed;
  const handshake = new HandshakeState({ ...commonOptions(local, networkId, key), role: "responder" });
  const payload = handshake.readMessage(initiation.noise);
  const judged = payload === undefined ? faults.badTag : judge(local, payload, handshake.remoteStatic!);
  if (!("peer" in judged)) return judged;
  if (!takes(judged.peer)) return faults.full;
  const message = encodeResponse(handshake.writeMessage(introduce(local)));
  return { ...judged, message, keys: handshake.split() };
}

/** Opens the answer to an initiation to `peer`. */
export function conclude(
  local: Local,
  handshake: HandshakeState,
  message: Uint8Array,
  peer: StreamPeer,
): Agreed | Fault {
  const payload = handshake.readMessage(message);
  const judged = payload === undefined ? faults.badTag : judge(local, payload, peer.noiseKey);
  if (!("peer" in judged)) return judged;
  if (judged.peer.id !== peer.id) return faults.wrongPeer;
  return { ...judged, keys: handshake.split() };
}

/** A node does not meet itself: whoever shows our own identity is a copy of this node, or a mirror. */
function judge(local: Local, payload: Uint8Array, noiseKey: Uint8Array): Omit<Agreed, "keys"> | Fault {
  const shown = readIntroduction(payload);
  if (shown === undefined) return faults.badHello;
  const judged = local.membership.check(shown.credentials, noiseKey);
  if ("refused" in judged) return { ...faults.notAdmitted, code: judged.refused, reason: judged.reason };
  if (judged.id === local.self.id) return faults.notAdmitted;
  return { peer: judged, maxFrame: shown.maxFrame };
}

function readIntroduction(payload: Uint8Array) {
  const decoded = decodeIntroduction(payload);
  return decoded && { maxFrame: decoded.m, credentials: copyBytes(decoded.c) };
}

function decodeIntroduction(payload: Uint8Array) {
  try {
    return introduction.safeParse(decodeCbor(payload, { maxDepth: 2, maxBytes: protocol.handshakeLength }))
      .data;
  } catch {
    return undefined; // decodeCbor's only error: these bytes are not CBOR as we write it
  }
}
