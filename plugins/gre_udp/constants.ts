/** Every number of this plugin. */

/** A device is silent when nothing has come for three intervals of the slowest usual routing hello, 30 s. */
export const silenceMillis = 90_000;

/** Outputs that wait for `poll`; more are dropped. */
export const queuedPackets = 8_192;

/** The largest UDP payload that fits into an IPv4 packet. */
export const longestDatagram = 65_507;

/** Bytes a packet grows by: GRE 4, UDP 8, IPv4 20 or IPv6 40; a key adds 4. */
export const overhead = { 4: 32, 6: 52, key: 4 } as const;
