/**
 * Which connections a server keeps when there are too many. Refusing the newest, as `server.maxConnections` does, hands
 * the server to whoever holds on longest; here a caller gets in however many only hold a place.
 *
 * Three kinds: those whose caller has shown nothing yet go first, of them those of the greediest source, of them the
 * oldest. Those of known callers go when they are idle. One with an answer to a known caller under way is never closed.
 */
import type { Socket } from "node:net";
import type { HttpLimits } from "./http_limits.ts";

interface Connection {
  readonly socket: Socket;
  readonly source: string;
  /** How many have come before it. */
  readonly number: number;
  /** Answers under way. */
  answering: number;
}

type PoolLimits = Pick<HttpLimits, "connections" | "burst" | "graceMillis">;

export class ConnectionPool {
  /** In the order in which they came. */
  readonly #open = new Map<Socket, Connection>();
  /** Those whose caller has shown nothing yet, by source; oldest first. */
  readonly #strangers = new Map<string, Set<Connection>>();
  readonly #limits: PoolLimits;
  #trimming: ReturnType<typeof setTimeout> | undefined;
  #closed = 0;
  #come = 0;
  /** The last that had come at the last round but one, and at the last. */
  #rounds: readonly [number, number] = [0, 0];
  #stopped = false;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  /** Connections closed to make room, since the start. */
  get closed(): number {
    return this.#closed;
  }

  get size(): number {
    return this.#open.size;
  }

  add(socket: Socket): void {
    const { connections, burst } = this.#limits;
    if (this.#stopped) return;
    const source = socket.remoteAddress ?? "";
    const connection = { socket, source, number: ++this.#come, answering: 0 };
    this.#open.set(socket, connection);
    const strangers = this.#strangers.get(source);
    if (strangers === undefined) this.#strangers.set(source, new Set([connection]));
    else strangers.add(connection);
    socket.once("close", () => this.#forget(connection));
    if (this.#open.size > connections + burst) this.#closeOne();
    this.#trimSoon();
  }

  isStranger(socket: Socket): boolean {
    const connection = this.#open.get(socket);
    return connection !== undefined && this.#strangers.get(connection.source)?.has(connection) === true;
  }

  /** An answer on this connection has begun; it ends with the call of what is returned. */
  answer(socket: Socket): () => void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return () => {};
    connection.answering++;
    return () => {
      connection.answering--;
      this.#trimSoon();
    };
  }

  /** Its caller has shown that the answers are meant for it. */
  admit(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection !== undefined) this.#acquaint(connection);
  }

  /** No more is closed by itself. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#trimming);
  }

  /**
   * Not at once: the request of who has just come is still in the kernel, and would tell it from a held place. A round
   * closes what had come by the last but one, so that each connection was read in between, however late this process is:
   * a round alone may follow the one before it with nothing read between them.
   */
  #trimSoon(): void {
    if (this.#stopped || this.#open.size <= this.#limits.connections) return;
    this.#trimming ??= setTimeout(() => this.#trim(), this.#limits.graceMillis);
  }

  #trim(): void {
    this.#trimming = undefined;
    while (this.#open.size > this.#limits.connections && this.#closeOne(this.#rounds[0]));
    this.#rounds = [this.#rounds[1], this.#come];
    if (this.#leastWanted() !== undefined) this.#trimSoon();
  }

  /** False when each of them is needed, or the least wanted has come after `last`. */
  #closeOne(last = Number.POSITIVE_INFINITY): boolean {
    const least = this.#leastWanted();
    if (least === undefined || least.number > last) return false;
    this.#forget(least);
    this.#closed++;
    least.socket.destroy();
    return true;
  }

  #leastWanted(): Connection | undefined {
    let greediest: Set<Connection> | undefined;
    for (const strangers of this.#strangers.values()) {
      if (strangers.size > (greediest?.size ?? 0)) greediest = strangers;
    }
    if (greediest !== undefined) return greediest.values().next().value;
    return [...this.#open.values()].find(({ answering }) => answering === 0);
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection.socket);
    this.#acquaint(connection);
  }

  /** No stranger any more. */
  #acquaint(connection: Connection): void {
    const strangers = this.#strangers.get(connection.source);
    strangers?.delete(connection);
    if (strangers?.size === 0) this.#strangers.delete(connection.source);
  }
}
