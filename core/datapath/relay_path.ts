/**
 * The legs of relayed ways: messages to a peer behind another one, and those of peers that this node passes on. What is passed on
 * is opened where it was received, copied once, and sealed in the train of the next one; what comes in a train leaves in one.
 */
import { Drop } from "../contracts/drop.ts";
import { mostRelays, relayTagLength as peerTagLength } from "../wire/relay_endpoint.ts";
import type { Arena } from "./arena.ts";
import {
  relayedAt,
  tagLength as sealTagLength,
  transportHeaderLength as headerLength,
} from "./data_message.ts";
import type { DatapathTables } from "./datapath_tables.ts";
import type { SessionCells } from "./session_cells.ts";
import type { Telemetry } from "./telemetry.ts";
import type { TickClock } from "./tick_clock.ts";
import type { Train } from "./train.ts";

export interface RelayPathParts {
  readonly arena: Arena;
  readonly tables: DatapathTables;
  readonly train: Train;
  readonly cells: SessionCells;
  readonly telemetry: Telemetry;
  readonly clock: Pick<TickClock, "now">;
}

/** Type 18, version 1: `plugins/noise/wire.ts`. The third byte holds flags: 1, it was passed on. */
export const relayHeader = 0x1201_0000;
const passedOn = 0x0100;
/** Types of messages that may be in one, and the bytes that all of them have. */
const [firstType, lastType, leastMessage] = [1, 19, 4];
/** Initiation and response are the first two, notes the last. */
const [lastHandshakeType, noteType] = [2, 19];

export class RelayPath {
  readonly #arena: Arena;
  readonly #tables: DatapathTables;
  readonly #train: Train;
  readonly #cells: SessionCells;
  readonly #telemetry: Telemetry;
  readonly #clock: RelayPathParts["clock"];

  constructor({ arena, tables, train, cells, telemetry, clock }: RelayPathParts) {
    this.#arena = arena;
    this.#tables = tables;
    this.#train = train;
    this.#cells = cells;
    this.#telemetry = telemetry;
    this.#clock = clock;
  }

  /** Slot of the session with a peer that is at an address, or −1: to one behind another relay only the main thread sends. */
  sessionWith(peer: number): number {
    const { peers, sessions, relays } = this.#tables;
    if (peer < 0 || peer >= peers.capacity || relays.via[peer]! >= 0 || !this.#train.hasSocket) return -1;
    const session = peers.session[peer]!;
    return session >= 0 && sessions.has(session) && sessions.peer[session] === peer ? session : -1;
  }

  /**
   * Seals the message that lies {@link relayedAt} bytes behind `out`, `size` bytes with all that it grows by, and puts it into the
   * train: to the relay that `peer` is behind.
   */
  sealTo(peer: number, counter: number, out: number, size: number): void {
    const via = this.#tables.relays.via[peer]!;
    this.#tables.relays.writeTag(peer, this.#arena, out + headerLength);
    this.#seal(via, counter, out, size, 0);
  }

  /**
   * The plaintext of a relayed message that came in `session` lies at `at`: sent on, or dropped and counted; false: it is the main
   * thread's, which also answers when there is no way. `via` is the peer through which it came, or −1: nothing goes back there.
   */
  pass(session: number, at: number, length: number, via: number): boolean {
    const { relays, sessions } = this.#tables;
    if (!relays.isOn) return false;
    if (!this.#isMessage(at + peerTagLength, length - peerTagLength)) return this.#dropped(Drop.malformed);
    const source = sessions.peer[session]!;
    if (!this.#take(source, length - peerTagLength)) return this.#dropped(Drop.rateLimited);
    const peer = relays.find(this.#arena, at);
    if (peer === source || !relays.hasTag(source)) return false;
    // Back where it came from: as it is known to be, and as this one did.
    if (peer >= 0 && (relays.via[source] === peer || this.#leadsBy(via, peer))) return false;
    if (peer >= 0 && length > this.#tables.peers.longest[peer]! && this.#maySplit(at + peerTagLength)) {
      return false;
    }
    const next = this.sessionWith(peer);
    const counter = next < 0 || relays.takes[peer] !== 1 ? -1 : this.#cells.take(next, 1);
    if (counter < 0) return false;
    const size = headerLength + length + sealTagLength;
    const out = this.#train.room(peer, size);
    relays.writeTag(source, this.#arena, out + headerLength);
    const message = at + peerTagLength;
    this.#arena.bytes.copyWithin(out + relayedAt, message, at + length);
    this.#seal(peer, counter, out, size, passedOn);
    this.#cells.passedOn(session, length - peerTagLength);
    return true;
  }

  /** Sends what this turn has passed on. */
  flush(): void {
    this.#train.endTurn();
  }

  // deno-lint-ignore selvage/max-parameters -- numbers of one message, for each of which an object would be garbage
  #seal(neighbour: number, counter: number, out: number, size: number, flags: number): void {
    const { view } = this.#arena;
    const { peers, sessions } = this.#tables;
    const session = peers.session[neighbour]!;
    view.setInt32(out, relayHeader | flags);
    view.setInt32(out + 4, sessions.remoteIndex[session]!);
    view.setInt32(out + 8, 0);
    view.setInt32(out + 12, counter);
    const plain = out + headerLength;
    const length = size - headerLength - sealTagLength;
    const isSealed = sessions.sending[session]!.seal(counter, 0, out, plain, length, plain);
    if (isSealed) this.#train.added(neighbour, size);
    else this.#telemetry.count(Drop.noSession, 1);
  }

  /** Whether `peer` is `via`, or a relay on the way to it. */
  #leadsBy(via: number, peer: number): boolean {
    let at = via;
    for (let relays = 0; at >= 0 && relays <= mostRelays; relays++) {
      if (at === peer) return true;
      at = this.#tables.relays.via[at]!;
    }
    return false;
  }

  #isMessage(at: number, length: number): boolean {
    if (length < leastMessage) return false;
    const type = this.#arena.bytes[at]!;
    return type >= firstType && type <= lastType;
  }

  /** One that is too long for the next leg goes in parts, which the main thread makes. */
  #maySplit(at: number): boolean {
    const type = this.#arena.bytes[at]!;
    return type <= lastHandshakeType || type === noteType;
  }

  /** The clock is looked at only when there is not enough: while a peer keeps to its rate that is seldom. */
  #take(peer: number, bytes: number): boolean {
    const { relays } = this.#tables;
    if (relays.take(peer, bytes)) return true;
    relays.fill(peer, this.#clock.now());
    return relays.take(peer, bytes);
  }

  #dropped(drop: Drop): true {
    this.#telemetry.count(drop, 1);
    return true;
  }
}
