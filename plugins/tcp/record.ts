/**
 * Records: what passes after the handshake. Each is one Noise transport message behind its length, network byte order:
 *
 *     | length of what follows (2) | sealed: kind (1), data (0 to 16,384) | tag (16) |
 *
 * ChaCha20-Poly1305 with the keys of the handshake, one for each direction; the nonce is the number of the record, so none
 * can be left out, repeated or moved. The length is in clear and need not be authenticated: a wrong one is a wrong tag.
 * Both sides replace a key by Noise's REKEY (revision 34, §4.2) after every 65,536 records.
 *
 * A frame is one or more records and carries no length in front: memory for it is taken as its bytes arrive, never because
 * somebody has announced many.
 */
import { CipherState } from "../../core/noise/cipher_state.ts";
import { ciphers, tagLength } from "../../core/noise/suite.ts";
import { readU16, writeU16 } from "../../core/wire/field.ts";
import { protocol } from "./constants.ts";

export const RecordKind = {
  /** A part of a frame with all the data a record takes; more follow. */
  part: 0,
  /** The last part of a frame, often the only one. */
  last: 1,
  /** No more frames from this side. Without it, the end of the bytes is a cut. */
  end: 2,
  /** The dialler's first record: it could read the answer. */
  ready: 3,
} as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

const chaChaPoly = ciphers.get("ChaChaPoly")!;
const lengthBytes = 2;
const nothing = new Uint8Array();
/** Of what is sealed: a kind and its data. */
const longestContent = 1 + protocol.recordData;

class RekeyingCipher {
  readonly #state: CipherState;
  readonly #rekeyRecords: number;

  constructor(key: Uint8Array, rekeyRecords: number) {
    this.#state = new CipherState(chaChaPoly, key);
    this.#rekeyRecords = rekeyRecords;
    key.fill(0);
  }

  seal(content: Uint8Array): Uint8Array {
    const sealed = this.#state.encryptWithAd(nothing, content);
    this.#rekeyInTime();
    return sealed;
  }

  open(sealed: Uint8Array): Uint8Array | undefined {
    const content = this.#state.decryptWithAd(nothing, sealed);
    if (content !== undefined) this.#rekeyInTime();
    return content;
  }

  wipe(): void {
    this.#state.wipe();
  }

  #rekeyInTime(): void {
    if (this.#state.nonce % this.#rekeyRecords === 0) this.#state.rekey();
  }
}

export class RecordWriter {
  readonly #cipher: RekeyingCipher;

  /** Takes the key over: the caller's bytes are zeroed. */
  constructor(key: Uint8Array, rekeyRecords: number = protocol.rekeyRecords) {
    this.#cipher = new RekeyingCipher(key, rekeyRecords);
  }

  /** A record of at most 16,384 bytes of data, in fresh memory. */
  record(kind: RecordKind, data: Uint8Array = nothing): Uint8Array {
    const content = new Uint8Array(1 + data.length);
    content[0] = kind;
    content.set(data, 1);
    const sealed = this.#cipher.seal(content);
    const record = new Uint8Array(lengthBytes + sealed.length);
    writeU16(record, 0, sealed.length);
    record.set(sealed, lengthBytes);
    return record;
  }

  /** The records of a frame, each sealed when it is asked for; all must be asked for, in order. */
  *frame(frame: Uint8Array): Iterable<Uint8Array> {
    let at = 0;
    for (; frame.length - at > protocol.recordData; at += protocol.recordData) {
      yield this.record(RecordKind.part, frame.subarray(at, at + protocol.recordData));
    }
    yield this.record(RecordKind.last, frame.subarray(at));
  }

  wipe(): void {
    this.#cipher.wipe();
  }
}

export interface OpenedRecord {
  /** Any byte: a kind that does not exist is for the caller to refuse. */
  readonly kind: number;
  readonly data: Uint8Array;
  /** Bytes that it took on the wire. */
  readonly length: number;
}

export class RecordReader {
  readonly #cipher: RekeyingCipher;

  /** Takes the key over: the caller's bytes are zeroed. */
  constructor(key: Uint8Array, rekeyRecords: number = protocol.rekeyRecords) {
    this.#cipher = new RekeyingCipher(key, rekeyRecords);
  }

  /** The record that `bytes` begin with, its data in fresh memory. After `bad` nothing can be read any more. */
  read(bytes: Uint8Array): OpenedRecord | "more" | "badLength" | "badTag" {
    if (bytes.length < lengthBytes) return "more";
    const length = readU16(bytes, 0);
    if (length < 1 + tagLength || length > longestContent + tagLength) return "badLength";
    if (bytes.length < lengthBytes + length) return "more";
    const content = this.#cipher.open(bytes.subarray(lengthBytes, lengthBytes + length));
    if (content === undefined) return "badTag";
    return { kind: content[0]!, data: content.subarray(1), length: lengthBytes + length };
  }

  wipe(): void {
    this.#cipher.wipe();
  }
}
