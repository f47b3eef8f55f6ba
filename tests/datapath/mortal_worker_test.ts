/** A real thread that dies at its work, on sockets of the loopback: one is the underlay, one stands in for a TAP device. */
import assert from "node:assert/strict";
import process from "node:process";
import { setImmediate } from "node:timers/promises";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { Endpoint, PeerId } from "../../core/contracts/values.ts";
import { routeIntervals } from "../../core/datapath/route_intervals.ts";
import { far, near, nearMac } from "../../core/datapath/wired_pair_fixture.ts";
import type { Tell } from "../../core/datapath/worker_link.ts";
import { DatapathSessions } from "../../core/node/datapath_sessions.ts";
import { systemClock } from "../../core/runtime/clock.ts";
import { bindDatagramSocket } from "../../core/runtime/datagram_socket.ts";
import { type DatapathThread, startDatapath } from "../../core/runtime/datapath_thread.ts";
import { presentWays, withForeign } from "../../core/runtime/ffi/foreign_fixture.ts";
import { PacketCalls } from "../../core/runtime/ffi/packet_calls.ts";
import { openUnderlaySocket } from "../../core/runtime/underlay_socket.ts";
import { writeU64 } from "../../core/wire/field.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { readCounter, readReceiver } from "../../plugins/noise/wire.ts";
import { test } from "../harness.ts";
import { SimRandom } from "../sim/random.ts";
import { CountedPackets } from "./counted_packets.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";
const url = new URL("./mortal_worker.ts", import.meta.url);
const loopback = { host: "127.0.0.1", port: 0 };
const quiet = { dropped() {}, failed() {} };
const peer = "b" as PeerId;
const [localIndex, remoteIndex] = [11, 22];
const key = () => new Uint8Array(32).fill(9);
const deaths = 2;
const leap = 2 ** 20;
const headers = { transport: 16, gre: 4 } as const;

/** What the peer makes of a datagram: each counter once, each packet once. */
class Peer {
  readonly counters: number[] = [];
  readonly faults: unknown[] = [];
  readonly #packets: CountedPackets;

  constructor(packets: CountedPackets) {
    this.#packets = packets;
  }

  get newest(): number {
    return Math.max(-1, ...this.counters);
  }

  /** For a socket, which throws away what is thrown. */
  readonly hear = (datagram: Uint8Array): void => {
    try {
      this.#receive(datagram);
    } catch (fault) {
      this.faults.push(fault);
    }
  };

  #receive(datagram: Uint8Array): void {
    const counter = readCounter(datagram);
    assert.equal(readReceiver(datagram), remoteIndex);
    assert.ok(!this.counters.includes(counter), `counter ${counter} twice on the wire`);
    this.counters.push(counter);
    const nonce = new Uint8Array(12);
    writeU64(nonce, 4, counter);
    nonce.subarray(4).reverse();
    const cipher = chacha20poly1305(key(), nonce, datagram.slice(0, headers.transport));
    this.#packets.packet(cipher.decrypt(datagram.slice(headers.transport)).subarray(headers.gre));
  }
}

/** One session with the peer, and the routes that lead to it; told again to each thread that begins. */
function acquaint(thread: DatapathThread, endpoint: Endpoint): void {
  const sessions = new DatapathSessions(thread, () => {});
  const keys = { localIndex, remoteIndex, aead: "chacha20-poly1305", send: key(), receive: key() } as const;
  assert.ok(sessions.opened({ peer, keys, partialChecksum: false, relayed: false }) !== undefined);
  sessions.confirmed(localIndex);
  sessions.current(peer, { localIndex, endpoint, longest: 1_400, isPlain: false });
  const tellTables = (tell: Tell) => {
    const routes = [{ prefix: parsePrefix("10.40.0.0/16")!, peer: sessions.slotOf(peer)! }];
    tell({ kind: "routes", version: 1, ...routeIntervals(routes) });
    tell({ kind: "locals", hosts: [{ address: near, mac: nearMac }] });
  };
  tellTables((command) => thread.tell(command));
  thread.onRestart((tell) => {
    sessions.tellAll(tell);
    tellTables(tell);
  });
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setImmediate();
}

test(
  "a thread that dies at a send is back within a second, with its sessions, and repeats no counter",
  () =>
    withForeign(presentWays()[0]!, async (foreign) => {
      const packets = new CountedPackets({ source: near, destination: far, mac: nearMac }, new SimRandom(1));
      const atPeer = new Peer(packets);
      const calls = new PacketCalls(foreign);
      const [underlay, device] = [openUnderlaySocket(calls, loopback), openUnderlaySocket(calls, loopback)];
      const wire = await bindDatagramSocket(loopback, quiet);
      wire.receive(atPeer.hear);
      const log = { log: () => {}, child: () => log };
      const thread = await startDatapath({ url, clock: systemClock(), log, aead: "noble" });
      const none = () => assert.fail("there is one worker");
      const pauses: number[] = [];
      try {
        thread.takeSocket(underlay, () => {}, none);
        thread.takeTap(device.descriptor, { frame: () => {}, lost: () => {} }, none);
        acquaint(thread, wire.local);
        for (let died = 0; died < deaths; died++) {
          while (thread.facts.restarts === died) {
            const { length } = atPeer.counters;
            wire.send(packets.frame(), device.local);
            await until(() => atPeer.counters.length > length || thread.facts.restarts > died);
          }
          const start = performance.now();
          wire.send(packets.frame(), device.local);
          // What the last thread has sent may arrive even now.
          await until(() => atPeer.newest >= (died + 1) * leap);
          pauses.push(performance.now() - start);
        }
      } finally {
        await thread[Symbol.asyncDispose]();
        await wire.close();
        for (const socket of [underlay, device]) socket.close();
      }
      assert.deepEqual(atPeer.faults, []);
      // A busy machine may be slow once, but not every time.
      assert.ok(Math.min(...pauses) < 1_000, `back after ${pauses.map(Math.round)} ms`);
    }),
  { skip },
);
