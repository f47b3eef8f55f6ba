/** A verdict of the policy as the main thread tells it: the one command that comes as often as flows begin. */
import type { Flow } from "../contracts/policy.ts";
import type { ToldVerdict } from "./verdict_table.ts";

const addressLength = 16;
/** Kind of the command, epoch, what is judged, ports, both addresses. */
export const verdictLength = 16 + 2 * addressLength;

export interface TellVerdict extends ToldVerdict {
  readonly kind: "verdict";
}

/** Writes {@link verdictLength} bytes but for the first four, of a record of zeros. */
export function encodeVerdict({ epoch, flow, allow }: TellVerdict, out: Uint8Array, view: DataView): void {
  const { direction, protocol, source, destination, sourcePort, destinationPort } = flow;
  view.setInt32(4, epoch, true);
  view.setUint16(12, destinationPort, true);
  view.setUint16(14, sourcePort, true);
  out.set([source.family, protocol, direction === "egress" ? 1 : 0, allow ? 1 : 0], 8);
  out.set(source.bytes, 16);
  out.set(destination.bytes, 16 + addressLength);
}

/** The verdict in a record of {@link verdictLength} bytes; undefined for what is none. */
export function decodeVerdict(record: Uint8Array, view: DataView): TellVerdict | undefined {
  const [family, protocol, direction, allow] = record.subarray(8, 12);
  if ((family !== 4 && family !== 6) || direction! > 1 || allow! > 1) return undefined;
  const length = family === 4 ? 4 : addressLength;
  const addressAt = (at: number) => ({ family, bytes: record.slice(at, at + length) }) as const;
  const flow: Flow = {
    direction: direction === 1 ? "egress" : "ingress",
    protocol: protocol!,
    source: addressAt(16),
    destination: addressAt(16 + addressLength),
    sourcePort: view.getUint16(14, true),
    destinationPort: view.getUint16(12, true),
  };
  return { kind: "verdict", epoch: view.getInt32(4, true), flow, allow: allow === 1 };
}
