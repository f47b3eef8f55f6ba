/** Carries out what the main thread tells. */
import type { AeadName } from "../contracts/aead.ts";
import type { Arena } from "./arena.ts";
import type { ArenaAeadKey, ArenaAeadSuite } from "./arena_aead.ts";
import { type Command, type OpenSession, receiveCommands, type SetPeer } from "./control.ts";
import type { SetRelay } from "./control_relay.ts";
import { type DatapathTables, Incomplete } from "./datapath_tables.ts";
import type { RingConsumer } from "./ring.ts";
import type { SessionCells } from "./session_cells.ts";
import type { SessionEntry } from "./session_table.ts";
import { Tally, type Telemetry } from "./telemetry.ts";

export interface WorkerControlParts {
  readonly ring: RingConsumer;
  readonly arena: Arena;
  readonly tables: DatapathTables;
  readonly cells: SessionCells;
  readonly telemetry: Telemetry;
  readonly suites: ReadonlyMap<AeadName, ArenaAeadSuite>;
}

/** What reads and writes descriptors. */
export interface DescriptorUser {
  useSocket(descriptor: number): void;
  useTap(descriptor: number): void;
}

/** Commands in one go: an update of the whole mesh must not keep packets waiting. */
const mostAtOnce = 64;
const NONE = -1;

export class WorkerControl {
  readonly #parts: WorkerControlParts;
  readonly #handle = (command: Command) => this.#carryOut(command);
  #user: DescriptorUser | undefined;
  #socket = NONE;
  #tap = NONE;
  #isEnded = false;

  constructor(parts: WorkerControlParts) {
    this.#parts = parts;
  }

  /** Before the first `apply`. */
  drive(user: DescriptorUser): void {
    this.#user = user;
  }

  /** There are commands that wait for the next `apply`. */
  get hasMore(): boolean {
    return this.#parts.ring.peek() >= 0;
  }

  /**
   * Handles what has been told; false once the data path is to end, be it because nothing can be told any more. Costs two
   * comparisons when there is nothing.
   */
  apply(): boolean {
    const { ring, telemetry } = this.#parts;
    if (ring.peek() < 0) return this.#goesOn();
    const refused = receiveCommands(ring, mostAtOnce, this.#handle);
    telemetry.add(Tally.commandsRefused, refused);
    ring.wake();
    return this.#goesOn();
  }

  /** Without commands the keys would stay for ever, and the main thread could not even end this. */
  #goesOn(): boolean {
    if (this.#parts.ring.isBroken && !this.#isEnded) this.#end();
    return !this.#isEnded;
  }

  #carryOut(command: Command): void {
    const { tables } = this.#parts;
    // Nobody remembers an answer that a verdict has a part in.
    if (command.kind === "verdict") return void tables.verdicts.put(command);
    tables.version++;
    switch (command.kind) {
      case "judge":
        return tables.verdicts.begin(command.seed);
      case "attach-socket":
        return this.#useSocket(command.descriptor);
      case "attach-tap":
        return this.#useTap(command.descriptor);
      case "detach":
        if (command.descriptor === this.#socket) this.#useSocket(NONE);
        if (command.descriptor === this.#tap) this.#useTap(NONE);
        return;
      case "open-session":
        return this.#open(command);
      case "confirm":
        return this.#confirm(command.slot);
      case "end-session":
        return this.#endSession(command.slot);
      case "peer":
        return this.#putPeer(command);
      case "relay":
        return this.#putRelay(command);
      case "relaying":
        return tables.relays.setRates(command);
      case "routes":
        return this.#loaded(Incomplete.routes, tables.routes.load(command.version, command));
      case "locals":
        return this.#loaded(Incomplete.locals, tables.locals.load(command.hosts));
      case "stop":
        return this.#end();
    }
  }

  #refuse(): void {
    this.#parts.telemetry.add(Tally.commandsRefused, 1);
  }

  /** The table before, which is kept, is wrong by now. */
  #loaded(table: number, isWhole: boolean): void {
    const { tables, telemetry } = this.#parts;
    if (isWhole) tables.incomplete &= ~table;
    else {
      tables.incomplete |= table;
      telemetry.add(Tally.tablesRefused, 1);
    }
  }

  /** Of a session that was refused there is nothing to confirm. */
  #confirm(slot: number): void {
    const { sessions } = this.#parts.tables;
    if (slot >= sessions.capacity) return this.#refuse();
    if (sessions.has(slot)) sessions.confirmed[slot] = 1;
  }

  /** Also of one that was refused: its cells are free only by this thread's word. */
  #endSession(slot: number): void {
    const { tables, cells } = this.#parts;
    if (slot >= tables.sessions.capacity) return this.#refuse();
    tables.sessions.end(slot);
    cells.freed(slot);
  }

  #putPeer(command: SetPeer): void {
    const { peers, sessions } = this.#parts.tables;
    if (command.slot >= peers.capacity || command.session >= sessions.capacity) return this.#refuse();
    const { isUp, isPlain } = command;
    peers.put(command.slot, {
      ...command,
      session: isUp ? command.session : NONE,
      isPlain: isUp && isPlain,
      isRelayed: this.#parts.tables.relays.via[command.slot]! >= 0,
    });
  }

  #putRelay(command: SetRelay): void {
    const { peers, relays } = this.#parts.tables;
    if (command.slot >= peers.capacity || command.via >= peers.capacity) return this.#refuse();
    relays.put(command);
  }

  #useSocket(descriptor: number): void {
    this.#socket = descriptor;
    this.#user?.useSocket(descriptor);
  }

  #useTap(descriptor: number): void {
    this.#tap = descriptor;
    this.#user?.useTap(descriptor);
  }

  /** A session that is refused has no keys here: its datagrams are the main thread's, which answers as for any other. */
  #open(command: OpenSession): void {
    const { tables } = this.#parts;
    const { slot, peer, localIndex, remoteIndex, partialChecksum } = command;
    const keys = slot < tables.sessions.capacity && peer < tables.peers.capacity
      ? this.#keys(command)
      : undefined;
    if (keys === undefined) return this.#refuse();
    tables.sessions.put(slot, { peer, localIndex, remoteIndex, partialChecksum, ...keys });
  }

  /** Libraries throw here and nowhere else; a session without keys must not end the whole data path. */
  #keys(
    { cipher, sendKey, receiveKey }: OpenSession,
  ): Pick<SessionEntry, "sending" | "receiving"> | undefined {
    const { arena, suites } = this.#parts;
    const suite = suites.get(cipher);
    let sending: ArenaAeadKey | undefined;
    try {
      sending = suite?.key(sendKey, arena);
      return suite && sending && { sending, receiving: suite.key(receiveKey, arena) };
    } catch {
      sending?.free();
      return undefined;
    }
  }

  #end(): void {
    this.#isEnded = true;
    const { sessions } = this.#parts.tables;
    for (let slot = 0; slot < sessions.capacity; slot++) if (sessions.has(slot)) sessions.end(slot);
  }
}
