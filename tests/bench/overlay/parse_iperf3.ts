/** What `iperf3 --json` of the client says of a run. */

/** Of the whole run, all streams together, as the receiver saw it. */
export interface Transfer {
  readonly bytes: number;
  readonly bitsPerSecond: number;
}

export interface Datagrams {
  readonly received: number;
  readonly perSecond: number;
}

interface Sum {
  readonly seconds: number;
  readonly bytes: number;
  readonly bits_per_second: number;
  readonly packets?: number;
  readonly lost_packets?: number;
}

interface Report {
  readonly error?: string;
  readonly end?: { readonly sum_received?: Sum; readonly sum?: Sum };
}

/** Throws with iperf3's own words when it could not run, and when nothing has arrived. */
export function parseTransfer(json: string): Transfer {
  const { bytes, bits_per_second: bitsPerSecond } = received(json);
  if (bytes === 0) throw new Error("iperf3: nothing arrived");
  return { bytes, bitsPerSecond };
}

/** Like {@link parseTransfer}, for a run with `--udp`. */
export function parseDatagrams(json: string): Datagrams {
  const { seconds, packets, lost_packets: lost } = received(json);
  if (packets === undefined || lost === undefined) throw new Error("iperf3: that was no run of datagrams");
  if (packets === 0 || seconds === 0) throw new Error("iperf3: nothing arrived");
  return { received: packets - lost, perSecond: (packets - lost) / seconds };
}

function received(json: string): Sum {
  const { error, end } = JSON.parse(json) as Report;
  if (error !== undefined) throw new Error(`iperf3: ${error}`);
  // Versions before 3.7 have no other sum of datagrams than `sum`, whose counts are the receiver's.
  const sum = end?.sum_received ?? end?.sum;
  if (sum === undefined) throw new Error("iperf3: a report without an end");
  return sum;
}
