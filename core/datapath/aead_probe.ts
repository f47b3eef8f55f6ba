/**
 * What the AEADs do on this thread: whether they are right, and how long a packet takes. The data path runs in a worker,
 * and a cipher may be slower there than on the main thread, or absent.
 */
import type { AeadKey, AeadName, AeadSuite } from "../contracts/aead.ts";
import type { Clock } from "../contracts/host.ts";

/** Plain data: it crosses the boundary between threads. */
export interface AeadMeasure {
  readonly name: AeadName;
  readonly implementation: string;
  /** Opened what it sealed, and refused it after one bit was changed. */
  readonly sound: boolean;
  /** Nanoseconds to seal and to open one packet of {@link packetBytes}; zero when not sound. */
  readonly sealNanos: number;
  readonly openNanos: number;
}

/** A full packet of the usual underlay. */
export const packetBytes = 1400;

export interface ProbeOptions {
  readonly clock: Pick<Clock, "now">;
  /** For each of the two directions of each suite. */
  readonly millis: number;
}

/** An end on a clock that stands still. */
const mostCalls = 4096;
/** Calls between two looks at the clock, whose reading costs as much as sealing a small packet. */
const callsPerLook = 16;

/** Sound suites first, the fastest of them foremost. */
export function measureAeads(suites: readonly AeadSuite[], options: ProbeOptions): readonly AeadMeasure[] {
  return suites.map((suite) => measure(suite, options)).sort(byCost);
}

function byCost(left: AeadMeasure, right: AeadMeasure): number {
  if (left.sound !== right.sound) return left.sound ? -1 : 1;
  return left.sealNanos + left.openNanos - (right.sealNanos + right.openNanos);
}

/** A cipher that the platform lacks makes its suite throw, which is an answer too. */
function measure(suite: AeadSuite, options: ProbeOptions): AeadMeasure {
  const { name, implementation } = suite;
  try {
    const key = suite.key(pattern(32, 1));
    const [nonce, header, packet] = [pattern(12, 2), pattern(16, 3), pattern(packetBytes, 4)];
    const sealed = key.seal(nonce, header, packet);
    if (isSound(key, packet, sealed)) {
      const sealNanos = nanosPerCall(() => key.seal(nonce, header, packet), options);
      const openNanos = nanosPerCall(() => key.open(nonce, header, sealed), options);
      return { name, implementation, sound: true, sealNanos, openNanos };
    }
  } catch {
    // Reported as not sound.
  }
  return { name, implementation, sound: false, sealNanos: 0, openNanos: 0 };
}

function isSound(key: AeadKey, packet: Uint8Array, sealed: Uint8Array): boolean {
  const [nonce, header] = [pattern(12, 2), pattern(16, 3)];
  const opened = key.open(nonce, header, sealed);
  const changed = sealed.map((byte, index) => index === 0 ? byte ^ 1 : byte);
  return opened !== undefined && opened.length === packet.length &&
    opened.every((byte, index) => byte === packet[index]) && key.open(nonce, header, changed) === undefined;
}

function nanosPerCall(call: () => unknown, { clock, millis }: ProbeOptions): number {
  const start = clock.now();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < millis && calls < mostCalls) {
    for (let i = 0; i < callsPerLook; i++) call();
    calls += callsPerLook;
    elapsed = clock.now() - start;
  }
  return Math.round(elapsed * 1e6 / calls);
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 97) & 0xff);
}
