/** Every number of this plugin. */
import type { Rate } from "../../core/forwarding/token_bucket.ts";

/** A device is silent when nothing has come for three intervals of the slowest usual routing hello, 30 s. */
export const silenceMillis = 90_000;

/** Outputs that wait for `poll`; more are dropped. */
export const queuedPackets = 8_192;

/** The largest UDP payload that fits into an IPv4 packet. */
export const longestDatagram = 65_507;

/** Bytes a packet grows by: GRE 4, UDP 8, IPv4 20 or IPv6 40; a key adds 4, an Ethernet header 14. */
export const overhead = { 4: 32, 6: 52, key: 4, ethernet: 14 } as const;

/** Addresses behind one device whose MACs are known; the least recently used is forgotten first. As Linux by default. */
export const mostNeighbours = 1_024;

/** Addresses behind one device whose MACs are asked for at a time. */
export const mostSearches = 64;

/** Packets that wait for one MAC. The first of a flow needs one, its retransmissions and a second flow the others. */
export const waitingPackets = 4;

/** MAX_MULTICAST_SOLICIT and RETRANS_TIMER of RFC 4861 §10, for ARP as well. */
export const mostRequests = 3;
export const requestMillis = 1_000;

/** REACHABLE_TIME of RFC 4861 §10: a MAC that was not confirmed for as long is used, and asked for again. */
export const freshMillis = 30_000;

/** A MAC that was not confirmed for as long is not used any more. */
export const staleMillis = 90_000;

/** Answers to one device that asks who has an address: a scan of a /24 in one go, and no more work than that. */
export const answerRate: Rate = { perSecond: 256, burst: 256 };
