/**
 * The form of a gossip message. Integers are big-endian, a member is its tag of 8 bytes.
 *
 *      0                   1                   2
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
 *     +---------------+---------------+---------------+ - -
 *     |  version = 1  |     kind      | length (1, 2) | body ...  kind, length, body, ...
 *     +---------------+---------------+---------------+ - -
 *
 * A length below 128 is one byte; above, two, the first with its highest bit set: 15 bits. A message is walked to its end
 * before anything in it counts, so what was cut changes nothing. Kinds that are not known are passed over; of a known kind
 * with fixed fields a longer body is taken, its end ignored; lists are whole.
 *
 * Fixed layouts and not CBOR: most messages are one beat, and three bytes of 69 are the budget of 20 nodes.
 */
export const version = 1;

export const Kind = {
  /** u8 flags, u8 number: the neighbour lives. Comes after what belongs to it. */
  beat: 1,
  /** Ids: rumours that the sender has. */
  have: 2,
  /** Ids: rumours that the sender lacks. */
  want: 3,
  /** Send me records at once from now on. */
  graft: 4,
  /** Do not: I have them from others. */
  prune: 5,
  /** A record, on a link of the tree. */
  record: 6,
  /** A record, to one that lacked it. */
  repair: 7,
  /** A record on a link of the tree, to one that may have it: it was not acknowledged, or came late. */
  again: 8,
  /** Each tag, u32 incarnation. */
  alive: 9,
  /** Each tag, u32 stamp, tag of the accuser, u16 age of the accusation: dead or left. */
  ended: 10,
  /** u16 nonce. */
  ping: 11,
  /** u16 nonce, u32 incarnation of the sender. */
  pong: 12,
  /** Tag, u16 nonce: ping this member for me. */
  pingFor: 13,
  /** Tag, u16 nonce: it answered. */
  reached: 14,
  /** Tag, u32 incarnation, u16 age: I suspect this member. */
  suspect: 15,
  /** Tag, u16 age: I have heard this member so long ago. */
  veto: 16,
  /** u8 degree of the sender: be my neighbour. */
  ask: 17,
  accept: 18,
  refuse: 19,
  /** Not your neighbour (any more). */
  disconnect: 20,
  /** Tags of the sender's neighbours. */
  view: 21,
  /** Two u32 over all that the sender knows of members. */
  digest: 22,
  /** 256 u32, one for each bucket of members. */
  summary: 23,
  /** u8 flags, then each tag, u32 stamp. */
  entries: 24,
  /** u8, in units of 100 ms: the sender has pauses as long as this; before accusing it, wait. */
  patience: 25,
  /** 8 bytes over all records that the sender holds. */
  state: 26,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** An early beat acknowledges a record: the next one comes a whole interval after it. */
export const BeatFlag = { cutList: 1, early: 2 } as const;
export const EntriesFlag = { answer: 1 } as const;

export const idLength = 6;
export const aliveLength = 12;
export const endedLength = 22;
export const entryLength = 12;
export const buckets = 256;
export const stateLength = 8;
/** Ages are told in milliseconds, up to this. */
export const mostAge = 65_535;

interface Form {
  /** Bytes at least, and of each element behind them; 0 where there is no list. */
  readonly fixed: number;
  readonly each: number;
}

/** By kind; nothing for kinds that are not known. */
const forms: { readonly [kind: number]: Form } = {
  [Kind.beat]: { fixed: 2, each: 0 },
  [Kind.have]: { fixed: 0, each: idLength },
  [Kind.want]: { fixed: 0, each: idLength },
  [Kind.graft]: { fixed: 0, each: 0 },
  [Kind.prune]: { fixed: 0, each: 0 },
  [Kind.record]: { fixed: 0, each: 1 },
  [Kind.repair]: { fixed: 0, each: 1 },
  [Kind.again]: { fixed: 0, each: 1 },
  [Kind.alive]: { fixed: 0, each: aliveLength },
  [Kind.ended]: { fixed: 0, each: endedLength },
  [Kind.ping]: { fixed: 2, each: 0 },
  [Kind.pong]: { fixed: 6, each: 0 },
  [Kind.pingFor]: { fixed: 10, each: 0 },
  [Kind.reached]: { fixed: 10, each: 0 },
  [Kind.suspect]: { fixed: 14, each: 0 },
  [Kind.veto]: { fixed: 10, each: 0 },
  [Kind.ask]: { fixed: 1, each: 0 },
  [Kind.accept]: { fixed: 0, each: 0 },
  [Kind.refuse]: { fixed: 0, each: 0 },
  [Kind.disconnect]: { fixed: 0, each: 0 },
  [Kind.view]: { fixed: 0, each: 8 },
  [Kind.digest]: { fixed: 8, each: 0 },
  [Kind.summary]: { fixed: 4 * buckets, each: 0 },
  [Kind.entries]: { fixed: 1, each: entryLength },
  [Kind.patience]: { fixed: 1, each: 0 },
  [Kind.state]: { fixed: 8, each: 0 },
};

export type MessageState = "sound" | "malformed" | "unknown version";

/**
 * Walks over the sections of one message after the other; one reader serves a machine for all its messages. Fields of
 * a section are read at offsets from its start.
 */
export class MessageReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #next = 0;
  kind = 0;
  start = 0;
  end = 0;

  /** Sections may be read only after "sound". */
  open(bytes: Uint8Array): MessageState {
    if (bytes.length === 0) return "malformed";
    if (bytes[0] !== version) return "unknown version";
    this.#bytes = bytes;
    this.#next = 1;
    while (this.#step()) if (!this.#isWhole()) return "malformed";
    if (this.#next !== bytes.length) return "malformed";
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#next = 1;
    return "sound";
  }

  /** To the next section; false at the end. */
  next(): boolean {
    return this.#step();
  }

  get length(): number {
    return this.end - this.start;
  }

  u8(offset: number): number {
    return this.#bytes[this.start + offset]!;
  }

  u16(offset: number): number {
    return this.#view.getUint16(this.start + offset);
  }

  u32(offset: number): number {
    return this.#view.getUint32(this.start + offset);
  }

  /** 48 bits. */
  id(offset: number): number {
    return this.u16(offset) * 2 ** 32 + this.u32(offset + 2);
  }

  /** A view of the message's own memory. */
  body(): Uint8Array {
    return this.#bytes.subarray(this.start, this.end);
  }

  /** False at the end of the message, and where what follows is cut. */
  #step(): boolean {
    const bytes = this.#bytes;
    const at = this.#next;
    if (at + 2 > bytes.length) return false;
    let start = at + 2;
    let length = bytes[at + 1]!;
    if (length >= 128) {
      if (start >= bytes.length) return false;
      length = (length & 127) << 8 | bytes[start]!;
      start++;
    }
    if (start + length > bytes.length) return false;
    this.kind = bytes[at]!;
    this.start = start;
    this.end = start + length;
    this.#next = this.end;
    return true;
  }

  #isWhole(): boolean {
    const form = forms[this.kind];
    if (form === undefined) return true;
    const rest = this.length - form.fixed;
    return rest >= 0 && (form.each === 0 || rest % form.each === 0);
  }
}
