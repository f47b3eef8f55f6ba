/**
 * The joiner's side: knocks at the endpoints in turn until one welcomes it, all have refused, or the deadline.
 *
 *     knocking ──admit──> pleading ──part──> collecting ──all parts──> welcomed, or refused here: next endpoint
 *        ^                    └── 10 s without an authentic message ──┐
 *        └────────────────────────────────────────────────────────────┘
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { JoinRequest } from "../../core/contracts/encapsulation.ts";
import type { ErrorCode } from "../../core/contracts/errors.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { formatEndpoint, sameEndpoint } from "../../core/wire/endpoint.ts";
import { isStreamEndpoint } from "../../core/wire/stream_endpoint.ts";
import { limits } from "./constants.ts";
import { openCookie } from "./cookies.ts";
import type { Timed } from "./deadlines.ts";
import { type Addressed, type IndexOwner, notExpected } from "./indices.ts";
import { type JoinHandshake, knock, plead } from "./join_handshake.ts";
import { encodeMissing, firstWindow, PartCollector } from "./join_parts.ts";
import type { Local } from "./local.ts";
import { decodeAnswer } from "./payload.ts";
import { RetrySchedule } from "./retry_schedule.ts";
import { Session } from "./session.ts";
import { decodeCookie, decodeReply, isTransport, MessageType, readMac1, type Reply } from "./wire.ts";

interface Refused {
  readonly code: ErrorCode;
  readonly reason: string;
}

/** A knock under way. */
interface Knocking extends JoinHandshake {
  readonly step: "knocking";
  readonly localIndex: number;
  readonly endpoint: Endpoint;
  readonly message: Uint8Array;
  /** It carries a cookie, and followed at once upon one that did not. */
  readonly repeated: boolean;
  /** Altered admissions that have come. */
  spoilt: number;
}

/** Admitted to plead; the answer is awaited or coming in. */
interface Pleading {
  readonly step: "pleading";
  readonly localIndex: number;
  readonly endpoint: Endpoint;
  /** Where that one has answered. */
  readonly place: Endpoint;
  readonly session: Session;
  readonly plea: Uint8Array;
  readonly retry: RetrySchedule;
  readonly collector: PartCollector;
  /** Numbers that are on their way, if nothing was lost. */
  asked: readonly number[];
  givesUpAt: Millis;
}

export class JoinClient implements Timed, IndexOwner {
  readonly #local: Local;
  readonly #request: JoinRequest;
  readonly #knocks: RetrySchedule;
  #endpoints: readonly Endpoint[];
  #state: Knocking | Pleading | undefined;
  #refused: Refused | undefined;
  /** A member has heard our plea: it may have admitted us even if its answer never came. */
  #pleaded = false;

  constructor(local: Local, request: JoinRequest, now: Millis) {
    this.#local = local;
    this.#request = request;
    const fits = request.application.length <= limits.applicationLength;
    this.#endpoints = fits ? request.endpoints : [];
    if (!fits) this.#refused = tooMuch;
    this.#knocks = new RetrySchedule(local.random, now, Math.max(1, request.endpoints.length));
    local.deadlines.update(this);
  }

  deadline(): Millis {
    const state = this.#state;
    const next = state?.step === "pleading" ? Math.min(state.retry.at, state.givesUpAt) : this.#knocks.at;
    return Math.min(next, this.#request.deadline);
  }

  handleTimeout(now: Millis): void {
    if (this.#endpoints.length === 0 || now >= this.#request.deadline) return this.#fail();
    if (this.#state?.step !== "pleading") return this.#knock(now);
    if (now >= this.#state.givesUpAt) this.#leave(now);
    else this.#pleadAgain(this.#state, now);
  }

  receive({ type, datagram, from }: Addressed, now: Millis): Drop {
    const state = this.#state;
    if (state?.step === "knocking" && type === MessageType.cookie) return this.#cookie(state, datagram, now);
    if (state?.step === "knocking" && type === MessageType.admit) {
      return this.#admitted(state, { datagram, from }, now);
    }
    if (state?.step === "pleading" && type === MessageType.joinAnswer) {
      return this.#answered(state, datagram, from, now);
    }
    return notExpected;
  }

  /** What is sent to this address arrives from now on: knocks there anew, unless the last knock was there and is sent on. */
  opened(place: Endpoint, now: Millis): void {
    const state = this.#state;
    if (state?.step !== "knocking" || sameEndpoint(state.endpoint, place)) return;
    if (this.#endpoints.some((each) => sameEndpoint(each, place))) this.#knockAt(place, false, now);
  }

  /** Ends the join without a word. */
  stop(): void {
    this.#forget();
    this.#local.deadlines.remove(this);
  }

  #knock(now: Millis): void {
    this.#forget();
    const endpoint = this.#endpoints[this.#knocks.attempts % this.#endpoints.length]!;
    this.#knocks.attempted(now);
    this.#knockAt(endpoint, false, now);
  }

  #knockAt(endpoint: Endpoint, repeated: boolean, now: Millis): void {
    this.#forget();
    const localIndex = this.#local.indices.draw();
    const join = knock(this.#local, this.#request, localIndex);
    this.#local.cookies.sign(join.message, endpoint, now);
    this.#state = { step: "knocking", ...join, localIndex, endpoint, repeated, spoilt: 0 };
    this.#local.indices.set(localIndex, this);
    this.#local.outbox.transmit(join.message, endpoint, now, true);
  }

  /** The member is under load and wants its cookie back: at once, but not more than once for each knock on schedule. */
  #cookie({ endpoint, message, cookieKey, repeated }: Knocking, datagram: Uint8Array, now: Millis): Drop {
    const reply = decodeCookie(datagram);
    if (reply === undefined) return Drop.malformed;
    const cookie = openCookie(reply, cookieKey, readMac1(message));
    if (cookie === undefined) return Drop.badTag;
    this.#local.cookies.keep(endpoint, cookie, now);
    if (!repeated) this.#knockAt(endpoint, true, now);
    return Drop.none;
  }

  #admitted(
    state: Knocking,
    { datagram, from }: Pick<Addressed, "datagram" | "from">,
    now: Millis,
  ): Drop {
    const reply = datagram.length <= limits.handshakeLength ? decodeReply(datagram) : undefined;
    if (reply === undefined) return Drop.malformed;
    const plea = plead(state, { reply, datagram }, this.#request.application, state.localIndex);
    if (plea === Drop.badTag && ++state.spoilt >= limits.spoiltReplies) this.#forget();
    if (plea === Drop.badMac || plea === Drop.badTag) return plea;
    // At an address nothing but that one is talked to, but a stream is where the member has answered.
    const place = isStreamEndpoint(from) ? from : state.endpoint;
    if (typeof plea !== "number") return this.#pleadFirst({ ...state, place }, reply, plea, now);
    this.#refuse({ code: "UNSUPPORTED", reason: "The member speaks no protocol version of this node" }, now);
    return plea;
  }

  #pleadFirst(state: Knocking & Pick<Pleading, "place">, reply: Reply, plea: Uint8Array, now: Millis): Drop {
    const { localIndex, endpoint, place, handshake } = state;
    const session = new Session({
      localIndex,
      remoteIndex: reply.sender,
      initiator: true,
      suite: this.#local.suites.get("chacha20-poly1305")!,
      keys: handshake.split(),
      now,
    });
    this.#pleaded = true;
    const retry = new RetrySchedule(this.#local.random, now);
    const givesUpAt = now + limits.joinMillis;
    const collector = new PartCollector();
    this.#state = {
      step: "pleading",
      localIndex,
      endpoint,
      place,
      session,
      plea,
      retry,
      collector,
      asked: firstWindow,
      givesUpAt,
    };
    this.#pleadAgain(this.#state, now);
    return Drop.none;
  }

  /** The plea until the first part has come, then the list of parts that are missing. */
  #pleadAgain(state: Pleading, now: Millis): void {
    state.retry.attempted(now);
    if (state.collector.hasBegun) this.#askMissing(state, now);
    else this.#local.outbox.transmit(state.plea, state.place, now);
    this.#local.deadlines.update(this);
  }

  #askMissing(state: Pleading, now: Millis): void {
    state.asked = state.collector.missing();
    const datagram = state.session.seal(MessageType.joinMissing, encodeMissing(state.asked), now);
    if (datagram !== undefined) this.#local.outbox.transmit(datagram, state.place, now);
  }

  #answered(state: Pleading, datagram: Uint8Array, from: Endpoint, now: Millis): Drop {
    if (!isTransport(datagram)) return Drop.malformed;
    const part = state.session.open(datagram, now);
    if (typeof part === "number") return part;
    const { collector, retry } = state;
    if (!collector.add(part)) return Drop.malformed;
    state.givesUpAt = now + limits.joinMillis;
    const answer = collector.complete();
    if (answer !== undefined) return this.#complete(state, answer, from, now);
    if (!state.asked.some((number) => collector.lacks(number))) this.#askMissing(state, now);
    retry.restart(now);
    retry.attempted(now); // what is missing is asked for again 250 ms after the last part
    this.#local.deadlines.update(this);
    return Drop.none;
  }

  #complete(state: Pleading, bytes: Uint8Array, from: Endpoint, now: Millis): Drop {
    this.#askMissing(state, now); // nothing: the member may forget this join
    const answer = decodeAnswer(bytes);
    if (answer === undefined) {
      this.#refuse({ code: "MALFORMED", reason: "The member's answer cannot be read" }, now);
      return Drop.malformed;
    }
    if ("welcome" in answer) {
      this.#local.outbox.push({ type: "join-answered", welcome: answer.welcome, from });
      this.stop();
    } else {
      this.#refuse({ code: answer.refused, reason: answer.reason }, now);
    }
    return Drop.none;
  }

  /** The first refusal is what is reported if nobody welcomes us. */
  #refuse(refused: Refused, now: Millis): void {
    this.#refused ??= refused;
    const { endpoint } = this.#state!;
    this.#endpoints = this.#endpoints.filter((each) => !sameEndpoint(each, endpoint));
    if (this.#endpoints.length === 0) this.#fail();
    else this.#leave(now);
  }

  /** Back to knocking, at the next endpoint and at once. */
  #leave(now: Millis): void {
    this.#forget();
    this.#knock(now);
    this.#local.deadlines.update(this);
  }

  #fail(): void {
    const failure = this.#refused ?? silence(this.#request.endpoints, this.#pleaded);
    this.#local.outbox.push({ type: "join-failed", ...failure });
    this.stop();
  }

  #forget(): void {
    if (this.#state === undefined) return;
    this.#local.indices.delete(this.#state.localIndex);
    if (this.#state.step === "knocking") this.#state.handshake.wipe();
    else this.#state.session.wipe();
    this.#state = undefined;
  }
}

const tooMuch: Refused = {
  code: "INVALID_ARGUMENT",
  reason:
    `Cannot join: what this node says of itself is over ${limits.applicationLength} bytes; announce less`,
};

/** `UNREACHABLE` when nobody has ever answered, so nobody has admitted us; `TIMEOUT` when somebody may have. */
function silence(endpoints: readonly Endpoint[], pleaded: boolean): Refused {
  if (endpoints.length === 0) {
    return { code: "INVALID_ARGUMENT", reason: "The token names no member to join at" };
  }
  const places = endpoints.map(formatEndpoint).join(", ");
  if (pleaded) {
    return { code: "TIMEOUT", reason: `A member at ${places} answered at first and then no more; try again` };
  }
  const reason =
    `No member answered at ${places}: is a node of that network running there, does the firewall let UDP through, ` +
    "and is the token neither expired nor revoked, or the password the right one?";
  return { code: "UNREACHABLE", reason };
}
