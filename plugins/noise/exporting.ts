/**
 * What is told to the data path worker, and what is learned of it.
 *
 *     machine ── opened, confirmed, current, ended, down ──> worker        as it happens
 *     machine <── counters sent and received ────────────── worker        looked at, once a second while they move
 *     machine <── messages the worker does not finish ────── worker        as they come
 *
 * A timer or a message per packet was rejected: what goes on in a session is seen soon enough by looking.
 */
import type { ExportedWay, SessionExporter } from "../../core/contracts/encapsulation.ts";
import type { Millis, PeerId } from "../../core/contracts/values.ts";
import { sameEndpoint } from "../../core/wire/endpoint.ts";
import { limits } from "./constants.ts";
import type { Session } from "./session.ts";

/** Where sessions go, for all links; set at most once. */
export class Exporting {
  to: SessionExporter | undefined;

  /** The worker takes packets whose checksum is not finished. */
  get partialChecksum(): boolean {
    return this.to?.partialChecksum === true;
  }
}

interface Shared {
  readonly session: Session;
  isConfirmed: boolean;
  /** Of the session's numbers, at the last look. */
  sent: number;
  plain: number;
  opened: number;
  strayed: number;
}

/** What the worker has done since the last look. */
export interface WorkerNews {
  readonly hasSent: boolean;
  readonly hasOpened: boolean;
  /** Something of it came on the way that packets to the peer take. */
  readonly hasHeardHere: boolean;
}

const none = { sent: 0, plain: 0, opened: 0, strayed: 0 };
const noNews: WorkerNews = { hasSent: false, hasOpened: false, hasHeardHere: false };

/** The sessions of one peer that the worker shares. */
export class LinkExports {
  readonly #peer: PeerId;
  readonly #exporting: Exporting;
  readonly #shared = new Map<number, Shared>();
  #way: ExportedWay | undefined;
  #lookAt: Millis = Infinity;

  constructor(peer: PeerId, exporting: Exporting) {
    this.#peer = peer;
    this.#exporting = exporting;
  }

  /** `session` exists, and nothing has been sent because of it. */
  opened(session: Session, takes: { readonly partialChecksum: boolean; readonly relayed: boolean }): void {
    const { to } = this.#exporting;
    if (to === undefined) return;
    const cells = to.opened({ peer: this.#peer, keys: session.exportKeys(), ...takes });
    if (cells === undefined) return;
    session.share(cells);
    this.#shared.set(session.localIndex, { session, isConfirmed: false, ...none });
  }

  /** There is a worker, and it shares this session though it may not, or might and does not: the next one sets that right. */
  differs(session: Session | undefined, mayShare: boolean): boolean {
    const isShared = session !== undefined && this.#shared.has(session.localIndex);
    return this.#exporting.to !== undefined && session !== undefined && isShared !== mayShare;
  }

  /** The peer has shown that it has the keys of `session`. Harmless at any time. */
  confirmed({ localIndex }: Session): void {
    const shared = this.#shared.get(localIndex);
    if (shared === undefined || shared.isConfirmed) return;
    shared.isConfirmed = true;
    this.#exporting.to?.confirmed(localIndex);
  }

  /** Packets leave so, perhaps as before. */
  leave(way: ExportedWay): void {
    const { to } = this.#exporting;
    if (to === undefined || (this.#way !== undefined && isSameWay(this.#way, way))) return;
    this.#way = way;
    to.current(this.#peer, way);
  }

  ended({ localIndex }: Session): void {
    if (this.#shared.delete(localIndex)) this.#exporting.to?.ended(localIndex);
  }

  down(): void {
    this.#way = undefined;
    this.#lookAt = Infinity;
    this.#exporting.to?.down(this.#peer);
  }

  /** When to look again; Infinity: the worker was idle when it was last looked at. */
  deadline(): Millis {
    return this.#lookAt;
  }

  look(now: Millis): WorkerNews {
    if (this.#shared.size === 0) return noNews;
    let hasSent = false;
    let [hasOpened, hasHeardHere] = [false, false];
    for (const shared of this.#shared.values()) {
      const { sentByWorker, plainByWorker, openedByWorker, strayedByWorker } = shared.session;
      hasSent ||= shared.sent !== sentByWorker || shared.plain !== plainByWorker;
      hasOpened ||= shared.opened !== openedByWorker;
      hasHeardHere ||= openedByWorker - shared.opened !== strayedByWorker - shared.strayed;
      shared.sent = sentByWorker;
      shared.plain = plainByWorker;
      shared.opened = openedByWorker;
      shared.strayed = strayedByWorker;
    }
    // A look in between that finds nothing says little: only the one that was due says that the worker rests.
    if (hasSent || hasOpened) this.#lookAt = now + limits.workerLookMillis;
    else if (now >= this.#lookAt) this.#lookAt = Infinity;
    return { hasSent, hasOpened, hasHeardHere };
  }
}

function isSameWay(left: ExportedWay, right: ExportedWay): boolean {
  return left.localIndex === right.localIndex && left.longest === right.longest &&
    left.isPlain === right.isPlain && sameEndpoint(left.endpoint, right.endpoint);
}
