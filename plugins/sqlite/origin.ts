/**
 * Whether a state file is the one that this node last used in this place.
 *
 * Every start raises a number in the file, and then in a small file beside it. A copy that is put back brings back its
 * old number, and the small file still has the larger one. Who puts back the whole directory, or a machine's image,
 * brings back both: that can only be told by peers, who remember.
 *
 *     marks of the file:   id      16 hexadecimal digits, made with the file
 *                          starts  a number
 *                          place   JSON { machine, inode, path }
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
}

export interface Judgement {
  readonly notices: readonly StoreNotice[];
  /** To be kept in the state file, and then beside it. */
  readonly mark: StartMark;
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
  const last = readPlace(origin.place);
  if (last !== undefined && (last.machine !== place.machine || last.inode !== place.inode)) {
    notices.push(copied(last, place));
  }
  return { notices, mark: { id, starts: Math.max(before, isSame ? beside.starts : 0) + 1 } };
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

function readPlace(text: string | undefined): StatePlace | undefined {
  try {
    const { machine, inode, path } = JSON.parse(text ?? "null") ?? {};
    const isWhole = [machine, inode, path].every((part) => typeof part === "string");
    return isWhole ? { machine, inode, path } : undefined;
  } catch {
    return undefined;
  }
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
