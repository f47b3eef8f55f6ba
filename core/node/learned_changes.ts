/** What a node writes to its disk of what it has learned of members. */
import type { StoreChange } from "../contracts/store.ts";
import type { PeerId } from "../contracts/values.ts";
import type { Learned, MemberRecords } from "./member_records.ts";
import { droppedChange, peerChange, recordChange } from "./state_records.ts";

export interface LearnedBy {
  readonly self: PeerId;
  /** The records are on disk already. */
  readonly areKept: boolean;
}

/**
 * Announcements of strangers are not worth the disk: who knows them tells them again. What had to make room goes from
 * there too, or a member that signs earlier and earlier admissions would fill it.
 */
export function learnedChanges(
  { trust, dropped, peers, forgotten }: Learned,
  members: Pick<MemberRecords, "announcementRecord">,
  { self, areKept }: LearnedBy,
): readonly StoreChange[] {
  return [
    ...dropped.map(droppedChange),
    ...(areKept ? [] : trust.map(recordChange)),
    ...peers.map(({ id }) => peerChange(id, members.announcementRecord(id))),
    ...forgotten.filter((id) => id !== self).map((id) => peerChange(id, undefined)),
  ];
}
