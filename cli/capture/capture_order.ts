/** What `--pcap` and `--pcap-limit` say. */
import { resolve } from "node:path";
import { MeshError } from "../../core/contracts/errors.ts";

/** `inner`: overlay packets as endpoints see them; `outer`: datagrams as the underlay sees them. */
export type CaptureLayer = "inner" | "outer";

export interface CaptureOrder {
  /** Absolute: a detached node works elsewhere. */
  readonly file: string;
  readonly layer: CaptureLayer;
  /** Bytes that the file may have. */
  readonly limit: number;
}

export interface CaptureOptions {
  readonly pcap?: string;
  readonly pcapLimit?: string;
}

/** Of a file that holds less nothing can be learned. */
const smallestLimit = 10_000;
const units: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9 };

/** Undefined without `--pcap`. Throws `INVALID_ARGUMENT`. */
export function captureOrder({ pcap, pcapLimit }: CaptureOptions): CaptureOrder | undefined {
  if (pcap === undefined) {
    if (pcapLimit === undefined) return undefined;
    throw new MeshError("INVALID_ARGUMENT", "--pcap-limit is for --pcap, which is not given");
  }
  const [, file = pcap, layer = "inner"] = /^(.*):(inner|outer)$/.exec(pcap) ?? [];
  if (file === "") throw new MeshError("INVALID_ARGUMENT", `--pcap takes a file, not "${pcap}"`);
  return { file: resolve(file), layer: layer as CaptureLayer, limit: parseLimit(pcapLimit ?? "100M") };
}

function parseLimit(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([kMG]?)$/.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * (units[unit ?? ""] ?? NaN));
  if (bytes >= smallestLimit && Number.isSafeInteger(bytes)) return bytes;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `--pcap-limit takes at least ${smallestLimit} bytes, as 500k, 100M or 2G, not "${text}"`,
  );
}
