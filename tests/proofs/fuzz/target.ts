/** What the fuzzer may be pointed at. */
export interface FuzzTarget {
  /** Lower-case words with dashes; also the folder of its regressions. */
  readonly name: string;
  /**
   * Judges one input. Throws what must not be: an error that is not planned for, a promise of the decoder that does not
   * hold. True tells that the input was taken for valid; such inputs are mutated further. The input is the target's for
   * the call, and must be left as it is.
   */
  run(input: Uint8Array): boolean | void | Promise<boolean | void>;
  /** Valid inputs to begin with; without any, inputs are random bytes. */
  readonly seeds?: readonly Uint8Array[];
  /** Pieces of the format, put in now and then. */
  readonly words?: readonly Uint8Array[];
  /** Longer inputs are not made; {@link defaultMaxBytes} if absent. */
  readonly maxBytes?: number;
  /**
   * Short-lived memory that a call may take however short the input, such as the big integers of a signature check; 0 if
   * absent. Whether the collector runs in between is the machine's affair, so what hides behind it must be told here.
   */
  readonly garbageBytes?: number;
  /** Makes lengths and checksums right after a mutation, in place, so that the code behind them is reached. */
  mend?(bytes: Uint8Array): void;
}

export const defaultMaxBytes = 2_048;
