/** What a link asks of the rest of the machine. */
import type { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import type { Addressed } from "./indices.ts";
import type { Opened } from "./link_session.ts";
import type { WayOwner } from "./link_ways.ts";

export type RelayedMessage =
  & Pick<Opened, "plaintext" | "forwarded" | "from">
  & Partial<Pick<Opened, "isSign">>;

export interface LinkOwner<L> extends WayOwner<L> {
  /** IP bytes of the largest packet to send; undefined: paths are not measured. */
  readonly measuredMtu: number | undefined;
  /** Whether a session made there may be the worker's: what comes in a stream, or through a relay that is in one, it never sees. */
  mayShare(from: Endpoint): boolean;
  /** A session of `link` is confirmed, so it has `noiseKey`, and no handshake with it is needed now. */
  confirmed(link: L, noiseKey: Uint8Array, now: Millis): void;
  /** A handshake message that has come in parts. */
  carried(message: Addressed, now: Millis): Drop;
  /** What came from where `link` is was in plain, and should not have been. Nothing of it is proved. */
  disagreed(link: L, now: Millis): void;
  /** A relayed message of `link`; `forwarded`: it is a relay's, for this node. */
  receiveRelayed(link: L, message: RelayedMessage, now: Millis): Drop;
  /** `link` is up, or its last session is over. */
  changed(link: L, now: Millis): void;
}
