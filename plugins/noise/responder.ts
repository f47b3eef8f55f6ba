/**
 * Answers initiations of members. What is refused gets no answer at all: a stranger learns nothing, and a member that is
 * refused learns it from the members that still talk to it.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { limits } from "./constants.ts";
import type { Links } from "./links.ts";
import type { Local } from "./local.ts";
import {
  agree,
  type Agreement,
  type Received,
  receiveInitiation,
  respond,
  trustedFeature,
} from "./member_handshake.ts";
import { Session } from "./session.ts";

export class Responder {
  readonly #local: Local;
  readonly #links: Links;
  #ownCloneAlarmAt: Millis = -Infinity;

  constructor(local: Local, links: Links) {
    this.#local = local;
    this.#links = links;
  }

  receive(datagram: Uint8Array, from: Endpoint, now: Millis): Drop {
    const received = receiveInitiation(this.#local, datagram, from, now);
    if (typeof received === "number") return received;
    const drop = this.#judge(received, from, datagram.length, now);
    if (drop !== Drop.none) received.handshake.wipe();
    return drop;
  }

  #judge(received: Received, from: Endpoint, length: number, now: Millis): Drop {
    const { noiseKey, offer } = received;
    if (equalBytes(noiseKey, this.#local.self.noise.publicKey)) {
      return this.#ourselves(offer.instance, from, now);
    }
    const agreement = agree(this.#local, offer);
    if (agreement === undefined) return Drop.unsupported;
    const admitted = this.#links.admit({ ...offer, noiseKey, mayBeReplay: true }, from, now);
    if (typeof admitted === "number") return admitted;
    const trusts = this.#local.trusted.includes(from);
    const answer = this.#answer(received, { ...agreement, trusts }, now);
    if (answer.message.length > length) {
      answer.session.wipe();
      return Drop.tooBig;
    }
    admitted.link.responded(answer.session, admitted.proof, from);
    this.#local.outbox.transmit(answer.message, from, now);
    admitted.link.carry(answer.message, from, now);
    return Drop.none;
  }

  #answer(
    received: Received,
    agreement: Agreement & { readonly trusts: boolean },
    now: Millis,
  ): { session: Session; message: Uint8Array } {
    const { trusts } = agreement;
    const localIndex = this.#local.indices.draw();
    const stamp = this.#local.stamps.nextOrLast(now);
    const { message, keys } = respond(this.#local, received, agreement, { localIndex, stamp, trusts });
    const session = new Session({
      localIndex,
      remoteIndex: received.sender,
      initiator: false,
      suite: this.#local.suites.get(agreement.aead)!,
      keys,
      mayBePlain: trusts && received.offer.features.includes(trustedFeature),
      now,
    });
    return { session, message };
  }

  /** Somebody has our Noise key: this node through a loop in the network, or a copy of its state directory. */
  #ourselves(instance: Uint8Array, from: Endpoint, now: Millis): Drop {
    const isLoop = equalBytes(instance, this.#local.instance);
    if (!isLoop && now - this.#ownCloneAlarmAt >= limits.cloneAlarmMillis) {
      this.#ownCloneAlarmAt = now;
      this.#local.outbox.push({ type: "clone-detected", peer: this.#local.self.id, endpoints: [from] });
    }
    return Drop.notAdmitted;
  }
}
