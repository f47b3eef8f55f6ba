/** A session of a link in the index table. */
import { Drop } from "../../core/contracts/drop.ts";
import type { Arrivals, OpenedMessage, SessionInfo } from "../../core/contracts/encapsulation.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { isStreamEndpoint } from "../../core/wire/stream_endpoint.ts";
import { type Addressed, type IndexOwner, notExpected } from "./indices.ts";
import type { LinkRelay } from "./link_relay.ts";
import type { Session } from "./session.ts";
import type { Proof } from "./slots.ts";
import { isForwarded, isTransport, MessageType, readCounter, type SealedType } from "./wire.ts";

/** A message that has been opened, in this thread or by the data path worker. */
export interface Opened {
  readonly type: SealedType;
  readonly plaintext: Uint8Array;
  readonly forwarded: boolean;
  readonly from: Endpoint;
  /** Bytes of the datagram; 0 when the worker had it, which opens no probes. */
  readonly length: number;
  /** The worker has dealt with what was in it: this only tells that it has come, and from where. */
  readonly isSign: boolean;
  /**
   * No message with a higher counter has been opened before it. Never in a session that the worker shares and by a stream, which
   * the worker does not read: by such a message nothing may move there.
   */
  readonly newest: boolean;
}

/** What the session's link makes of a message. */
export type Receiver = (held: LinkSession, message: Opened, now: Millis) => Drop;

const { data, keepalive, close, probe, probed, part, relay } = MessageType;
const sessionTypes: ReadonlySet<number> = new Set([data, keepalive, close, probe, probed, part, relay]);
/** The worker opens those, and has the window for them: opened here as well, a copy would pass as a second message. */
const sharedTypes: ReadonlySet<number> = new Set([data, relay]);

export class LinkSession implements IndexOwner {
  readonly session: Session;
  readonly proof: Proof;
  /** A message of the peer has come in it. */
  isHeard = false;
  readonly #receiver: Receiver;

  constructor(session: Session, proof: Proof, receiver: Receiver) {
    this.session = session;
    this.proof = proof;
    this.#receiver = receiver;
  }

  receive({ type, datagram, from }: Addressed, now: Millis): Drop {
    const { session } = this;
    if (!sessionTypes.has(type)) return notExpected;
    if (sharedTypes.has(type) && session.isShared) return notExpected;
    if (!isTransport(datagram)) return Drop.malformed;
    const plaintext = session.open(datagram, now);
    if (typeof plaintext === "number") return plaintext;
    const message = {
      type: type as SealedType,
      plaintext,
      forwarded: isForwarded(datagram),
      from,
      length: datagram.length,
      isSign: false,
      newest: readCounter(datagram) === session.newest && !(session.isShared && isStreamEndpoint(from)),
    };
    return this.#receiver(this, message, now);
  }

  /** A data message or a relayed one of this session that the worker has opened. */
  receiveOpened(opened: OpenedMessage, now: Millis): Drop {
    const { plaintext, forwarded, counter, newest, from } = opened;
    if (!this.session.isShared || !this.session.isUsable(now)) return notExpected;
    const isNewest = newest && counter > this.session.newestHere;
    const type = opened.relayed ? relay : data;
    const isSign = opened.relayed && plaintext.length === 0;
    const message = { type, plaintext, forwarded, from, length: 0, isSign, newest: isNewest };
    return this.#receiver(this, message, now);
  }
}

/** What is told of a link that is up. */
export function infoOf(
  { id, relay }: { readonly id: PeerId; readonly relay: Pick<LinkRelay, "offer"> },
  { initiator, suite }: Session,
  endpoint: Endpoint,
  since: Millis,
): SessionInfo {
  const { offer } = relay;
  const relays = offer === undefined ? {} : { relays: offer };
  return { peer: id, endpoint, initiator, aead: suite.name, ...relays, since };
}

/** What has come of what the peer has sent in these sessions; undefined when there are none. */
export function arrivalsOf(all: readonly LinkSession[]): Arrivals | undefined {
  if (all.length === 0) return undefined;
  return {
    sent: all.reduce((sum, { session }) => sum + session.newest + 1, 0),
    received: all.reduce((sum, { session }) => sum + session.opened, 0),
  };
}
