/** For tests: workers at the other end of a {@link WorkerLink}. */
import type { AeadName } from "../contracts/aead.ts";
import type { Drop } from "../contracts/drop.ts";
import type { Flow } from "../contracts/policy.ts";
import { formatAddress } from "../wire/address.ts";
import type { Command, EndSession, OpenSession, SetLocals, SetPeer, SetRoutes } from "../datapath/control.ts";
import { policyEpochMemory } from "../datapath/policy_epoch.ts";
import type { TellVerdict } from "../datapath/control_verdict.ts";
import type { SetRelay, SetRelaying } from "../datapath/control_relay.ts";
import type { PuntedPacket } from "../datapath/punt.ts";
import { replayWindowsMemory } from "../datapath/replay_windows.ts";
import { SessionCells, sessionCellsMemory } from "../datapath/session_cells.ts";
import { anySource } from "../datapath/source_address.ts";
import { Telemetry, telemetryMemory } from "../datapath/telemetry.ts";
import type { LastingMemory, Tell, WorkerFacts, WorkerLink } from "../datapath/worker_link.ts";

export interface TwinSession extends OpenSession {
  isConfirmed: boolean;
}

/**
 * A worker as slow and obvious as can be: commands wait until it obeys, then they are its tables. It fails on what would
 * lead packets astray: an order that no worker can carry out, or keys that are wiped by the time that they are read.
 */
export class TwinWorker implements WorkerLink {
  readonly memory: LastingMemory;
  readonly cells: SessionCells;
  readonly telemetry: Telemetry;
  family: 4 | 6 | undefined = 4;
  ciphers: readonly AeadName[] = ["chacha20-poly1305", "aes-256-gcm"];
  restarts = 0;
  hasTap = true;
  readonly backlog = 0;
  /** Commands that do not fit: of these kinds. */
  readonly tooLarge = new Set<Command["kind"]>();
  /** All that was ever told, in words; of relays, which every peer is told of, only those that a peer is behind. */
  readonly told: string[] = [];
  readonly sessions = new Map<number, TwinSession>();
  readonly peers = new Map<number, SetPeer>();
  readonly relays = new Map<number, SetRelay>();
  rates: SetRelaying | undefined;
  routes: SetRoutes | undefined;
  locals: SetLocals["hosts"] = [];
  judges = false;
  readonly verdicts: TellVerdict[] = [];
  /** Addresses of this host by the endpoint's `sockaddr`, its bytes joined by dots. */
  readonly sources = new Map<string, Uint8Array>();
  #waiting: Command[] = [];
  #moved: (sockaddr: Uint8Array) => void = () => {};
  #opened: (punt: PuntedPacket) => void = () => {};
  #restarted: (tell: Tell) => void = () => {};

  /** With room for as many sessions. */
  constructor(slots = 64) {
    this.memory = {
      cells: sessionCellsMemory(slots, 1),
      windows: replayWindowsMemory(slots),
      telemetry: telemetryMemory(1),
      epoch: policyEpochMemory(),
    };
    this.cells = new SessionCells(this.memory.cells);
    this.telemetry = new Telemetry(this.memory.telemetry);
  }

  get facts(): WorkerFacts {
    const ciphers = this.ciphers.map((name) => ({ name, implementation: "twin" }));
    return { ffi: "none", ciphers, measures: [], isRealtime: false, workers: 1, restarts: this.restarts };
  }

  tell(command: Command): boolean {
    if (this.tooLarge.has(command.kind) && !isEmpty(command)) return false;
    if (this.#isNoted(command)) this.told.push(wordsOf(command));
    // As a ring does: what is in it is a copy.
    this.#waiting.push(structuredClone(command));
    return true;
  }

  #isNoted(command: Command): boolean {
    if (command.kind === "relaying") return false;
    return command.kind !== "relay" || command.via >= 0 || (this.relays.get(command.slot)?.via ?? -1) >= 0;
  }

  sourceOf(sockaddr: Uint8Array): Uint8Array | undefined {
    return this.sources.get(sockaddr.join("."));
  }

  onSource(handler: (sockaddr: Uint8Array) => void): void {
    this.#moved = handler;
  }

  /** A datagram from there was sent to another address of this host than before. */
  asked(sockaddr: Uint8Array, source: Uint8Array): void {
    this.sources.set(sockaddr.join("."), source);
    this.#moved(sockaddr);
  }

  onOpened(handler: (punt: PuntedPacket) => void): void {
    this.#opened = handler;
  }

  onRestart(handler: (tell: Tell) => void): void {
    this.#restarted = handler;
  }

  hand(punt: Partial<PuntedPacket>): void {
    const from = Uint8Array.of(2, 0, 0x1a, 0x7f, 192, 0, 2, 1, ...new Uint8Array(20));
    const session = { kind: "opened", localIndex: 0, flags: 0, counter: 0, isNewest: false } as const;
    const rest = { ...session, from, local: anySource };
    this.#opened({ ...rest, isRelayed: false, bytes: new Uint8Array(), ...punt });
  }

  drop(drop: Drop, times: number): void {
    this.telemetry.count(drop, times);
  }

  /** Carries out up to `most` commands. */
  obey(most = Infinity): void {
    for (const command of this.#waiting.splice(0, most)) this.#carryOut(command);
  }

  /** As the thread does it: nobody runs, then a new worker that knows nothing. */
  restart(): void {
    this.restarts++;
    this.sessions.clear();
    this.peers.clear();
    this.relays.clear();
    this.rates = undefined;
    this.routes = undefined;
    this.judges = false;
    this.locals = [];
    this.#waiting = [];
    this.cells.jumpCounters();
    this.cells.reclaim();
    this.#restarted((command) => this.tell(command));
  }

  #carryOut(command: Command): void {
    switch (command.kind) {
      case "open-session":
        return this.#open(command);
      case "confirm":
        return this.#confirm(command.slot);
      case "end-session":
        return this.#end(command);
      case "peer":
        return this.#put(command);
      case "relay":
        this.relays.set(command.slot, command);
        return;
      case "relaying":
        this.rates = command;
        return;
      case "routes":
        this.routes = command;
        return;
      case "locals":
        this.locals = command.hosts;
        return;
      case "judge":
        this.#require(this.routes === undefined, "comes after packets may have passed", command);
        this.judges = true;
        return;
      case "verdict":
        this.#require(this.judges, "is told before it judges", command);
        this.verdicts.push(command);
        return;
      default:
        this.#require(false, "is not for the feed to tell", command);
    }
  }

  #open(command: OpenSession): void {
    this.#require(!this.sessions.has(command.slot), "opens a session over another", command);
    this.#require(command.sendKey.some((byte) => byte !== 0), "has no key", command);
    this.sessions.set(command.slot, { ...command, isConfirmed: false });
  }

  #confirm(slot: number): void {
    const session = this.sessions.get(slot);
    if (session === undefined) throw new Error(`confirms session ${slot}, which is none`);
    session.isConfirmed = true;
  }

  #end(command: EndSession): void {
    const { slot } = command;
    const isUsed = [...this.peers.values()].some(({ session }) => session === slot);
    this.#require(!isUsed, "ends a session that packets go in", command);
    this.#require(this.sessions.delete(slot), "ends a session that is none", command);
    this.cells.freed(slot);
  }

  #put(command: SetPeer): void {
    const session = this.sessions.get(command.session);
    const isOwn = command.session === -1 ? !command.isUp : session?.peer === command.slot;
    this.#require(isOwn, "sends in a session that is not its own", command);
    this.#require(this.relays.has(command.slot), "is not named to relays", command);
    this.peers.set(command.slot, command);
  }

  #require(holds: boolean, what: string, command: Command): void {
    if (!holds) throw new Error(`${wordsOf(command)}: ${what}`);
  }
}

function isEmpty(command: Command): boolean {
  if (command.kind === "routes") return command.v4.length + command.v6.length === 0;
  return command.kind === "locals" && command.hosts.length === 0;
}

function wordsOf(command: Command): string {
  switch (command.kind) {
    case "open-session":
      return `open ${command.slot} of peer ${command.peer}`;
    case "confirm":
    case "end-session":
      return `${command.kind === "confirm" ? "confirm" : "end"} ${command.slot}`;
    case "peer":
      return `peer ${command.slot} in ${command.session} at ${command.sockaddr.subarray(0, 8).join(".")}`;
    case "relay":
      return `relay ${command.slot} behind ${command.via}`;
    case "routes":
      return `routes ${shownIntervals(command).join(" ")}`.trim();
    case "locals":
      return `locals ${command.hosts.map(({ address }) => address.bytes.join(".")).join(" ")}`.trim();
    case "verdict":
      return `verdict ${command.epoch}: ${command.allow ? "allow" : "deny"} ${wordsOfFlow(command.flow)}`;
    default:
      return command.kind;
  }
}

function wordsOfFlow(
  { direction, protocol, source, destination, sourcePort, destinationPort }: Flow,
): string {
  const [from, to] = [source, destination].map(formatAddress);
  return `${direction} ${protocol} ${from} ${sourcePort} ${to} ${destinationPort}`;
}

/** Those of IPv4, as `10.0.0.0-10.0.255.255=1`. */
export function shownIntervals({ v4 }: SetRoutes): string[] {
  return Array.from({ length: v4.length / 3 }, (_, index) => {
    const [start, end, peer] = v4.subarray(3 * index, 3 * index + 3);
    return `${dotted(start!)}-${dotted(end!)}=${peer}`;
  });
}

function dotted(word: number): string {
  return [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff).join(".");
}
