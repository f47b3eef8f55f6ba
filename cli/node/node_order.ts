/** What `launch` and `join` come to, once secrets are read: all that the process of a node needs to be told. */
import type { CaptureOrder } from "../capture/capture_order.ts";
import type { ConfigFlags } from "../config/config_flags.ts";

/** Also a JSON document: `--detach` writes it to the standard input of the process that will be the node. */
export interface NodeOrder {
  readonly flags: ConfigFlags;
  readonly entry: Entry;
  /** Where packets are written, while the node runs. */
  readonly capture?: CaptureOrder;
}

export type Entry = LaunchEntry | JoinEntry;

export interface LaunchEntry {
  readonly kind: "launch";
  /** As the user wrote them; the first of them founds when there is a password. None: those of the last launch. */
  readonly endpoints: readonly string[];
  readonly password?: string;
  /** There has to be a network already: nothing is founded. */
  readonly resume?: boolean;
}

export interface JoinEntry {
  readonly kind: "join";
  readonly endpoints: readonly string[];
  readonly token?: string;
  readonly password?: string;
}

/** What the process of a node has to say once it is ready. */
export interface Ready {
  /** The command that other hosts join with; only `launch` makes one. */
  readonly join: string | null;
  readonly words: string;
}
