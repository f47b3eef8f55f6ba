/**
 * Sessions that packets ask for. A member without a session is called when there is a packet for it, and packets wait
 * until it answers, few and not for long. A session that was made so and carries nothing more is ended again: so a node
 * pays for the peers that it talks to and not for all that there are.
 *
 * Held is the oldest and refused the newest, since what a flow begins with is what the rest of it waits for.
 */
import { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { Clock, DropCounters, Timer } from "../contracts/host.ts";
import type { Millis, PeerId } from "../contracts/values.ts";

export interface SessionDemandParts {
  readonly clock: Clock;
  readonly drops: DropCounters;
  /** Sets out for a session with this peer, unless somebody has already. */
  call(peer: PeerId): Call;
  /** Ends the session and every attempt. */
  hangUp(peer: PeerId): void;
  /** There is a session: the packet goes now, and is counted. */
  send(peer: PeerId, packet: OverlayPacket): void;
  /** Packets that have crossed to and from this peer so far, whatever carried them. */
  crossed(peer: PeerId): number;
}

/** `sought`: others have set out for it and say when to stop; `vain`: nobody knows where it is, or it does not answer. */
export type Call = "called" | "sought" | "vain";

interface Waiting {
  readonly packets: OverlayPacket[];
  readonly until: Millis;
}

interface Called {
  crossed: number;
  /** When it last carried something, as far as was looked. */
  since: Millis;
}

/** A handshake takes one round trip, and on a path that loses a packet another quarter of a second. */
const patience: Millis = 5_000;
const mostPacketsPerPeer = 32;
const mostBytes = 1_048_576;
/** Called at a time, in vain or not. */
const mostCalled = 1_024;
/** Of each of these, what is passed on for others may take: a member may send to all there are, and this node has to call. */
const passedOnPart = 0.5;
const idleAfter: Millis = 300_000;
const lookEvery: Millis = 30_000;

export class SessionDemand {
  readonly #parts: SessionDemandParts;
  /** In the order in which their time is over. */
  readonly #waiting = new Map<PeerId, Waiting>();
  readonly #called = new Map<PeerId, Called>();
  #bytes = 0;
  #expiry: Timer | undefined;
  #look: Timer | undefined;
  #isStopped = false;

  constructor(parts: SessionDemandParts) {
    this.#parts = parts;
  }

  /** A packet for a member without a session. `none`: a copy waits, and ends in {@link SessionDemandParts.send} or in a counter. */
  hold(peer: PeerId, packet: OverlayPacket): Drop {
    if (this.#isStopped) return Drop.noSession;
    const part = packet.forwarded ? passedOnPart : 1;
    const waiting = this.#waiting.get(peer) ?? this.#call(peer, part);
    if (waiting === undefined) return Drop.noSession;
    const { length } = packet.payload;
    if (waiting.packets.length >= mostPacketsPerPeer * part || this.#bytes + length > mostBytes * part) {
      return Drop.queueFull;
    }
    waiting.packets.push({ ...packet, payload: packet.payload.slice() });
    this.#bytes += length;
    return Drop.none;
  }

  /** Nothing waits for this peer, but what waits for others is to go through it. */
  want(peer: PeerId): void {
    if (!this.#isStopped && this.#called.size < mostCalled * passedOnPart) this.#setOut(peer);
  }

  isWaiting(peer: PeerId): boolean {
    return this.#waiting.has(peer);
  }

  /** Whether packets, for it or for others behind it, have it called. */
  isCalled(peer: PeerId): boolean {
    return this.#called.has(peer);
  }

  /** What has waited for this peer goes out, in order. */
  sessionUp(peer: PeerId): void {
    for (const packet of this.#take(peer)) this.#parts.send(peer, packet);
  }

  /**
   * Nobody goes on calling a peer only because it was talked to once. Where a packet waits already, it has found the
   * session gone before this was told, and its call is the next one's.
   */
  sessionDown(peer: PeerId): void {
    if (this.#called.has(peer) && !this.#waiting.has(peer)) this.#hangUp(peer);
  }

  /** Drops what waits, counted. Ports live a little longer, and no packet of theirs starts anything. */
  stop(): void {
    this.#isStopped = true;
    this.#expiry?.cancel();
    this.#look?.cancel();
    for (const peer of [...this.#waiting.keys()]) this.#drop(peer);
    this.#called.clear();
  }

  #call(peer: PeerId, part: number): Waiting | undefined {
    if (this.#called.size >= mostCalled * part) return undefined;
    if (this.#setOut(peer) === "vain") return undefined;
    const waiting: Waiting = { packets: [], until: this.#parts.clock.now() + patience };
    this.#waiting.set(peer, waiting);
    this.#expiry ??= this.#parts.clock.timer(waiting.until, () => this.#expire());
    return waiting;
  }

  #setOut(peer: PeerId): Call {
    const call = this.#parts.call(peer);
    if (call !== "called") return call;
    const now = this.#parts.clock.now();
    this.#called.set(peer, { crossed: this.#parts.crossed(peer), since: now });
    this.#look ??= this.#parts.clock.timer(now + lookEvery, () => this.#lookForIdle());
    return call;
  }

  #take(peer: PeerId): readonly OverlayPacket[] {
    const packets = this.#waiting.get(peer)?.packets ?? [];
    this.#waiting.delete(peer);
    for (const { payload } of packets) this.#bytes -= payload.length;
    return packets;
  }

  #drop(peer: PeerId): void {
    this.#parts.drops.count(Drop.noSession, this.#take(peer).length);
  }

  #hangUp(peer: PeerId): void {
    this.#called.delete(peer);
    this.#parts.hangUp(peer);
  }

  #expire(): void {
    this.#expiry = undefined;
    const now = this.#parts.clock.now();
    for (const [peer, { until }] of this.#waiting) {
      if (until > now) {
        this.#expiry = this.#parts.clock.timer(until, () => this.#expire());
        return;
      }
      this.#drop(peer);
      if (this.#called.has(peer)) this.#hangUp(peer);
    }
  }

  #lookForIdle(): void {
    const now = this.#parts.clock.now();
    for (const [peer, called] of this.#called) {
      const crossed = this.#parts.crossed(peer);
      if (crossed !== called.crossed) Object.assign(called, { crossed, since: now });
      else if (now - called.since >= idleAfter) this.#hangUp(peer);
    }
    const isNeeded = this.#called.size > 0;
    this.#look = isNeeded ? this.#parts.clock.timer(now + lookEvery, () => this.#lookForIdle()) : undefined;
  }
}
