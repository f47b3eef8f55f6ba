/**
 * One node as far as its sessions and packets go, without a socket, a device or a thread: the machine that makes sessions,
 * the data path that carries packets in them, and what lies between. Both threads are here in turn, as whoever drives this
 * one says, so that each may be ahead of the other.
 */
import type { AeadSuite } from "../../core/contracts/aead.ts";
import type { ExportedWay } from "../../core/contracts/encapsulation.ts";
import type { Endpoint, PeerId } from "../../core/contracts/values.ts";
import type { Arena } from "../../core/datapath/arena.ts";
import type { ArenaAeadSuite } from "../../core/datapath/arena_aead.ts";
import { type Command, sendCommand } from "../../core/datapath/control.ts";
import { arenaLength } from "../../core/datapath/datapath_core.ts";
import type { PacketIo } from "../../core/datapath/packet_io.ts";
import type { Punt } from "../../core/datapath/punt.ts";
import { routeIntervals } from "../../core/datapath/route_intervals.ts";
import { sharedMemory } from "../../core/datapath/shared_memory.ts";
import { socketDescriptor, tapDescriptor, WiredCore } from "../../core/datapath/wired_cores_fixture.ts";
import type { WorkerFacts, WorkerLink } from "../../core/datapath/worker_link.ts";
import { DatapathSessions } from "../../core/node/datapath_sessions.ts";
import { decodeSockaddr, encodeSockaddr } from "../../core/runtime/socket_address.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import type { Rig, RigNode } from "../../plugins/noise/testing_rig.ts";
import type { SimRandom } from "../sim/random.ts";
import type { CountedPackets, Way } from "./counted_packets.ts";

/** As it looks at the other end of the link. */
interface Arrived {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
}

export interface PartyParts {
  readonly rig: Rig;
  readonly random: SimRandom;
  readonly name: string;
  /** The two may notice what is sealed. */
  readonly aeads: readonly AeadSuite[];
  readonly suites: readonly ArenaAeadSuite[];
  readonly arena: Arena;
  /** Between each data path and its system calls. */
  readonly between?: (io: PacketIo) => PacketIo;
}

/** What goes out to the other party, and what comes in. */
export interface PartyTraffic {
  readonly way: Way;
  readonly out: CountedPackets;
  readonly in: CountedPackets;
  readonly peer: PeerId;
  /** Of the peer's addresses. */
  readonly prefix: string;
}

/** Datagrams of one sender and one size that the kernel would give as one. */
const mostJoined = 40;
const etherHeaderLength = 14;

/** Counts renewals. */
class WatchedSessions extends DatapathSessions {
  renewals = -1;
  #last: number | undefined;

  override current(peer: PeerId, way: ExportedWay): void {
    if (way.localIndex !== this.#last) this.renewals++;
    this.#last = way.localIndex;
    super.current(peer, way);
  }
}

export class Party implements WorkerLink {
  readonly node: RigNode;
  readonly sessions: WatchedSessions;
  readonly family = 4;
  readonly hasTap = true;
  readonly backlog = 0;
  readonly memory = sharedMemory();
  readonly facts: WorkerFacts;
  core: WiredCore;
  readonly #parts: PartyParts;
  readonly #traffic: PartyTraffic;
  #areRoutesStale = true;
  #inbox: Arrived[] = [];
  #starts = 0;
  /** By kind, what the data path has left to this thread. */
  readonly left = { datagram: 0, opened: 0, frame: 0, "tap-lost": 0 };

  constructor(parts: PartyParts, traffic: PartyTraffic) {
    const { rig, name, aeads, suites } = parts;
    this.#parts = parts;
    this.#traffic = traffic;
    const ciphers = suites.map(({ name, implementation }) => ({ name, implementation }));
    this.facts = { ffi: "", ciphers, measures: [], isRealtime: false, workers: 1, restarts: 0 };
    this.node = rig.add(name, { aeads });
    this.node.front = (bytes, from) => {
      this.#inbox.push({ bytes, from });
      return 0;
    };
    this.core = this.#begin(this.memory);
    this.sessions = new WatchedSessions(this, () => this.#areRoutesStale = true);
    this.node.machine.exportSessions(this.sessions);
    this.#tellTables();
  }

  tell(command: Command): boolean {
    return sendCommand(this.core.control, command);
  }

  onOpened(): void {}

  onRestart(): void {}

  sourceOf(): undefined {}

  onSource(): void {}

  /** Data paths that were there before. */
  get restarts(): number {
    return this.#starts - 1;
  }

  /** The data path's turn, until it has nothing to do. Throws what its system calls throw. */
  work(): void {
    this.#hear();
    try {
      this.core.settle();
    } finally {
      // What was handed to the kernel is on its way, and written, whatever becomes of the data path.
      this.#flush();
    }
  }

  /** The main thread's turn. */
  decide(): void {
    for (const punt of this.core.punted()) this.#handle(punt);
    for (const { fact } of this.node.facts.splice(0)) {
      if (fact.type === "packet") this.#traffic.in.packet(fact.packet.payload);
    }
    if (this.#areRoutesStale) this.#tellRoutes();
  }

  /** As the thread that starts workers does it, after the last one has failed. */
  begin(): void {
    const { frames, arriving, cells } = this.core;
    cells.jumpCounters();
    cells.reclaim();
    const { control } = sharedMemory();
    this.core = this.#begin({ ...this.memory, control });
    this.core.frames.push(...frames);
    this.core.arriving.push(...arriving);
    this.sessions.tellAll((command) => this.tell(command));
    this.#tellTables();
  }

  /** A datagram that the network gives once more. */
  replay(bytes: Uint8Array, from: Endpoint): void {
    this.#inbox.push({ bytes, from });
  }

  #begin(memory: WiredCore["memory"]): WiredCore {
    const { suites, arena, between } = this.#parts;
    this.#starts++;
    arena.bytes.fill(0, 0, arenaLength);
    const core = new WiredCore(suites, { memory, arena, ...between === undefined ? {} : { between } });
    core.tell({ kind: "attach-socket", descriptor: socketDescriptor, family: this.family });
    core.tell({ kind: "attach-tap", descriptor: tapDescriptor });
    return core;
  }

  #tellTables(): void {
    const { source, mac } = this.#traffic.way;
    this.#tellRoutes();
    this.tell({ kind: "locals", hosts: [{ address: source, mac }] });
  }

  #tellRoutes(): void {
    this.#areRoutesStale = false;
    const { peer, prefix } = this.#traffic;
    const slot = this.sessions.slotOf(peer);
    const routes = slot === undefined ? [] : [{ prefix: parsePrefix(prefix)!, peer: slot }];
    this.tell({ kind: "routes", version: 1, ...routeIntervals(routes) });
    this.sessions.routesTold();
  }

  /** In another order than they came, neighbours of one size joined. */
  #hear(): void {
    const all = this.#inbox.splice(0);
    for (let i = all.length - 1; i > 0; i--) {
      const other = this.#parts.random.below(i + 1);
      [all[i], all[other]] = [all[other]!, all[i]!];
    }
    for (let at = 0; at < all.length;) {
      const { bytes, from } = all[at]!;
      let end = at + 1;
      while (end < all.length && end - at < mostJoined && all[end]!.bytes.length === bytes.length) end++;
      const train = new Uint8Array((end - at) * bytes.length);
      for (let i = at; i < end; i++) train.set(all[i]!.bytes, (i - at) * bytes.length);
      this.core.arriving.push({ bytes: train, size: bytes.length, from: sockaddrOf(from) });
      at = end;
    }
  }

  #flush(): void {
    const { rig } = this.#parts;
    for (const { bytes, size, to } of this.core.sent.splice(0)) {
      const endpoint = decodeSockaddr(to, 0)!;
      for (let at = 0; at < bytes.length; at += size) {
        rig.transmit(this.node, bytes.slice(at, at + size), endpoint);
      }
    }
    for (const frame of this.core.written.splice(0)) this.#traffic.in.writtenFrame(frame);
  }

  #handle(punt: Punt): void {
    const { rig } = this.#parts;
    this.left[punt.kind]++;
    switch (punt.kind) {
      case "datagram": {
        const from = decodeSockaddr(punt.from, 0)!;
        rig.call(this.node, (machine, now) => machine.handleDatagram(punt.bytes, from, now));
        return;
      }
      case "opened": {
        const { localIndex, bytes: plaintext, flags, counter, isNewest: newest } = punt;
        const from = decodeSockaddr(punt.from, 0)!;
        const message = {
          localIndex,
          plaintext,
          relayed: false,
          forwarded: flags === 1,
          counter,
          newest,
          from,
        };
        rig.call(this.node, (machine, now) => machine.handleOpened(message, now));
        return;
      }
      case "frame": {
        const packet = {
          protocol: 0x0800,
          payload: punt.bytes.subarray(etherHeaderLength),
          forwarded: false,
        };
        rig.call(this.node, (machine, now) => machine.seal(this.#traffic.peer, packet, now));
      }
    }
  }
}

function sockaddrOf(endpoint: Endpoint): Uint8Array {
  const bytes = new Uint8Array(16);
  encodeSockaddr(endpoint, 4, bytes, 0);
  return bytes;
}
