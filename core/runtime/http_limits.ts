/** What the callers of an HTTP server may cost. Milliseconds and bytes. */
export interface HttpLimits {
  /** What is open beyond it is closed, the least wanted first. */
  readonly connections: number;
  /**
   * How often that is done: a connection stays for at least so long, time to tell a caller from one who only holds a
   * place. And how many more may be open meanwhile; beyond them the age counts for nothing.
   */
  readonly graceMillis: number;
  readonly burst: number;
  readonly headerBytes: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headerMillis: number;
  /** To the end of its body. */
  readonly requestMillis: number;
  /**
   * Without a byte in either direction: the end of a reader that does not read. Above the longest ping that the API
   * takes and above the heartbeats of an event stream.
   */
  readonly idleMillis: number;
  /** How much of a refused body is taken in before its answer goes out, and how long that may take. */
  readonly drainBytes: number;
  readonly drainMillis: number;
  /** The same for who has shown nothing: enough for a document that was sent with its headers. */
  readonly strangerDrainMillis: number;
  /** Requests of strangers in a second that the handler sees; the others are turned away without it. */
  readonly strangerRequests: number;
  /** How long a closing server lets started answers finish. */
  readonly closeMillis: number;
}

export const defaultHttpLimits: HttpLimits = {
  connections: 64,
  graceMillis: 50,
  burst: 960,
  headerBytes: 16 * 1024,
  headerMillis: 10_000,
  requestMillis: 30_000,
  idleMillis: 90_000,
  drainBytes: 4 * 1024 * 1024,
  drainMillis: 1_000,
  strangerDrainMillis: 50,
  strangerRequests: 50,
  closeMillis: 1_000,
};
