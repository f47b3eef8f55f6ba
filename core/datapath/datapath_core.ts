/** Puts the parts of the data path together, on whatever memory and system calls it is given. */
import type { AeadName } from "../contracts/aead.ts";
import { AddressMap } from "./address_map.ts";
import type { Arena } from "./arena.ts";
import type { ArenaAeadSuite } from "./arena_aead.ts";
import { ArenaPlan } from "./arena_plan.ts";
import { Coalescer, coalescerLength } from "./coalescer.ts";
import { datapathLimits } from "./datapath_limits.ts";
import type { DatapathTables } from "./datapath_tables.ts";
import { Inbound } from "./inbound.ts";
import { Loop } from "./loop.ts";
import { Outbound } from "./outbound.ts";
import type { PacketIo } from "./packet_io.ts";
import { PeerTable } from "./peer_table.ts";
import { PolicyEpoch } from "./policy_epoch.ts";
import { PuntWriter } from "./punt.ts";
import { PuntShares } from "./punt_shares.ts";
import { Receiver } from "./receiver.ts";
import { holderOf, ReplayWindows } from "./replay_windows.ts";
import { RelayPath } from "./relay_path.ts";
import { RelayTable } from "./relay_table.ts";
import { RingConsumer, RingProducer } from "./ring.ts";
import { RouteMap } from "./route_map.ts";
import { Segmenter } from "./segmenter.ts";
import { SessionCells } from "./session_cells.ts";
import { SessionTable } from "./session_table.ts";
import type { SharedMemory } from "./shared_memory.ts";
import { TapReader } from "./tap_reader.ts";
import { TapWriter } from "./tap_writer.ts";
import { Telemetry } from "./telemetry.ts";
import { TickClock } from "./tick_clock.ts";
import { Train } from "./train.ts";
import { VerdictTable } from "./verdict_table.ts";
import { WorkerControl } from "./worker_control.ts";

/** Bytes of an arena that holds all of it. */
export const arenaLength = 2 ** 22;

export interface DatapathCoreParts {
  /** Of {@link arenaLength} bytes. */
  readonly arena: Arena;
  readonly io: PacketIo;
  readonly memory: SharedMemory;
  /** Number of this worker, from 0; the memory knows how many there are. */
  readonly worker?: number;
  /** Descriptor of an eventfd that ends a wait. */
  readonly wake: number;
  /** One for each cipher that sessions may have. */
  readonly suites: ReadonlyMap<AeadName, ArenaAeadSuite>;
}

export function createDatapathCore(parts: DatapathCoreParts): Loop {
  const { arena, io, memory, worker = 0, wake, suites } = parts;
  const plan = new ArenaPlan(arena.bytes.length);
  const telemetry = new Telemetry(memory.telemetry, worker);
  const cells = new SessionCells(memory.cells, worker);
  const left = new RingProducer(memory.punts);
  const punts = new PuntWriter(left, arena);
  const shares = new PuntShares(left);
  const tables = tablesOf(arena, plan, new PolicyEpoch(memory.epoch));
  const train = new Train({ arena, plan, io, peers: tables.peers, telemetry });
  const writer = new TapWriter(io, telemetry);
  const coalescer = new Coalescer(arena, plan.take(coalescerLength), writer);
  const shared = { arena, plan, tables, cells, telemetry, punts, shares };
  const windows = new ReplayWindows(memory.windows, cells.workers === 1 ? 0 : holderOf(worker));
  const clock = new TickClock(arena, plan, io);
  const relay = new RelayPath({ arena, tables, train, cells, telemetry, clock });
  const inbound = new Inbound({ ...shared, coalescer, windows, relay });
  const outbound = new Outbound({ ...shared, segmenter: new Segmenter(arena), train, relay });
  const control = new WorkerControl({
    ring: new RingConsumer(memory.control),
    arena,
    tables,
    cells,
    telemetry,
    suites,
  });
  // What was passed on for a peer goes to where it is, before the slot of that peer may be another's.
  const obey = {
    apply: () => {
      if (control.hasMore) train.flush();
      return control.apply();
    },
  };
  const receiver = new Receiver({ arena, plan, io, inbound, control: obey, telemetry });
  const flush = () => {
    coalescer.flush();
    relay.flush();
  };
  const deliver = { flush, useTap: (tap: number) => writer.useTap(tap) };
  const tap = new TapReader({ arena, plan, io, outbound, train, telemetry });
  const loop = new Loop({ arena, plan, io, wake, control, tap, train, receiver, deliver, punts, telemetry });
  control.drive(loop);
  return loop;
}

function tablesOf(arena: Arena, plan: ArenaPlan, epoch: PolicyEpoch): DatapathTables {
  const { peers, sessions, locals, verdicts } = datapathLimits;
  const macs = { bytes: arena.bytes, offset: plan.take(6 * locals) };
  return {
    peers: new PeerTable(peers, arena, plan),
    sessions: new SessionTable(sessions),
    relays: new RelayTable(peers),
    routes: new RouteMap(),
    locals: new AddressMap(locals, macs),
    verdicts: new VerdictTable(verdicts, arena, epoch),
    version: 0,
    incomplete: 0,
  };
}
