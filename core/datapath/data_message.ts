/** The header of transport data, as numbers in an arena: `plugins/noise/wire.ts` has the format, which the encapsulation owns. */
import { relayTagLength } from "../wire/relay_endpoint.ts";

export const transportHeaderLength = 16;
export const tagLength = 16;
/** From the start of a relayed message to that of the one in it, and what it has more than that one. */
export const relayedAt: number = transportHeaderLength + relayTagLength;
export const relayedGrowth: number = relayedAt + tagLength;
/** First word: type 6, version 1, and the last byte zero; the third one holds flags. */
export const dataHeader = 0x0601_0000;
export const headerMask = 0xffff_00ff | 0;
export const flagsMask = 0xff00;
