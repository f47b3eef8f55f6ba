/**
 * Addresses of this host as the data path has them: 16 bytes, one of IPv4 mapped (RFC 4291 §2.5.5.2) whatever the family of
 * the socket. All zero: none is known, and the system's route chooses.
 */
export const sourceLength = 16;

export const anySource: Uint8Array = new Uint8Array(sourceLength);

/** Of a sender: its `sockaddr`, 28 bytes, and here the address of this host that it has sent to. */
export const askedAt = 32;
export const senderLength = askedAt + sourceLength;

/** The level and the type of the control message that has the address, for a socket of each family; the same both ways. */
export const SOL_IP = 0;
export const IP_PKTINFO = 8;
export const SOL_IPV6 = 41;
export const IPV6_PKTINFO = 50;
