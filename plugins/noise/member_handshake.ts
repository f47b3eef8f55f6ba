/**
 * The handshake between members, Noise_IKpsk2 with the network key as psk: two messages, no state but the Noise state
 * between them. Who may call, how often, and what becomes of the session is decided elsewhere.
 *
 *     initiator                                                        responder
 *        │ initiation: e, es, s, ss, { stamp, versions, AEADs, credentials }  │
 *        │ ──────────────────────────────────────────────────────────────────> │ stamp newer? admitted?
 *        │ response: e, ee, se, psk, { version, AEAD, credentials }            │
 *        │ <────────────────────────────────────────────────────────────────── │
 *        │ keepalive under the new keys                                        │
 *        │ ──────────────────────────────────────────────────────────────────> │ confirmed
 */
import type { AeadName } from "../../core/contracts/aead.ts";
import { Drop } from "../../core/contracts/drop.ts";
import type { NetworkKey } from "../../core/contracts/membership.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { broadcastFeature, gossipFeature } from "../../core/wire/broadcast_header.ts";
import { relayAlwaysFeature, relayedFeature, relayFeature } from "../../core/wire/relay_features.ts";
import { concatBytes, equalBytes } from "../../core/wire/bytes.ts";
import { limits, protocol } from "./constants.ts";
import type { Local } from "./local.ts";
import { memberKeys, memberMacKey, signHandshake, verifyHandshake } from "./mac.ts";
import {
  type Choice,
  chooseAead,
  chooseVersion,
  decodeChoice,
  decodeOffer,
  encodeChoice,
  encodeOffer,
  type Offer,
} from "./payload.ts";
import { HandshakeState, type TransportKeys } from "../../core/noise/handshake_state.ts";
import { parseProtocolName } from "../../core/noise/protocol_name.ts";
import {
  decodeInitiation,
  encodeInitiation,
  encodeReply,
  handshakeOverhead,
  MessageType,
  type Reply,
} from "./wire.ts";

const noise = parseProtocolName(protocol.memberHandshake);
const domain = new TextEncoder().encode("selvage noise 1 member\0");

/** Answers probes of the path, and takes records in parts. */
export const pathFeature = "paths";

/** Takes packets whose checksum is still to be finished, as the key of their GRE header says. */
export const checksumFeature = "partial_checksum";

/**
 * Wishes that packets cross in plain: the other side is where this node trusts the network. Said of one place and for one
 * session, unlike the others.
 */
export const trustedFeature = "trusted";

const relayFeatures = {
  never: [relayedFeature],
  willing: [relayedFeature, relayFeature],
  always: [relayedFeature, relayFeature, relayAlwaysFeature],
} as const;

/** Extensions this node speaks; what both sides name may be used. `trusts` as in {@link trustedFeature}. */
export function offeredFeatures(local: Local, trusts: boolean): readonly string[] {
  return [
    pathFeature,
    broadcastFeature,
    gossipFeature,
    ...relayFeatures[local.relaying.policy],
    ...local.exporting.partialChecksum ? [checksumFeature] : [],
    ...trusts ? [trustedFeature] : [],
  ];
}

/** Checksums may be left to the other side: both can finish them. */
export function sharesChecksums(local: Local, features: readonly string[]): boolean {
  return local.exporting.partialChecksum && features.includes(checksumFeature);
}

/** What both must agree on without saying it. */
export function memberPrologue(networkId: Uint8Array, keyId: Uint8Array): Uint8Array {
  return concatBytes(domain, networkId, keyId);
}

export interface InitiationTarget {
  /** Of the responder, 32 bytes. */
  readonly noiseKey: Uint8Array;
  readonly networkKey: NetworkKey;
  readonly localIndex: number;
  /** Padded to at least this. */
  readonly length: number;
  readonly stamp: number;
  /** As in {@link trustedFeature}. */
  readonly trusts: boolean;
}

/** Initiation sent, response awaited. */
export interface Initiated {
  readonly handshake: HandshakeState;
  /** mac1 key of the response. */
  readonly macKey: Uint8Array;
  /** Opens the cookie that may answer it instead. */
  readonly cookieKey: Uint8Array;
  readonly message: Uint8Array;
}

/** The first message; undefined when this node belongs to no network. */
export function initiate(local: Local, target: InitiationTarget): Initiated | undefined {
  const networkId = local.membership.networkId();
  if (networkId === undefined) return undefined;
  const { networkKey, noiseKey, localIndex: sender } = target;
  const handshake = new HandshakeState({
    protocol: noise,
    role: "initiator",
    random: local.random,
    curve: local.curve,
    prologue: memberPrologue(networkId, networkKey.id),
    staticKeys: local.self.noise,
    remoteStatic: noiseKey,
    psks: [networkKey.secret],
  });
  const room = target.length - handshakeOverhead.initiation - noise.overheads[0]!;
  const payload = encodeOffer(offerOf(local, target), room);
  const message = encodeInitiation({ sender, keyId: networkKey.id, noise: handshake.writeMessage(payload) });
  const keys = memberKeys(networkKey.secret, noiseKey);
  signHandshake(message, keys.mac1);
  const macKey = memberMacKey(networkKey.secret, local.self.noise.publicKey);
  return { handshake, macKey, cookieKey: keys.cookie, message };
}

function offerOf(local: Local, { stamp, trusts }: InitiationTarget): Offer {
  return {
    stamp,
    versions: [protocol.versions.lowest, protocol.versions.highest],
    aeads: local.preference,
    features: offeredFeatures(local, trusts),
    instance: local.instance,
    credentials: local.membership.credentials(),
  };
}

/** An initiation that was made for this node by somebody with the network key; not yet judged. */
export interface Received {
  readonly handshake: HandshakeState;
  readonly networkKey: NetworkKey;
  /** Of the initiator: its index, and its proved Noise key. */
  readonly sender: number;
  readonly noiseKey: Uint8Array;
  readonly offer: Offer;
}

/** Opens an initiation. Nothing is kept and nothing is computed before mac1 has verified: see `gate.ts`. */
export function receiveInitiation(
  local: Local,
  datagram: Uint8Array,
  from: Endpoint,
  now: Millis,
): Received | Drop {
  const isLongEnough = datagram.length >= protocol.initiationLength;
  const initiation = isLongEnough && datagram.length <= limits.handshakeLength
    ? decodeInitiation(datagram)
    : undefined;
  if (initiation === undefined) return Drop.malformed;
  const networkId = local.membership.networkId();
  const networkKey = findNetworkKey(local, initiation.keyId);
  if (networkId === undefined || networkKey === undefined) return Drop.badMac;
  const first = { datagram, from, sender: initiation.sender };
  if (local.gate.isCopy(first)) return Drop.replayed;
  const keys = local.readyKeys.network(networkKey.secret);
  if (!keys.mac1.verifiesHandshake(datagram)) return Drop.badMac;
  const drop = local.gate.judge(first, keys, now);
  if (drop !== Drop.none) return drop;
  const handshake = new HandshakeState({
    protocol: noise,
    role: "responder",
    random: local.random,
    curve: local.curve,
    prologue: memberPrologue(networkId, networkKey.id),
    staticKeys: local.self.noise,
    psks: [networkKey.secret],
  });
  const payload = handshake.readMessage(initiation.noise);
  if (payload === undefined) return Drop.badTag;
  const offer = decodeOffer(payload);
  if (offer === undefined) {
    handshake.wipe();
    return Drop.malformed;
  }
  return { handshake, networkKey, sender: initiation.sender, noiseKey: handshake.remoteStatic!, offer };
}

/** The key of this node's network that `id` names. */
export function findNetworkKey(local: Local, id: Uint8Array): NetworkKey | undefined {
  return local.membership.networkKeys().find((key) => equalBytes(key.id, id));
}

export interface Agreement {
  readonly version: number;
  readonly aead: AeadName;
}

/** What both sides can do; undefined when there is nothing. */
export function agree(local: Local, offer: Offer): Agreement | undefined {
  const version = chooseVersion(offer.versions);
  const aead = chooseAead(offer.aeads, local.preference);
  return version === undefined || aead === undefined ? undefined : { version, aead };
}

export interface Response {
  readonly message: Uint8Array;
  readonly keys: TransportKeys;
}

/** The second message. `stamp` and `trusts` are this node's own. */
export function respond(
  local: Local,
  received: Received,
  agreement: Agreement,
  own: { readonly localIndex: number; readonly stamp: number; readonly trusts: boolean },
): Response {
  const { handshake, networkKey, sender, noiseKey } = received;
  const payload = encodeChoice({
    ...agreement,
    stamp: own.stamp,
    features: offeredFeatures(local, own.trusts),
    instance: local.instance,
    credentials: local.membership.credentials(),
  });
  const reply = { sender: own.localIndex, receiver: sender, noise: handshake.writeMessage(payload) };
  const message = encodeReply(MessageType.response, reply);
  signHandshake(message, memberMacKey(networkKey.secret, noiseKey));
  return { message, keys: handshake.split() };
}

export interface Responded {
  readonly choice: Choice & { readonly aead: AeadName };
  readonly keys: TransportKeys;
}

/**
 * Opens a response to `initiated`. After badMac or badTag the handshake is as if the response had never come; after any
 * other drop it is used up, because its peer has said something we cannot use.
 */
export function receiveResponse(
  local: Local,
  initiated: Initiated,
  reply: Reply,
  datagram: Uint8Array,
): Responded | Drop {
  if (!verifyHandshake(datagram, initiated.macKey)) return Drop.badMac;
  const payload = initiated.handshake.readMessage(reply.noise);
  if (payload === undefined) return Drop.badTag;
  const choice = decodeChoice(payload);
  if (choice === undefined) return Drop.malformed;
  const { aead } = choice;
  const { lowest, highest } = protocol.versions;
  if (aead === undefined || !local.suites.has(aead) || choice.version < lowest || choice.version > highest) {
    return Drop.unsupported;
  }
  return { choice: { ...choice, aead }, keys: initiated.handshake.split() };
}
