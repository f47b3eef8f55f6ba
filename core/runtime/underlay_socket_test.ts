import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import process from "node:process";
import { test } from "../../tests/harness.ts";
import type { Arena } from "../datapath/arena.ts";
import type { Foreign } from "./ffi/foreign.ts";
import { presentWays, withForeign } from "./ffi/foreign_fixture.ts";
import { PacketCalls } from "./ffi/packet_calls.ts";
import { mapArena } from "./ffi/system_arena.ts";
import { ERRNO } from "./ffi/system_error.ts";
import { decodeSockaddr, encodeSockaddr } from "./socket_address.ts";
import { openUnderlaySocket, type UnderlaySocket, type UnderlaySocketOptions } from "./underlay_socket.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";

/** Where things lie in the arena of a {@link Bench}. */
const AT = { name: 0, vector: 64, control: 128, message: 192, poll: 256, payload: 4096 } as const;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;
const SOL_UDP = 17;

/** The sockets of this process, each by its number in the kernel. */
function openSockets(): string[] {
  return readdirSync("/proc/self/fd").flatMap((name) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`);
      return target.startsWith("socket:") ? [target] : [];
    } catch {
      // The directory's own descriptor is gone by now.
      return [];
    }
  }).sort();
}

/** Sockets, and one `struct msghdr` for them, with everything it points to in one arena. */
class Bench {
  readonly calls: PacketCalls;
  readonly arena: Arena;
  readonly #open: UnderlaySocket[] = [];

  constructor(foreign: Foreign) {
    this.calls = new PacketCalls(foreign);
    this.arena = mapArena(foreign, 128 * 1024);
  }

  open(options: UnderlaySocketOptions): UnderlaySocket {
    const socket = openUnderlaySocket(this.calls, options);
    this.#open.push(socket);
    return socket;
  }

  close(): void {
    for (const socket of this.#open.splice(0)) socket.close();
  }

  /** Sends the payload in datagrams of `segment` bytes. */
  send(from: UnderlaySocket, to: UnderlaySocket, length: number, segment: number): number {
    const { view, bytes } = this.arena;
    const nameLength = encodeSockaddr(to.local, from.family, bytes, AT.name);
    this.#message({ nameLength, length, controlLength: 24 });
    // A cmsghdr of 16 bytes and the size: cmsg_len is 18, padded to 24.
    view.setBigUint64(AT.control, 18n, true);
    view.setInt32(AT.control + 8, SOL_UDP, true);
    view.setInt32(AT.control + 12, UDP_SEGMENT, true);
    view.setUint16(AT.control + 16, segment, true);
    return this.calls.sendmsg(from.descriptor, this.arena.address + AT.message, 0);
  }

  /** Waits for a read, and gives its length and the size of the datagrams in it, 0 for a single one. */
  receive(socket: UnderlaySocket): { readonly length: number; readonly segment: number } {
    const { view, bytes, address } = this.arena;
    view.setInt32(AT.poll, socket.descriptor, true);
    view.setInt32(AT.poll + 4, 1, true);
    assert.equal(this.calls.poll(address + AT.poll, 1, 5000), 1);
    bytes.fill(0, AT.control, AT.control + 64);
    this.#message({ nameLength: 28, length: 65_536, controlLength: 64 });
    const length = this.calls.recvmsg(socket.descriptor, address + AT.message, 0);
    const joined = view.getInt32(AT.control + 8, true) === SOL_UDP &&
      view.getInt32(AT.control + 12, true) === UDP_GRO;
    return { length, segment: joined ? view.getInt32(AT.control + 16, true) : 0 };
  }

  canRead(descriptor: number): boolean {
    const { view, address } = this.arena;
    view.setInt32(AT.poll, descriptor, true);
    view.setInt32(AT.poll + 4, 1, true);
    return this.calls.poll(address + AT.poll, 1, 0) === 1;
  }

  #message(lengths: { nameLength: number; length: number; controlLength: number }): void {
    const { view, bytes, address } = this.arena;
    bytes.fill(0, AT.message, AT.message + 56);
    bytes.fill(0, AT.vector, AT.vector + 16);
    view.setUint32(AT.vector, address + AT.payload, true);
    view.setUint32(AT.vector + 8, lengths.length, true);
    view.setUint32(AT.message, address + AT.name, true);
    view.setUint32(AT.message + 8, lengths.nameLength, true);
    view.setUint32(AT.message + 16, address + AT.vector, true);
    view.setUint32(AT.message + 24, 1, true);
    view.setUint32(AT.message + 32, address + AT.control, true);
    view.setUint32(AT.message + 40, lengths.controlLength, true);
  }
}

for (const way of presentWays()) {
  const withBench = (use: (bench: Bench) => void) =>
    withForeign(way, (foreign) => {
      const bench = new Bench(foreign);
      try {
        use(bench);
      } finally {
        bench.close();
      }
    });

  for (
    const [from, to] of [["127.0.0.1", "127.0.0.1"], ["::1", "::1"], ["127.0.0.1", "::"], [
      "::",
      "127.0.0.1",
    ]] as const
  ) {
    test(
      `${way}: one call from ${from} sends many datagrams, and one call at ${to} gets them, in order`,
      async () => {
        await withBench((bench) => {
          const sender = bench.open({ host: from, port: 0 });
          const receiver = bench.open({ host: to, port: 0 });
          const { bytes } = bench.arena;
          const payload = Uint8Array.from({ length: 20 * 1000 + 333 }, (_, i) => (i * 7) % 253);
          bytes.set(payload, AT.payload);
          const reached = to === "::" ? { ...receiver, local: { ...receiver.local, host: from } } : receiver;
          assert.equal(bench.send(sender, reached, payload.length, 1000), payload.length);
          bytes.fill(0, AT.payload);
          assert.deepEqual(bench.receive(receiver), { length: payload.length, segment: 1000 });
          assert.deepEqual(bytes.slice(AT.payload, AT.payload + payload.length), payload);
          const source = decodeSockaddr(bytes, AT.name);
          assert.deepEqual(source, { host: from === "::" ? "127.0.0.1" : from, port: sender.local.port });
        });
      },
      { skip },
    );
  }

  test(`${way}: a datagram alone comes alone, and an empty socket says so at once`, async () => {
    await withBench((bench) => {
      const socket = bench.open({ host: "127.0.0.1", port: 0 });
      assert.equal(socket.joinsDatagrams, true);
      const { address } = bench.arena;
      assert.equal(bench.calls.read(socket.descriptor, address, 100), -ERRNO.EAGAIN);
      assert.equal(bench.send(socket, socket, 600, 1000), 600);
      assert.deepEqual(bench.receive(socket), { length: 600, segment: 0 });
    });
  }, { skip });

  test(`${way}: a port is nobody else's, also where its owner has several sockets of it`, async () => {
    await withBench((bench) => {
      const { local } = bench.open({ host: "::", port: 0 });
      assert.ok(local.port > 0);
      assert.throws(() => bench.open(local), {
        code: "BIND_FAILED",
        message: `Cannot bind UDP [::]:${local.port}: address in use; stop the program that holds it, ` +
          "or choose another port with --listen, or with the option `listen` of a further transport",
        details: { reason: "EADDRINUSE" },
      });
      const first = bench.open({ host: "127.0.0.1", port: 0 });
      const further = [first.another(), first.another()];
      assert.throws(() => bench.open(first.local), {
        code: "BIND_FAILED",
        details: { reason: "EADDRINUSE" },
      });
      for (const descriptor of further) assert.equal(bench.calls.close(descriptor), 0);
    });
  }, { skip });

  test(`${way}: sockets of one port share the senders, each of whom has one of them`, async () => {
    await withBench((bench) => {
      const { bytes } = bench.arena;
      const first = bench.open({ host: "127.0.0.1", port: 0 });
      const sockets = [
        first,
        ...[first.another(), first.another()].map((descriptor) => ({ ...first, descriptor })),
      ];
      const senders = Array.from({ length: 24 }, () => bench.open({ host: "127.0.0.1", port: 0 }));
      for (let round = 0; round < 3; round++) {
        for (const sender of senders) bench.send(sender, first, 100, 1000);
      }
      const portsOf = ({ descriptor }: UnderlaySocket) => {
        const ports: number[] = [];
        while (bench.canRead(descriptor)) {
          bench.receive({ ...first, descriptor });
          ports.push(decodeSockaddr(bytes, AT.name)!.port);
        }
        return ports;
      };
      const heard = sockets.map(portsOf);
      const distinct = heard.map((ports) => new Set(ports).size);
      assert.deepEqual(heard.map(({ length }) => length), distinct.map((ports) => 3 * ports));
      assert.equal(distinct.reduce((sum, count) => sum + count), senders.length);
      assert.ok(distinct.every((count) => count > 0), `${distinct}`);
      for (const { descriptor } of sockets.slice(1)) bench.calls.close(descriptor);
    });
  }, { skip });

  test(`${way}: an address of no interface and a name are errors, with nothing left open`, async () => {
    await withBench((bench) => {
      const before = openSockets();
      assert.throws(() => bench.open({ host: "192.0.2.1", port: 0 }), {
        details: { reason: "EADDRNOTAVAIL" },
      });
      assert.throws(() => bench.open({ host: "localhost", port: 0 }), { code: "INVALID_ARGUMENT" });
      assert.deepEqual(openSockets(), before);
    });
  }, { skip });

  test(`${way}: buffers hold what comes while the thread is busy elsewhere`, async () => {
    await withBench((bench) => {
      const { descriptor } = bench.open({ host: "127.0.0.1", port: 0 });
      // SO_SNDBUF and SO_RCVBUF; the kernel grants twice what is asked for, for its own records.
      for (const option of [7, 8]) assert.ok(bench.calls.getsockopt(descriptor, 1, option) >= 400_000);
    });
  }, { skip });
}
