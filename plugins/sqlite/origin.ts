/**
 * Whether a state file is the one that this node last used in this place.
 *
 * Every start raises a number in the file, and then in a small file beside it. A copy that is put back brings back its
 * old number, and the small file still has the larger one. Who puts back the whole directory, or a machine's image,
 * brings back both: that can only be told by peers, who remember.
 *
 *     marks of the file:   id      16 hexadecimal digits, made with the file
 *                          starts  a number
 *                          place   JSON { machine, inode, path, boot, streak }
 *     <file>-start:        id, space, number, line feed
 */
import type { StoreNotice } from "../../core/contracts/store.ts";
import type { StatePlace } from "../../core/runtime/state_directory_place.ts";

export interface StartMark {
  readonly id: string;
  readonly starts: number;
}

/** What the state file says of itself; nothing yet when it is new, or of an older form. */
export interface Origin {
  readonly id: string | undefined;
  readonly starts: string | undefined;
  readonly place: string | undefined;
  readonly hasEntries: boolean;
}

export interface Judgement {
  readonly notices: readonly StoreNotice[];
  /** To be kept in the state file, and then beside it. */
  readonly mark: StartMark;
  /** To be kept in the state file: the new {@link Origin.place}. */
  readonly place: string;
}

/**
 * How often in a row a boot has changed one and the same thing about an otherwise unchanged place. Some file systems
 * number directories anew at every mount, and a system on a read-only medium may make its machine-id at every boot: both
 * look like a copy each time. Copies do not come with every boot, so {@link toldChanges} are told and no more.
 */
interface Streak {
  readonly what: "inode" | "machine";
  readonly length: number;
}

/** One was too few: a machine made from an image, and another one from that, would hide the second. */
const toldChanges = 2;

interface KeptPlace extends StatePlace {
  readonly streak?: Streak | undefined;
}

/** `beside` is what stands in the small file; `freshId` is for a file that has none. */
export function judgeOrigin(
  origin: Origin,
  beside: StartMark | undefined,
  place: StatePlace,
  freshId: string,
): Judgement {
  const before = readStarts(origin.starts);
  const id = origin.id ?? freshId;
  const isSame = beside?.id === id;
  const notices: StoreNotice[] = [];
  if (isSame && before < beside.starts) notices.push(restored(before, beside.starts));
  if (!isSame && beside !== undefined && origin.id !== undefined) notices.push(replaced);
  // Entries without an id are of an older form, from before the small file was made; a file made just now has none.
  if (origin.id === undefined && origin.hasEntries && beside !== undefined) {
    notices.push(restored(before, beside.starts));
  }
  const last = readPlace(origin.place);
  const streak = last && nextStreak(last, place);
  const isMoved = last !== undefined && (last.machine !== place.machine || last.inode !== place.inode);
  if (isMoved && (streak === undefined || streak.length <= toldChanges)) notices.push(copied(last, place));
  return {
    notices,
    mark: { id, starts: Math.max(before, isSame ? beside.starts : 0) + 1 },
    place: JSON.stringify({ ...place, streak } satisfies KeptPlace),
  };
}

function nextStreak(last: KeptPlace, now: StatePlace): Streak | undefined {
  const { streak } = last;
  const isSameBoot = last.boot === now.boot;
  const changes = (["inode", "machine"] as const).filter((each) => last[each] !== now[each]);
  if (last.path !== now.path || changes.length > 1) return undefined;
  const [what] = changes;
  // A restart within one boot says nothing; one boot without a change ends the row, and so does a change within one.
  if (what === undefined) return isSameBoot ? streak : undefined;
  if (isSameBoot) return undefined;
  return { what, length: streak?.what === what ? streak.length + 1 : 1 };
}

export function formatStartMark({ id, starts }: StartMark): Uint8Array {
  return new TextEncoder().encode(`${id} ${starts}\n`);
}

/** Undefined for anything that is torn or foreign: it then tells nothing. */
export function parseStartMark(bytes: Uint8Array): StartMark | undefined {
  if (bytes.length > 64) return undefined;
  const [, id, starts] = /^([0-9a-f]{16}) (\d{1,15})\n$/.exec(new TextDecoder().decode(bytes)) ?? [];
  return id === undefined ? undefined : { id, starts: Number(starts) };
}

function readStarts(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

function readPlace(text: string | undefined): KeptPlace | undefined {
  try {
    const { machine, inode, path, boot, streak } = JSON.parse(text ?? "null") ?? {};
    const isWhole = [machine, inode, path, boot].every((part) => typeof part === "string");
    return isWhole ? { machine, inode, path, boot, streak: readStreak(streak) } : undefined;
  } catch {
    return undefined;
  }
}

function readStreak(
  kept: { readonly what?: unknown; readonly length?: unknown } | undefined,
): Streak | undefined {
  const { what, length } = kept ?? {};
  return (what === "inode" || what === "machine") && Number.isSafeInteger(length)
    ? { what, length: length as number }
    : undefined;
}

function restored(found: number, last: number): StoreNotice {
  return {
    name: "state-restored",
    detail: `an older copy of this node's state was put back (of start ${found}; the last was ${last}): ` +
      "what it granted and leased since is not in it; if peers hold addresses that it counts as its own, " +
      "reset it and join anew",
  };
}

const replaced: StoreNotice = {
  name: "state-replaced",
  detail: "the state file is not the one that was last used in this directory; " +
    "if it belongs to another node that still runs, stop one of the two",
};

function copied(last: StatePlace, now: StatePlace): StoreNotice {
  const where = last.machine === now.machine ? "on this machine" : "on another machine";
  return {
    name: "state-copied",
    detail: `this state is a copy: it was last used in ${last.path} ${where}; ` +
      "if the node there still runs, stop one of the two and reset it, since both have one identity",
  };
}
