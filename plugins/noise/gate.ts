/**
 * What a first message must pass before this node does a Diffie-Hellman for it. Anybody can send 50,000 a second, from
 * sources that are not his; a core does some 300 handshakes in that time. So the checks stand in the order of their
 * cost, each keeps out what the ones before cannot, and none of them keeps anything for a stranger:
 *
 *     check                        cost, of a handshake    keeps out
 *     type, version, length, ids   1 : 10,000              noise, other networks        Drop.malformed, .badMac
 *     a copy of one judged before  1 : 5,000               recorded first messages      Drop.replayed
 *     mac1                         1 : 600                 whoever lacks the key        Drop.badMac
 *     under load?                  —                       (lets pass if not)
 *     mac2                         1 : 300                 made-up sources, else:       Drop.underLoad, a cookie
 *     rate of the source           1 : 3,000               a host that floods           Drop.rateLimited
 *
 * Under load mac1 still comes before mac2, as one block it is the cheaper of the two, and cookies go to those alone who
 * have the key. Cookies are limited as well: a member that forges sources must not make this node spend all its time on
 * answers to them. See `rate_limiter.ts` for how genuine senders get theirs nevertheless.
 *
 * Initiations and knocks have rates of their own. A token may be in anybody's hands, and its holder can forge a member's
 * address in knocks: out of one budget he would take what is there for that member.
 *
 * A message counts as a copy as soon as one with its mac1 has been judged, whatever became of that one. Whoever is faster
 * than the message he overhears can so keep it out, as he can by sending a copy from another address, to which the
 * answer then goes; what he cannot do is have more than one handshake done for each message that he recorded.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { Random } from "../../core/contracts/host.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { sourceOf } from "../../core/wire/source.ts";
import { limits } from "./constants.ts";
import { CookieIssuer } from "./cookies.ts";
import { Load } from "./load.ts";
import type { Outbox } from "./outbox.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { ReadyKeys } from "./ready_keys.ts";
import { SeenMacs } from "./seen_macs.ts";
import { hasMac2, MessageType, readMac1 } from "./wire.ts";

/** An initiation or a knock whose lengths and ids are right. */
export interface FirstMessage {
  readonly datagram: Uint8Array;
  readonly from: Endpoint;
  /** The index of whoever sent it. */
  readonly sender: number;
}

/** What is done under load. */
interface Budget {
  /** Messages let in, with a right mac2. */
  readonly proven: RateLimiter;
  /** Answers to those without one. */
  readonly cookies: RateLimiter;
}

export class Gate {
  readonly load = new Load();
  readonly seen = new SeenMacs();
  readonly issuer: CookieIssuer;
  readonly #outbox: Outbox;
  readonly #initiations: Budget;
  readonly #knocks: Budget;

  constructor(outbox: Outbox, random: Random) {
    this.#outbox = outbox;
    this.issuer = new CookieIssuer(random);
    this.#initiations = {
      proven: new RateLimiter(limits.provenInitiations, random),
      cookies: new RateLimiter(limits.cookieReplies, random),
    };
    this.#knocks = {
      proven: new RateLimiter(limits.provenKnocks, random),
      cookies: new RateLimiter(limits.cookieReplies, random),
    };
  }

  /** True for a copy of a message that was judged before. Asked first of all. */
  isCopy({ datagram }: FirstMessage): boolean {
    return this.seen.has(readMac1(datagram));
  }

  /** `none` when the message is worth a Diffie-Hellman. It has a right mac1. */
  judge(message: FirstMessage, keys: ReadyKeys, now: Millis): Drop {
    this.seen.add(readMac1(message.datagram));
    if (!this.load.arrived(now)) return Drop.none;
    const { datagram, from } = message;
    if (!hasMac2(datagram) || !this.issuer.proves(datagram, from, now)) {
      return this.#sendCookie(message, keys, now);
    }
    return this.#budget(datagram).proven.allow(sourceOf(from.host), now) ? Drop.none : Drop.rateLimited;
  }

  #budget(datagram: Uint8Array): Budget {
    return datagram[0] === MessageType.knock ? this.#knocks : this.#initiations;
  }

  #sendCookie({ datagram, from, sender }: FirstMessage, { cookie }: ReadyKeys, now: Millis): Drop {
    if (!this.#budget(datagram).cookies.allow(sourceOf(from.host), now)) return Drop.rateLimited;
    this.#outbox.refuse(
      this.issuer.reply(datagram, { receiver: sender, key: cookie }, from, now),
      from,
      now,
    );
    return Drop.underLoad;
  }
}
