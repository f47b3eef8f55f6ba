/**
 * The handshake of a stranger with a token, Noise_XXpsk3 with the token key as psk. Token id and expiry travel in clear,
 * so that any member can derive the key, and are bound by the prologue; mac1 is keyed by the token key, so that without
 * a token nobody gets an answer, not even the member's public key.
 *
 *     joiner                                                     member
 *        │ knock: e, { versions }                                  │ token valid?
 *        │ ───────────────────────────────────────────────────────> │
 *        │ admit: e, ee, s, es, { version }                        │
 *        │ <─────────────────────────────────────────────────────── │
 *        │ plea: s, se, psk, { application }                       │ join-requested, answerJoin
 *        │ ───────────────────────────────────────────────────────> │
 *        │ join answer: parts of welcome or refusal                │
 *        │ <─────────────────────────────────────────────────────── │
 *        │ join missing: numbers of parts                          │
 *        │ ───────────────────────────────────────────────────────> │
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { JoinRequest } from "../../core/contracts/encapsulation.ts";
import type { TokenReference } from "../../core/contracts/membership.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { concatBytes, copyBytes, equalBytes } from "../../core/wire/bytes.ts";
import { writeU64 } from "../../core/wire/field.ts";
import { limits, protocol } from "./constants.ts";
import type { Local } from "./local.ts";
import { joinKeys, signHandshake, verifyHandshake } from "./mac.ts";
import {
  chooseVersion,
  decodeAdmission,
  decodeApplication,
  decodeKnockOffer,
  encodeAdmission,
  encodeApplication,
  encodeKnockOffer,
  type Versions,
} from "./payload.ts";
import { HandshakeState } from "../../core/noise/handshake_state.ts";
import { parseProtocolName } from "../../core/noise/protocol_name.ts";
import {
  decodeKnock,
  encodeKnock,
  encodeReply,
  handshakeOverhead,
  type Knock,
  MessageType,
  type Reply,
} from "./wire.ts";

const noise = parseProtocolName(protocol.joinHandshake);
const domain = new TextEncoder().encode("selvage noise 1 join\0");

/**
 * The network is bound by the token key, which is derived from the network's own; its id is not in here, because who
 * knocks with a password knows only the name, which the token id is made of.
 */
export function joinPrologue(token: TokenReference): Uint8Array {
  const expires = new Uint8Array(8);
  writeU64(expires, 0, token.expires);
  return concatBytes(domain, token.id, expires);
}

/** A join handshake under way, on either side. */
export interface JoinHandshake {
  readonly handshake: HandshakeState;
  readonly macKey: Uint8Array;
  /** Opens or seals the cookie that may answer a knock. */
  readonly cookieKey: Uint8Array;
}

function begin(
  local: Local,
  role: "initiator" | "responder",
  { token, tokenKey }: { readonly token: TokenReference; readonly tokenKey: Uint8Array },
): JoinHandshake {
  const handshake = new HandshakeState({
    protocol: noise,
    role,
    random: local.random,
    curve: local.curve,
    prologue: joinPrologue(token),
    staticKeys: local.self.noise,
    psks: [tokenKey],
  });
  const { mac1: macKey, cookie: cookieKey } = joinKeys(tokenKey);
  return { handshake, macKey, cookieKey };
}

/** Joiner: the first message, padded so that the answer to it is no longer. */
export function knock(
  local: Local,
  request: JoinRequest,
  sender: number,
): JoinHandshake & { readonly message: Uint8Array } {
  const join = begin(local, "initiator", request);
  const versions: Versions = [protocol.versions.lowest, protocol.versions.highest];
  const room = protocol.knockLength - handshakeOverhead.knock - noise.overheads[0]!;
  const payload = encodeKnockOffer(versions, room);
  const message = encodeKnock({ sender, token: request.token, noise: join.handshake.writeMessage(payload) });
  return { ...join, message: signHandshake(message, join.macKey) };
}

/** A knock of somebody who has the token. */
export interface Knocked extends JoinHandshake {
  readonly sender: number;
  readonly token: TokenReference;
  /** 32 bytes: under which the knock was made. */
  readonly tokenKey: Uint8Array;
  readonly version: number;
}

/** Member: opens a knock. Nothing is computed but MACs and their keys before the gate has let it in: see `gate.ts`. */
export function receiveKnock(
  local: Local,
  datagram: Uint8Array,
  from: Endpoint,
  now: Millis,
): Knocked | Drop {
  const isLongEnough = datagram.length >= protocol.knockLength;
  const message = isLongEnough && datagram.length <= limits.handshakeLength
    ? decodeKnock(datagram)
    : undefined;
  if (message === undefined) return Drop.malformed;
  if (local.membership.networkId() === undefined) return Drop.badMac;
  const first = { datagram, from, sender: message.sender };
  if (local.gate.isCopy(first)) return Drop.replayed;
  const token = { id: copyBytes(message.token.id), expires: message.token.expires };
  const candidates = local.readyKeys.token(token, now);
  if (candidates === undefined) return Drop.rateLimited;
  const keys = candidates.find(({ mac1 }) => mac1.verifiesHandshake(datagram));
  if (keys === undefined) return Drop.badMac;
  local.readyKeys.proved(token);
  const drop = local.gate.judge(first, keys, now);
  return drop === Drop.none ? openKnock(local, { message, token, tokenKey: keys.tokenKey }) : drop;
}

interface LetIn {
  readonly message: Knock;
  readonly token: TokenReference;
  readonly tokenKey: Uint8Array;
}

/** The token may have been revoked, or have expired, since its key was made ready. */
function openKnock(local: Local, { message, token, tokenKey }: LetIn): Knocked | Drop {
  if (!local.membership.tokenKeys(token).some((key) => equalBytes(key, tokenKey))) return Drop.badMac;
  const join = begin(local, "responder", { token, tokenKey });
  const payload = join.handshake.readMessage(message.noise);
  if (payload === undefined) return Drop.badTag;
  const offered = decodeKnockOffer(payload);
  if (offered === undefined) return Drop.malformed;
  const version = chooseVersion(offered);
  return version === undefined
    ? Drop.unsupported
    : { ...join, sender: message.sender, token, tokenKey, version };
}

/** Member: the second message. */
export function admit(knocked: Knocked, sender: number): Uint8Array {
  const payload = encodeAdmission(knocked.version);
  const reply = { sender, receiver: knocked.sender, noise: knocked.handshake.writeMessage(payload) };
  return signHandshake(encodeReply(MessageType.admit, reply), knocked.macKey);
}

/**
 * Joiner: opens the second message and writes the third; or why not. After badMac or badTag it is as if the message had
 * never come; `unsupported` ends the handshake.
 */
export function plead(
  join: JoinHandshake,
  { reply, datagram }: { readonly reply: Reply; readonly datagram: Uint8Array },
  application: Uint8Array,
  sender: number,
): Uint8Array | Drop {
  if (!verifyHandshake(datagram, join.macKey)) return Drop.badMac;
  const payload = join.handshake.readMessage(reply.noise);
  if (payload === undefined) return Drop.badTag;
  const version = decodeAdmission(payload) ?? 0;
  if (version < protocol.versions.lowest || version > protocol.versions.highest) return Drop.unsupported;
  const noiseMessage = join.handshake.writeMessage(encodeApplication(application));
  const message = encodeReply(MessageType.plea, { sender, receiver: reply.sender, noise: noiseMessage });
  return signHandshake(message, join.macKey);
}

/** Member: opens the third message: what the joiner says of itself, in fresh memory. */
export function receivePlea(join: JoinHandshake, reply: Reply): Uint8Array | Drop {
  const payload = join.handshake.readMessage(reply.noise);
  if (payload === undefined) return Drop.badTag;
  return decodeApplication(payload) ?? Drop.malformed;
}
