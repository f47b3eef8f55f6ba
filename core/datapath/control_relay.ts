/**
 * What the main thread tells of relays, as records of the control ring; see `control.ts`.
 *
 *     relay          slot of a peer, slot of the one that it is behind or −1, flags (1: takes what is passed on), tag (8 bytes)
 *     relaying       bytes and messages a second that are passed on for each peer (64-bit floats)
 */
import { relayTagLength } from "../wire/relay_endpoint.ts";

/** A peer as it is named to relays, and the one that it is behind. Told before the peer itself. */
export interface SetRelay {
  readonly kind: "relay";
  /** Of the peer. */
  readonly slot: number;
  /** Slot of the peer that it is behind, or −1. */
  readonly via: number;
  /** It takes what is passed on to it. */
  readonly takes: boolean;
  /** 8 bytes; all zero: it has none. */
  readonly tag: Uint8Array;
}

/** Messages of peers are passed on, so much of each. */
export interface SetRelaying {
  readonly kind: "relaying";
  readonly bytesPerSecond: number;
  readonly packetsPerSecond: number;
}

export type RelayCommand = SetRelay | SetRelaying;

/** Numbers and lengths of their records. */
export const relayKinds = { "relay": 20, "relaying": 21 } as const;
export const relayLengths = { "relay": 16 + relayTagLength, "relaying": 20 } as const;

export function encodeRelay(command: RelayCommand, out: Uint8Array, view: DataView): void {
  if (command.kind === "relay") encodeWay(command, out, view);
  else encodeRates(command, view);
}

/** `limit`: slots are below it. */
export function decodeRelay(
  kind: RelayCommand["kind"],
  record: Uint8Array,
  limit: number,
): RelayCommand | undefined {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  return kind === "relay" ? decodeWay(record, view, limit) : decodeRates(view);
}

function encodeWay({ slot, via, takes, tag }: SetRelay, out: Uint8Array, view: DataView): void {
  [slot, via, takes ? 1 : 0].forEach((word, index) => view.setInt32(4 + 4 * index, word, true));
  out.set(tag.subarray(0, relayTagLength), 16);
}

function decodeWay(record: Uint8Array, view: DataView, limit: number): SetRelay | undefined {
  const [slot, via] = [view.getUint32(4, true), view.getInt32(8, true)];
  if (slot >= limit || via < -1 || via >= limit || via === slot) return undefined;
  const takes = (view.getUint32(12, true) & 1) !== 0;
  return { kind: "relay", slot, via, takes, tag: record.slice(16) };
}

function encodeRates({ bytesPerSecond, packetsPerSecond }: SetRelaying, view: DataView): void {
  view.setFloat64(4, bytesPerSecond, true);
  view.setFloat64(12, packetsPerSecond, true);
}

function decodeRates(view: DataView): SetRelaying | undefined {
  const [bytesPerSecond, packetsPerSecond] = [view.getFloat64(4, true), view.getFloat64(12, true)];
  const isRate = (rate: number) => Number.isSafeInteger(rate) && rate > 0;
  if (!isRate(bytesPerSecond) || !isRate(packetsPerSecond)) return undefined;
  return { kind: "relaying", bytesPerSecond, packetsPerSecond };
}
