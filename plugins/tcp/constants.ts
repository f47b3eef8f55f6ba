/**
 * Every number of this plugin, in two groups. Protocol constants are part of the wire format: changing one is a new
 * version. The limits are this node's own, and options where an operator may know better. Sizes in bytes.
 */

export const protocol = {
  magic: 0x53_4c_56_47, // "SLVG"
  version: 1,
  handshake: "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s",
  /** Longest Noise message of a handshake. Credentials have at most 2,048 bytes. */
  handshakeLength: 3_072,
  /**
   * Frame bytes in one record. Noise allows 65,535 in all; what arrives is opened only when the record is whole, so a
   * smaller one means less waiting memory, at 19 bytes of overhead in 16,403.
   */
  recordData: 16_384,
  /** Records under one key; then both sides replace it by Noise's REKEY. At most 1 GiB of data. */
  rekeyRecords: 65_536,
  /** Longest datagram in a connection that carries some: what UDP takes over IPv4. */
  datagramLength: 65_507,
} as const;

export const limits = {
  /** From the connection to the first record that proves the other side, for both roles. */
  handshakeMillis: 5_000,
  /** From the first byte of a frame to its last. */
  frameMillis: 30_000,
  /** Without any progress, either way. */
  idleMillis: 300_000,
  /** How long `close` waits for the other side's end. */
  lingerMillis: 5_000,
  /** Sealed records of a stream that wait for the kernel: with this many queued, `send` waits. */
  sendQueue: 262_144,
  /** Frames that wait for their reader: with this many bytes, the socket is not read. */
  receiveQueue: 262_144,
  /** Initiations remembered against being played again. */
  remembered: 4_096,
  /** Of a connection that carries datagrams, until both sides have said something. */
  provingMillis: 10_000,
  /** What one that was accepted may bring until this side has answered: a few handshake messages. */
  unprovedBytes: 16_384,
  /** Datagrams of a connection that wait: over it the oldest are dropped, as full queues of routers do it. */
  datagramQueue: 262_144,
  /** What a short one counts as at least: about what it costs to keep. */
  datagramLeast: 128,
  /** What of them the runtime has already: the less, the fewer are too old to be dropped. */
  datagramsInHand: 65_536,
} as const;
