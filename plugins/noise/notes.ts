/**
 * Notes: single messages between members that have no session, for those who write seldom to many. A handshake for a
 * note of 50 bytes would be 2,500 bytes, its keepalives more than what is kept alive.
 *
 * The nonce is a counter that grows from note to note, whoever they are for. As with the stamps of handshakes it follows
 * the clock, in ticks of 16 ms, and stays below a number on disk that is written ahead of need, so that no number is used
 * twice by one key, whatever becomes of clock and node (`stamps.ts`). Ticks that are coarser than what the clock can tell
 * make the 64 bits of a receiver's window a second long. A disk that takes no more of them ends the sending of notes after
 * five minutes of the clock, and 18,750 ticks more; sessions do not need them.
 *
 * A disk tells nothing of a copy of this node, or of a virtual machine that goes on from a snapshot: they step through
 * the same counters, under keys that stay the same for the life of a node. So 24 random bits of each note are part of
 * its nonce. The window of a receiver looks at the counter alone, which is why they are not simply more of it.
 *
 * What a receiver does not have is memory from before its own start: a recorded note can be shown to it once more, until
 * the first one that is newer comes from the same member. Whoever takes notes has to bear with that.
 *
 * A network key that was replaced is known to all a moment later, but to those who were away only when they have a
 * session again. So a member that still writes under an older one is answered under that one, but for every fourth note:
 * by that both notice when the newer one would do.
 */
import { Drop } from "../../core/contracts/drop.ts";
import { maxNoteLength } from "../../core/contracts/encapsulation.ts";
import type { NetworkKey } from "../../core/contracts/membership.ts";
import type { Endpoint, Millis, PeerRecord } from "../../core/contracts/values.ts";
import { isUsablePublicKey } from "../../core/noise/dh.ts";
import { decodeBase32 } from "../../core/wire/base32.ts";
import { concatBytes, equalBytes } from "../../core/wire/bytes.ts";
import { relayedPlace } from "../../core/wire/relay_endpoint.ts";
import { limits } from "./constants.ts";
import type { Local } from "./local.ts";
import { type Correspondent, type NoteCiphers, NoteKeys } from "./note_keys.ts";
import {
  decodeNote,
  encodeNoteHeader,
  maxNoteCounter,
  nonceOf,
  type Note,
  saltLength,
  senderTagLength,
} from "./note_wire.ts";

export type SenderOf = (tag: Uint8Array) => PeerRecord | undefined;

export class Notes {
  readonly keys: NoteKeys;
  readonly #local: Local;
  /** First bytes of this node's own id. */
  readonly #tag: Uint8Array;
  #senderOf: SenderOf | undefined;

  constructor(local: Local) {
    this.#local = local;
    this.keys = new NoteKeys(local);
    this.#tag = decodeBase32(local.self.id)?.subarray(0, senderTagLength) ?? new Uint8Array(senderTagLength);
  }

  take(senderOf: SenderOf): void {
    this.#senderOf = senderOf;
  }

  send(to: PeerRecord, endpoint: Endpoint, body: Uint8Array, now: Millis): Drop {
    if (body.length > maxNoteLength) return Drop.tooBig;
    const correspondent = this.keys.of(to);
    const networkKey = this.#keyFor(correspondent);
    if (correspondent === undefined || networkKey === undefined) return Drop.notAdmitted;
    if (this.#local.outbox.full) return Drop.queueFull;
    const counter = this.#local.noteCounters.next(now / limits.noteTickMillis);
    if (counter === undefined || counter > maxNoteCounter) return Drop.queueFull;
    correspondent.sent += 1;
    const salt = this.#local.random.fill(new Uint8Array(saltLength));
    const header = encodeNoteHeader({ hint: networkKey.id[0]!, sender: this.#tag, salt, counter });
    const { send } = this.keys.ciphers(to.id, correspondent, networkKey);
    this.#local.outbox.transmit(
      concatBytes(header, send.seal(nonceOf(header), header, body)),
      endpoint,
      now,
    );
    return Drop.none;
  }

  receive(datagram: Uint8Array, from: Endpoint, now: Millis): Drop {
    const note = decodeNote(datagram);
    if (note === undefined) return Drop.malformed;
    // A relay says by the session whose messages it passes on, so answers go to no other place behind it.
    const behind = relayedPlace(from)?.tag;
    if (behind !== undefined && !equalBytes(behind, note.sender)) return Drop.badSource;
    if (this.#senderOf === undefined) return Drop.unsupported;
    const candidates = this.#local.membership.networkKeys().filter(({ id }) => id[0] === note.hint);
    if (candidates.length === 0) return Drop.badMac;
    const sender = equalBytes(note.sender, this.#tag) ? undefined : this.#senderOf(note.sender);
    if (sender === undefined) return Drop.notAdmitted;
    if (this.keys.known(sender.id)?.window.isNew(note.counter) === false) return Drop.replayed;
    // It would be looked at each time anew, since nothing is kept of it, at the cost of those with keys.
    if (!isUsablePublicKey(sender.noiseKey)) return Drop.notAdmitted;
    if (!this.keys.mayLook(sender, now)) return Drop.rateLimited;
    const correspondent = this.keys.of(sender);
    if (correspondent === undefined) return Drop.notAdmitted;
    const ciphers = candidates.map((key) => this.keys.ciphers(sender.id, correspondent, key));
    const opened = openUnder(ciphers, note);
    if (opened === undefined) return Drop.badTag;
    if (!correspondent.window.accept(note.counter)) return Drop.replayed;
    correspondent.usedKey = opened.keyId;
    if (this.#local.outbox.full) return Drop.queueFull;
    this.#local.outbox.push({ type: "note", from: sender.id, endpoint: from, body: opened.body });
    return Drop.none;
  }

  #keyFor(correspondent: Correspondent | undefined): NetworkKey | undefined {
    const [newest, ...older] = this.#local.membership.networkKeys();
    if (correspondent?.usedKey === undefined || correspondent.sent % 4 === 3) return newest;
    return older.find(({ id }) => equalBytes(id, correspondent.usedKey!)) ?? newest;
  }
}

function openUnder(
  ciphers: readonly NoteCiphers[],
  { header, sealed }: Note,
): { readonly body: Uint8Array; readonly keyId: Uint8Array } | undefined {
  for (const { receive, networkKey } of ciphers) {
    const body = receive.open(nonceOf(header), header, sealed);
    if (body !== undefined) return { body, keyId: networkKey.id };
  }
  return undefined;
}
