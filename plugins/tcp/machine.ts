/**
 * One stream as a pure machine: bytes of the connection in, bytes and events out. No socket, no clock, no promise; what
 * waits for whom, and for how long, is `connection.ts`.
 *
 *     dialler   response → records
 *     listener  initiation → first record → records
 *
 * Bytes that are not as they must be end it with one `failed`; from then on it takes everything and says nothing. It holds
 * at most one handshake message, or one record and one unfinished frame.
 */
import type { NetworkKey, PeerIdentity } from "../../core/contracts/membership.ts";
import type { HandshakeState, TransportKeys } from "../../core/noise/handshake_state.ts";
import { concatBytes } from "../../core/wire/bytes.ts";
import { protocol } from "./constants.ts";
import { type Fault, faults } from "./fault.ts";
import { type Agreed, answer, conclude, findNetworkKey, initiate, type Local } from "./handshake.ts";
import type { StreamPeer } from "./handshake.ts";
import { readInitiation, readKeyId, readResponse } from "./hello.ts";
import { Inbox } from "./inbox.ts";
import { type OpenedRecord, RecordKind, RecordReader, RecordWriter } from "./record.ts";

export type StreamEvent =
  | { readonly type: "write"; readonly bytes: Uint8Array }
  /** Both sides have proved themselves; frames may be sent. */
  | { readonly type: "opened"; readonly peer: PeerIdentity; readonly maxFrame: number }
  | { readonly type: "frame"; readonly frame: Uint8Array }
  /** The other side has said that no more frames come. */
  | { readonly type: "ended" }
  | { readonly type: "failed"; readonly fault: Fault };

/** `proving`: the listener has answered and awaits the first record. */
type Phase = "initiation" | "response" | "proving" | "records" | "ended" | "failed";

/** What the two roles differ in. */
type Role =
  | { readonly name: "listener"; readonly takes: (peer: PeerIdentity) => boolean }
  | { readonly name: "dialler"; readonly peer: StreamPeer; readonly handshake: HandshakeState };

export interface Dialled {
  readonly machine: StreamMachine;
  /** To be written first. */
  readonly bytes: Uint8Array;
}

/** A machine that calls `peer`; a fault when this node belongs to no network. */
export function dialMachine(
  local: Local,
  peer: StreamPeer,
  key: NetworkKey,
  rekeyRecords?: number,
): Dialled | Fault {
  const initiated = initiate(local, peer, key);
  if (!("message" in initiated)) return initiated;
  const role = { name: "dialler", peer, handshake: initiated.handshake } as const;
  return { machine: new StreamMachine(local, role, rekeyRecords), bytes: initiated.message };
}

/** A machine that is called. `takes` says whether there is room for a stream of the peer, once it is known. */
export function answeringMachine(
  local: Local,
  takes: (peer: PeerIdentity) => boolean,
  rekeyRecords?: number,
): StreamMachine {
  return new StreamMachine(local, { name: "listener", takes }, rekeyRecords);
}

export class StreamMachine {
  readonly #local: Local;
  readonly #role: Role;
  readonly #rekeyRecords: number;
  readonly #inbox = new Inbox();
  #phase: Phase;
  #agreed: Omit<Agreed, "keys"> | undefined;
  #writer: RecordWriter | undefined;
  #reader: RecordReader | undefined;
  #parts: Uint8Array[] = [];
  #events: StreamEvent[] = [];

  constructor(local: Local, role: Role, rekeyRecords: number = protocol.rekeyRecords) {
    this.#local = local;
    this.#role = role;
    this.#rekeyRecords = rekeyRecords;
    this.#phase = role.name === "listener" ? "initiation" : "response";
  }

  /** Something has begun to arrive and is not whole: a handshake message, a record or a frame. */
  get isPartial(): boolean {
    return this.#inbox.length > 0 || this.#parts.length > 0;
  }

  /** Bytes held until more arrive. */
  get buffered(): number {
    return this.#inbox.length + this.#parts.length * protocol.recordData;
  }

  /** As the other side has shown itself; to the listener it has not yet proved, before `opened`, that it is here now. */
  get peer(): PeerIdentity | undefined {
    return this.#agreed?.peer;
  }

  /** `chunk` is free for reuse on return. */
  receive(chunk: Uint8Array): readonly StreamEvent[] {
    if (this.#phase === "failed") return [];
    this.#inbox.append(chunk);
    while (this.#inbox.length > 0 && this.#step());
    return this.#takeEvents();
  }

  /** No more bytes come. */
  receiveEnd(): readonly StreamEvent[] {
    if (this.#phase !== "ended") this.#fail(faults.cut);
    return this.#takeEvents();
  }

  /** The sealed records of a frame, each when it is asked for. Only after `opened`, and never two frames at a time. */
  frame(frame: Uint8Array): Iterable<Uint8Array> {
    return this.#writer!.frame(frame);
  }

  /** The record that ends this side. Only after `opened`. */
  end(): Uint8Array {
    return this.#writer!.record(RecordKind.end);
  }

  /** Zeroes all keys. Afterwards nothing may be sent, and what is received is ignored. */
  wipe(): void {
    this.#phase = "failed";
    this.#inbox.take(this.#inbox.length);
    this.#parts = [];
    if (this.#role.name === "dialler") this.#role.handshake.wipe();
    this.#writer?.wipe();
    this.#reader?.wipe();
  }

  /** Handles the first message that is there; false when there is none. */
  #step(): boolean {
    switch (this.#phase) {
      case "initiation":
        return this.#readInitiation();
      case "response":
        return this.#readResponse();
      case "proving":
      case "records":
        return this.#readRecord();
      case "ended":
        return this.#fail(faults.badRecord);
      case "failed":
        return false;
    }
  }

  #readInitiation(): boolean {
    const keyId = readKeyId(this.#inbox.bytes);
    const read = readInitiation(this.#inbox.bytes);
    if (read === "alien" || read === "bad") {
      return this.#fail(read === "alien" ? faults.alien : faults.badHello);
    }
    if (keyId !== undefined && findNetworkKey(this.#local, keyId) === undefined) {
      return this.#fail(faults.badMac);
    }
    if (read === "more" || this.#role.name !== "listener") return false;
    const answered = answer(this.#local, read.message, this.#role.takes);
    if (!("keys" in answered)) return this.#fail(answered);
    this.#inbox.take(read.length);
    this.#agree(answered, answered.keys);
    this.#events.push({ type: "write", bytes: answered.message });
    this.#phase = "proving";
    return true;
  }

  #readResponse(): boolean {
    const read = readResponse(this.#inbox.bytes);
    if (read === "alien" || read === "bad") {
      return this.#fail(read === "alien" ? faults.alien : faults.badHello);
    }
    if (read === "more" || this.#role.name !== "dialler") return false;
    const concluded = conclude(this.#local, this.#role.handshake, read.message, this.#role.peer);
    if (!("keys" in concluded)) return this.#fail(concluded);
    this.#inbox.take(read.length);
    this.#agree(concluded, concluded.keys);
    this.#events.push({ type: "write", bytes: this.#writer!.record(RecordKind.ready) });
    this.#open();
    return true;
  }

  #agree(agreed: Omit<Agreed, "keys">, keys: TransportKeys): void {
    this.#agreed = agreed;
    this.#writer = new RecordWriter(keys.send, this.#rekeyRecords);
    this.#reader = new RecordReader(keys.receive, this.#rekeyRecords);
  }

  #open(): void {
    this.#phase = "records";
    const { peer, maxFrame } = this.#agreed!;
    this.#events.push({ type: "opened", peer, maxFrame });
  }

  #readRecord(): boolean {
    const read = this.#reader!.read(this.#inbox.bytes);
    if (read === "more") return false;
    if (read === "badLength") return this.#fail(faults.badRecord);
    if (read === "badTag") return this.#fail(faults.badTag);
    this.#inbox.take(read.length);
    const isProof = read.kind === RecordKind.ready && read.data.length === 0;
    if (this.#phase === "records") return this.#takeRecord(read);
    if (!isProof) return this.#fail(faults.badRecord);
    this.#open();
    return true;
  }

  #takeRecord({ kind, data }: OpenedRecord): boolean {
    switch (kind) {
      case RecordKind.part:
        // A part that is not full would let a peer fill memory with the empty ones.
        return data.length === protocol.recordData ? this.#gather(data) : this.#fail(faults.badRecord);
      case RecordKind.last:
        return this.#gather(data) && this.#completeFrame();
      case RecordKind.end:
        return data.length === 0 && this.#parts.length === 0 ? this.#end() : this.#fail(faults.badRecord);
      default:
        return this.#fail(faults.badRecord);
    }
  }

  #gather(data: Uint8Array): boolean {
    const length = this.#parts.length * protocol.recordData + data.length;
    if (length > this.#local.maxFrame) return this.#fail(faults.tooBig);
    this.#parts.push(data);
    return true;
  }

  #completeFrame(): boolean {
    this.#events.push({ type: "frame", frame: concatBytes(...this.#parts) });
    this.#parts = [];
    return true;
  }

  #end(): boolean {
    this.#phase = "ended";
    this.#events.push({ type: "ended" });
    return true;
  }

  #fail(fault: Fault): false {
    if (this.#phase === "failed") return false;
    this.wipe();
    this.#events.push({ type: "failed", fault });
    return false;
  }

  #takeEvents(): readonly StreamEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
