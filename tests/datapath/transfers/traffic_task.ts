/** What `traffic_program.ts` is told to do, and what it reports. */

export type Task = StreamTask | { readonly role: "receiveStreams"; readonly streams: number } | DatagramTask;

export interface StreamTask {
  readonly role: "sendStreams";
  /** Address of the receiver. */
  readonly to: string;
  readonly streams: number;
  readonly seed: number;
  /** Of all streams together. */
  readonly bytes: number;
}

export interface DatagramTask {
  readonly role: "sendDatagrams" | "receiveDatagrams";
  /** Address of the receiver. */
  readonly to: string;
  readonly seed: number;
  readonly count: number;
  /** Of the UDP payload. */
  readonly length: number;
}

/** What one end saw of a stream. */
export interface StreamReport {
  readonly bytes: number;
  /** SHA-256 in hex. */
  readonly digest: string;
}

/** Datagrams that have come: as they were sent, otherwise, and once more. */
export interface DatagramReport {
  readonly right: number;
  readonly wrong: number;
  readonly again: number;
}
