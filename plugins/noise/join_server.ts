/**
 * The member's side of joins: strangers with a token, from knock to answer.
 *
 *     knock ──> invited ──plea: join-requested──> asked ──answerJoin──> answered ──"nothing missing"──> gone
 *                  └──────────── 10 s without an authentic message ─────────┴────────────────────────> gone
 *
 * At most 64 at a time, so that recorded knocks cannot fill memory: the oldest that has only knocked makes room.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { JoinAnswer } from "../../core/contracts/encapsulation.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { sameEndpoint } from "../../core/wire/endpoint.ts";
import { limits } from "./constants.ts";
import type { Timed } from "./deadlines.ts";
import { type Addressed, type IndexOwner, notExpected } from "./indices.ts";
import { admit, type Knocked, receiveKnock, receivePlea } from "./join_handshake.ts";
import { decodeMissing, firstWindow, splitAnswer } from "./join_parts.ts";
import type { Local } from "./local.ts";
import { verifyHandshake } from "./mac.ts";
import { encodeAnswer } from "./payload.ts";
import { Session } from "./session.ts";
import { decodeReply, isTransport, MessageType } from "./wire.ts";

export class JoinServer {
  readonly #local: Local;
  readonly #joins = new Set<PendingJoin>();
  #requests = 0;

  constructor(local: Local) {
    this.#local = local;
  }

  receiveKnock(datagram: Uint8Array, from: Endpoint, now: Millis): Drop {
    const knocked = receiveKnock(this.#local, datagram, from, now);
    if (typeof knocked === "number") return knocked;
    const localIndex = this.#local.indices.draw();
    const message = admit(knocked, localIndex);
    if (message.length > datagram.length || !this.#makeRoom(from)) {
      knocked.handshake.wipe();
      return message.length > datagram.length ? Drop.tooBig : Drop.queueFull;
    }
    const join = new PendingJoin(this.#local, { knocked, localIndex, from, now }, this);
    this.#joins.add(join);
    this.#local.outbox.transmit(message, from, now);
    return Drop.none;
  }

  answer(request: number, answer: JoinAnswer, now: Millis): void {
    for (const join of this.#joins) {
      if (join.request === request) join.answer(answer, now);
    }
  }

  /** The number of a new request. */
  number(): number {
    return ++this.#requests;
  }

  drop(join: PendingJoin): void {
    if (this.#joins.delete(join)) join.wipe();
  }

  clear(): void {
    for (const join of [...this.#joins]) this.drop(join);
  }

  /**
   * At the limit the oldest mere knock goes, of those from the same place if there is one. Not before: mac1 of a knock
   * names no receiver, so whoever recorded one on its way to another member could end a join by it.
   */
  #makeRoom(from: Endpoint): boolean {
    if (this.#joins.size < limits.pendingJoins) return true;
    const knocks = [...this.#joins].filter((join) => join.request === undefined);
    const leaving = knocks.find((join) => sameEndpoint(join.endpoint, from)) ?? knocks[0];
    if (leaving !== undefined) this.drop(leaving);
    return leaving !== undefined;
  }
}

interface JoinStart {
  readonly knocked: Knocked;
  readonly localIndex: number;
  readonly from: Endpoint;
  readonly now: Millis;
}

class PendingJoin implements IndexOwner, Timed {
  /** Number of the join-requested output; undefined before the plea. */
  request: number | undefined;
  #endpoint: Endpoint;
  readonly #local: Local;
  readonly #server: JoinServer;
  readonly #knocked: Knocked;
  readonly #localIndex: number;
  readonly #createdAt: Millis;
  #expiresAt: Millis;
  #session: Session | undefined;
  #parts: readonly Uint8Array[] | undefined;
  #sentAt: Millis = -Infinity;
  /** Altered pleas that have come. */
  #spoilt = 0;

  constructor(local: Local, { knocked, localIndex, from, now }: JoinStart, server: JoinServer) {
    this.#local = local;
    this.#server = server;
    this.#knocked = knocked;
    this.#localIndex = localIndex;
    this.#endpoint = from;
    this.#createdAt = now;
    this.#expiresAt = now + limits.joinMillis;
    local.indices.set(localIndex, this);
    local.deadlines.update(this);
  }

  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  deadline(): Millis {
    return this.#expiresAt;
  }

  handleTimeout(): void {
    this.#server.drop(this);
  }

  receive({ type, datagram, from }: Addressed, now: Millis): Drop {
    if (type === MessageType.plea) return this.#plea(datagram, from, now);
    if (type === MessageType.joinMissing) return this.#missing(datagram, from, now);
    return notExpected;
  }

  /** Late and repeated answers change nothing. */
  answer(answer: JoinAnswer, now: Millis): void {
    if (this.#parts !== undefined) return;
    this.#parts = splitAnswer(encodeAnswer(answer)) ?? splitAnswer(encodeAnswer(tooLarge))!;
    this.#extend(now);
    this.#send(firstWindow, now);
  }

  wipe(): void {
    this.#local.indices.delete(this.#localIndex);
    this.#local.deadlines.remove(this);
    this.#knocked.handshake.wipe();
    this.#session?.wipe();
  }

  #plea(datagram: Uint8Array, from: Endpoint, now: Millis): Drop {
    const reply = datagram.length <= limits.handshakeLength ? decodeReply(datagram) : undefined;
    if (reply === undefined) return Drop.malformed;
    if (!verifyHandshake(datagram, this.#knocked.macKey)) return Drop.badMac;
    if (this.#session !== undefined) return this.#pleadedAgain(now);
    // The token, or the network key it derives from, may have been revoked since the knock.
    const { token, tokenKey } = this.#knocked;
    if (!this.#local.membership.tokenKeys(token).some((key) => equalBytes(key, tokenKey))) {
      this.#server.drop(this);
      return Drop.badMac;
    }
    const application = receivePlea(this.#knocked, reply);
    if (application === Drop.badTag && ++this.#spoilt < limits.spoiltReplies) return Drop.badTag;
    if (typeof application === "number") {
      this.#server.drop(this);
      return application;
    }
    this.#endpoint = from;
    this.#open(application, now);
    return Drop.none;
  }

  #open(application: Uint8Array, now: Millis): void {
    const { handshake, token, sender: remoteIndex } = this.#knocked;
    const noiseKey = handshake.remoteStatic!;
    this.#session = new Session({
      localIndex: this.#localIndex,
      remoteIndex,
      initiator: false,
      suite: this.#local.suites.get("chacha20-poly1305")!,
      keys: handshake.split(),
      now,
    });
    this.request = this.#server.number();
    this.#extend(now);
    const { request } = this;
    this.#local.outbox.push({
      type: "join-requested",
      request,
      token,
      noiseKey,
      application,
      from: this.#endpoint,
    });
  }

  /** The answer may have been lost. It goes to where the plea came from first: this one may be a replay from elsewhere. */
  #pleadedAgain(now: Millis): Drop {
    if (now - this.#sentAt < limits.joinResendMillis) return Drop.rateLimited;
    this.#send(firstWindow, now);
    return Drop.none;
  }

  #missing(datagram: Uint8Array, from: Endpoint, now: Millis): Drop {
    if (this.#session === undefined) return notExpected;
    if (!isTransport(datagram)) return Drop.malformed;
    const opened = this.#session.open(datagram, now);
    if (typeof opened === "number") return opened;
    const numbers = decodeMissing(opened);
    if (numbers === undefined) return Drop.malformed;
    this.#endpoint = from;
    this.#extend(now);
    if (numbers.length === 0) this.#server.drop(this);
    else this.#send(numbers, now);
    return Drop.none;
  }

  #extend(now: Millis): void {
    this.#expiresAt = Math.min(now + limits.joinMillis, this.#createdAt + limits.joinTotalMillis);
  }

  #send(numbers: readonly number[], now: Millis): void {
    if (this.#parts === undefined) return;
    this.#sentAt = now;
    for (const number of numbers) {
      const part = this.#parts[number];
      const datagram = part && this.#session?.seal(MessageType.joinAnswer, part, now);
      if (datagram !== undefined) this.#local.outbox.transmit(datagram, this.#endpoint, now);
    }
  }
}

const tooLarge: JoinAnswer = {
  refused: "INTERNAL",
  reason: "The welcome of this network is larger than a join can carry",
};
