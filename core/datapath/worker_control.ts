/** Carries out what the main thread tells. */
import type { AeadName } from "../contracts/aead.ts";
import type { Arena } from "./arena.ts";
import type { ArenaAeadSuite } from "./arena_aead.ts";
import { type Command, type OpenSession, receiveCommands } from "./control.ts";
import type { DatapathTables } from "./datapath_tables.ts";
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
const noMac = new Uint8Array(6);

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

  /** Handles what has been told; false once the data path is to end. Costs a comparison when there is nothing. */
  apply(): boolean {
    const { ring, telemetry, tables } = this.#parts;
    if (ring.peek() < 0) return !this.#isEnded;
    const refused = receiveCommands(ring, mostAtOnce, this.#handle);
    telemetry.add(Tally.commandsRefused, refused);
    tables.version++;
    ring.wake();
    return !this.#isEnded;
  }

  #carryOut(command: Command): void {
    const { tables, cells, telemetry } = this.#parts;
    switch (command.kind) {
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
        tables.sessions.confirmed[command.slot] = 1;
        return;
      case "end-session":
        tables.sessions.end(command.slot);
        return cells.freed(command.slot);
      case "peer":
        return tables.peers.put(command.slot, { ...command, session: command.isUp ? command.session : NONE });
      case "routes":
        if (!tables.routes.load(command.version, command)) telemetry.add(Tally.commandsRefused, 1);
        return;
      case "locals":
        if (!tables.locals.load(command.hosts)) telemetry.add(Tally.commandsRefused, 1);
        return;
      case "specials":
        if (!tables.specials.load(command.addresses.map(withoutMac))) telemetry.add(Tally.commandsRefused, 1);
        return;
      case "stop":
        this.#isEnded = true;
        return this.#endSessions();
    }
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
    const { tables, telemetry } = this.#parts;
    const { slot, peer, localIndex, remoteIndex, partialChecksum } = command;
    const keys = slot < tables.sessions.capacity && peer < tables.peers.capacity
      ? this.#keys(command)
      : undefined;
    if (keys === undefined) return telemetry.add(Tally.commandsRefused, 1);
    tables.sessions.put(slot, { peer, localIndex, remoteIndex, partialChecksum, ...keys });
  }

  /** Libraries throw here and nowhere else; a session without keys must not end the whole data path. */
  #keys(
    { cipher, sendKey, receiveKey }: OpenSession,
  ): Pick<SessionEntry, "sending" | "receiving"> | undefined {
    const { arena, suites } = this.#parts;
    const suite = suites.get(cipher);
    try {
      return suite && { sending: suite.key(sendKey, arena), receiving: suite.key(receiveKey, arena) };
    } catch {
      return undefined;
    }
  }

  #endSessions(): void {
    const { sessions } = this.#parts.tables;
    for (let slot = 0; slot < sessions.capacity; slot++) if (sessions.has(slot)) sessions.end(slot);
  }
}

function withoutMac<T>(address: T): { address: T; mac: Uint8Array; flags: number } {
  return { address, mac: noMac, flags: 0 };
}
