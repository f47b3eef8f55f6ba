/** How much one data path holds. What is over them stays with the main thread, which carries it all the same. */
export const datapathLimits = {
  peers: 4_096,
  /** Of each peer there are up to six while keys are renewed, but hardly ever of many at once. */
  sessions: 8_192,
  /** Addresses of interfaces on this host. */
  locals: 4_096,
  /** Flows of which the policy's verdict is known; a power of two. */
  verdicts: 32_768,
} as const;

/** Workers of one data path. */
export const mostWorkers = 8;

/** Bytes of the rings between the threads. */
export const ringCapacity = { control: 2 ** 22, punts: 2 ** 22 } as const;
