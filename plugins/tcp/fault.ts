/**
 * Every way in which a stream ends other than by both sides' wish. One table, because each has three faces: the code that
 * a reader of the stream sees, the counter that an operator sees, and the words of the log.
 */
import { Drop } from "../../core/contracts/drop.ts";
import { type ErrorCode, MeshError } from "../../core/contracts/errors.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";

export interface Fault {
  readonly code: ErrorCode;
  /** `Drop.none` for what is nobody's fault. */
  readonly drop: Drop;
  readonly reason: string;
}

const fault = (code: ErrorCode, drop: Drop, reason: string): Fault => ({ code, drop, reason });

export const faults = {
  alien: fault("MALFORMED", Drop.unsupported, "it does not begin as a stream of this protocol and version"),
  badHello: fault("MALFORMED", Drop.malformed, "a handshake message cannot be read"),
  badMac: fault("MALFORMED", Drop.badMac, "the handshake is not of this network, or not for this node"),
  badTag: fault("MALFORMED", Drop.badTag, "a handshake message or a record does not verify"),
  badRecord: fault("MALFORMED", Drop.malformed, "a record is of a kind or length that does not exist"),
  replayed: fault("MALFORMED", Drop.replayed, "the handshake was played a second time"),
  notAdmitted: fault("NOT_ADMITTED", Drop.notAdmitted, "the other side is no member of this network"),
  wrongPeer: fault("NOT_ADMITTED", Drop.notAdmitted, "another member answered than the one that was dialled"),
  noNetwork: fault("NOT_ADMITTED", Drop.none, "this node belongs to no network yet"),
  crowded: fault("UNREACHABLE", Drop.underLoad, "too many connections that prove nothing"),
  full: fault("UNREACHABLE", Drop.queueFull, "too many streams are open, in all or with this peer"),
  crowdedDatagrams: fault("UNREACHABLE", Drop.queueFull, "too many connections carry datagrams"),
  badDatagram: fault("MALFORMED", Drop.malformed, "a datagram is of a length that does not exist"),
  talksTooMuch: fault("MALFORMED", Drop.rateLimited, "too much was said before anything was answered"),
  silent: fault("TIMEOUT", Drop.rateLimited, "nothing was said in time that anybody answered"),
  replaced: fault("UNREACHABLE", Drop.none, "a later connection has the same two ends"),
  noHandler: fault("UNREACHABLE", Drop.noListener, "this node takes no streams"),
  slowHandshake: fault("TIMEOUT", Drop.rateLimited, "the handshake took too long"),
  tooBig: fault("MALFORMED", Drop.tooBig, "a frame is over the limit"),
  slowFrame: fault("TIMEOUT", Drop.rateLimited, "a frame took too long to arrive"),
  idle: fault("TIMEOUT", Drop.rateLimited, "nothing moved for too long"),
  lingered: fault("TIMEOUT", Drop.none, "the other side did not end after this one"),
  cut: fault("UNREACHABLE", Drop.none, "the connection was cut before the other side had ended"),
  givenUp: fault("TIMEOUT", Drop.none, "it was given up"),
  reset: fault("UNREACHABLE", Drop.none, "this side has cut it"),
} as const;

/** What a user of the stream is told of a fault. */
export function streamError({ code, reason }: Fault, remote: Endpoint): MeshError {
  return new MeshError(code, `Cannot go on with the stream to ${formatEndpoint(remote)}: ${reason}`);
}

/** As {@link streamError}, for a stream that never came to be. */
export function dialError({ code, reason }: Fault, to: Endpoint): MeshError {
  return new MeshError(code, `Cannot open a stream to ${formatEndpoint(to)}: ${reason}`);
}
