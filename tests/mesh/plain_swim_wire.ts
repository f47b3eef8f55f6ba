/** Messages of the baseline: a head, then updates that ride along. Numbers are big-endian; a member takes 8 bytes. */
export const SwimKind = { ping: 1, ack: 2, pingRequest: 3, gossip: 4 } as const;
export const Update = { alive: 1, suspect: 2, dead: 3, record: 4 } as const;

const headBytes = 20;
/** memberlist fills packets of 1,400 bytes; the harness allows less. */
const mostBytes = 1_100;

export interface SwimHead {
  readonly kind: number;
  readonly sequence: number;
  /** Of a ping and its request: whom it asks; of a ping made for another: who asked. */
  readonly subject: number;
  /** The number of the prober's own ping, that an intermediary hands back. */
  readonly origin: number;
}

/** State of a member as one tells it, or a record. */
export type SwimUpdate =
  | {
    readonly kind: 1 | 2 | 3;
    readonly peer: number;
    readonly incarnation: number;
    readonly from: number;
  }
  | { readonly kind: 4; readonly record: Uint8Array };

export function updateBytes(update: SwimUpdate): number {
  return update.kind === Update.record ? 3 + update.record.length : 21;
}

/** As many of the updates as fit, in their order; `taken` tells how many those are. */
export function encodeSwim(head: SwimHead, updates: readonly SwimUpdate[]): Uint8Array {
  const size = updates.reduce((sum, update) => sum + updateBytes(update), headBytes);
  const message = new Uint8Array(size);
  const view = new DataView(message.buffer);
  view.setUint8(0, head.kind);
  view.setUint32(4, head.sequence);
  view.setUint32(8, head.subject);
  view.setUint32(16, head.origin);
  let at = headBytes;
  for (const update of updates) {
    view.setUint8(at, update.kind);
    if (update.kind === Update.record) {
      view.setUint16(at + 1, update.record.length);
      message.set(update.record, at + 3);
    } else {
      view.setUint32(at + 5, update.peer);
      view.setUint32(at + 9, update.incarnation);
      view.setUint32(at + 17, update.from);
    }
    at += updateBytes(update);
  }
  return message;
}

/** The updates of a list that one packet has room for. */
export function fitting(updates: readonly SwimUpdate[]): readonly SwimUpdate[] {
  let left = mostBytes - headBytes;
  return updates.filter((update) => {
    const fits = updateBytes(update) <= left;
    if (fits) left -= updateBytes(update);
    return fits;
  });
}

export function decodeSwim(
  message: Uint8Array,
): { readonly head: SwimHead; readonly updates: readonly SwimUpdate[] } {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const head = {
    kind: view.getUint8(0),
    sequence: view.getUint32(4),
    subject: view.getUint32(8),
    origin: view.getUint32(16),
  };
  const updates: SwimUpdate[] = [];
  for (let at = headBytes; at < message.length;) {
    const update = decodeUpdate(view, message, at);
    updates.push(update);
    at += updateBytes(update);
  }
  return { head, updates };
}

function decodeUpdate(view: DataView, message: Uint8Array, at: number): SwimUpdate {
  const kind = view.getUint8(at) as SwimUpdate["kind"];
  if (kind === Update.record) {
    return { kind, record: message.subarray(at + 3, at + 3 + view.getUint16(at + 1)) };
  }
  return {
    kind,
    peer: view.getUint32(at + 5),
    incarnation: view.getUint32(at + 9),
    from: view.getUint32(at + 17),
  };
}
