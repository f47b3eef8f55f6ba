import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import type { MeshError } from "../contracts/errors.ts";
import type { Endpoint } from "../contracts/values.ts";
import type { BindDatagrams, DatagramBackend } from "./datagram_backend.ts";
import { bindDatagramSocket, type DatagramObserver, type DatagramSocket } from "./datagram_socket.ts";
import { denoDatagrams } from "./deno_datagrams.ts";
import { nodeDatagrams } from "./node_datagrams.ts";

class Observer implements DatagramObserver {
  readonly drops: Drop[] = [];
  readonly errors: unknown[] = [];

  dropped(reason: Drop): void {
    this.drops.push(reason);
  }

  failed(error: unknown): void {
    this.errors.push(error);
  }
}

/** Copies of what a socket receives, in order, each to be awaited. */
function inbox(socket: DatagramSocket): () => Promise<{ bytes: Uint8Array; from: Endpoint }> {
  const waiting: ((value: { bytes: Uint8Array; from: Endpoint }) => void)[] = [];
  const arrived: { bytes: Uint8Array; from: Endpoint }[] = [];
  socket.receive((datagram, from) => {
    const entry = { bytes: new Uint8Array(datagram), from };
    const waiter = waiting.shift();
    if (waiter) waiter(entry);
    else arrived.push(entry);
  });
  return () => {
    const entry = arrived.shift();
    return entry ? Promise.resolve(entry) : new Promise((resolve) => waiting.push(resolve));
  };
}

const backends: { name: string; bind: BindDatagrams }[] = [{ name: "node:dgram", bind: nodeDatagrams }];
const deno = denoDatagrams();
if (deno) backends.push({ name: "Deno.listenDatagram", bind: deno });

const loopback = { host: "127.0.0.1", port: 0 };

for (const { name, bind } of backends) {
  test(`${name}: a dual-stack socket and an IPv4 one exchange datagrams as IPv4`, async () => {
    const dual = await bindDatagramSocket({ host: "::", port: 0 }, new Observer(), bind);
    const plain = await bindDatagramSocket(loopback, new Observer(), bind);
    const [atDual, atPlain] = [inbox(dual), inbox(plain)];
    assert.equal(plain.send(Uint8Array.of(1), { host: "127.0.0.1", port: dual.local.port }), true);
    const first = await atDual();
    assert.deepEqual(first, { bytes: Uint8Array.of(1), from: plain.local });
    assert.equal(dual.send(Uint8Array.of(2), first.from), true);
    const second = await atPlain();
    assert.deepEqual(second, { bytes: Uint8Array.of(2), from: { host: "127.0.0.1", port: dual.local.port } });
    await Promise.all([dual.close(), plain.close()]);
  });

  test(`${name}: IPv6 works between two addresses`, async () => {
    const left = await bindDatagramSocket({ host: "::1", port: 0 }, new Observer(), bind);
    const right = await bindDatagramSocket({ host: "::1", port: 0 }, new Observer(), bind);
    const received = inbox(right);
    left.send(Uint8Array.of(6), right.local);
    assert.deepEqual(await received(), { bytes: Uint8Array.of(6), from: left.local });
    await Promise.all([left.close(), right.close()]);
  });

  test(`${name}: sizes from nothing to 65,507 bytes arrive whole, more is refused`, async () => {
    const observer = new Observer();
    const socket = await bindDatagramSocket(loopback, observer, bind);
    const received = inbox(socket);
    for (const length of [0, 1, 1400, 65_507]) {
      socket.send(new Uint8Array(length).fill(length), socket.local);
      assert.deepEqual((await received()).bytes, new Uint8Array(length).fill(length));
    }
    assert.equal(socket.send(new Uint8Array(65_508), socket.local), false);
    assert.deepEqual(observer.drops, [Drop.tooBig]);
    await socket.close();
  });

  test(`${name}: the memory of a datagram is free as soon as send returns`, async () => {
    const socket = await bindDatagramSocket(loopback, new Observer(), bind);
    const received = inbox(socket);
    const memory = new Uint8Array(100).fill(5);
    for (let i = 0; i < 20; i++) socket.send(memory, socket.local);
    memory.fill(9);
    for (let i = 0; i < 20; i++) assert.deepEqual((await received()).bytes, new Uint8Array(100).fill(5));
    await socket.close();
  });

  test(`${name}: datagrams leave in the order of the calls`, async () => {
    const socket = await bindDatagramSocket({ host: "::", port: 0 }, new Observer(), bind);
    const received = inbox(socket);
    const to = { host: "::1", port: socket.local.port };
    for (let i = 0; i < 60; i++) socket.send(Uint8Array.of(i), to);
    for (let i = 0; i < 60; i++) assert.deepEqual((await received()).bytes, Uint8Array.of(i));
    await socket.close();
  });

  test(`${name}: what was sent before close still leaves`, async () => {
    const [left, right] = await Promise.all(
      [1, 2].map(() => bindDatagramSocket(loopback, new Observer(), bind)),
    );
    const received = inbox(right!);
    for (let i = 0; i < 20; i++) left!.send(Uint8Array.of(i), right!.local);
    await left!.close();
    for (let i = 0; i < 20; i++) assert.deepEqual((await received()).bytes, Uint8Array.of(i));
    await right!.close();
  });

  test(`${name}: nobody listening, and no route, throw nothing and stop nothing`, async () => {
    const observer = new Observer();
    const socket = await bindDatagramSocket({ host: "::1", port: 0 }, observer, bind);
    const received = inbox(socket);
    socket.send(Uint8Array.of(1), { host: "::1", port: 9 });
    socket.send(Uint8Array.of(1), { host: "127.0.0.1", port: 9 });
    socket.send(Uint8Array.of(2), socket.local);
    assert.deepEqual((await received()).bytes, Uint8Array.of(2));
    assert.deepEqual(observer.drops, [Drop.underlay]);
    assert.deepEqual(observer.errors, []);
    await socket.close();
  });

  test(`${name}: a handler that throws is reported and hears the next datagram`, async () => {
    const observer = new Observer();
    const socket = await bindDatagramSocket(loopback, observer, bind);
    const seen: number[] = [];
    const done = Promise.withResolvers<void>();
    socket.receive((datagram) => {
      seen.push(datagram[0]!);
      if (datagram[0] === 1) throw new Error("handler is broken");
      done.resolve();
    });
    socket.send(Uint8Array.of(1), socket.local);
    socket.send(Uint8Array.of(2), socket.local);
    await done.promise;
    assert.deepEqual(seen, [1, 2]);
    assert.match(String(observer.errors[0]), /handler is broken/);
    await socket.close();
  });

  test(`${name}: a taken port fails with BIND_FAILED that says what to do`, async () => {
    const first = await bindDatagramSocket(loopback, new Observer(), bind);
    const { port } = first.local;
    await assert.rejects(bindDatagramSocket({ host: "127.0.0.1", port }, new Observer(), bind), {
      code: "BIND_FAILED",
      message: `Cannot bind UDP 127.0.0.1:${port}: address in use; stop the program that holds it, ` +
        "or choose another port with --listen, or with the option `listen` of a further transport",
      details: { reason: "EADDRINUSE" },
    });
    await first.close();
    const again = await bindDatagramSocket({ host: "127.0.0.1", port }, new Observer(), bind);
    assert.deepEqual(again.local, { host: "127.0.0.1", port });
    await again.close();
  });

  test(`${name}: an address of another machine fails with BIND_FAILED`, async () => {
    const attempt = bindDatagramSocket({ host: "203.0.113.77", port: 0 }, new Observer(), bind);
    await assert.rejects(attempt, { code: "BIND_FAILED", details: { reason: "EADDRNOTAVAIL" } });
  });

  test(`${name}: after close nothing is sent, and closing twice is harmless`, async () => {
    const observer = new Observer();
    const socket = await bindDatagramSocket(loopback, observer, bind);
    inbox(socket);
    await Promise.all([socket.close(), socket.close()]);
    await socket.close();
    assert.equal(socket.send(Uint8Array.of(1), socket.local), false);
    assert.deepEqual(observer.drops, [Drop.underlay]);
  });
}

/** A backend of which the test decides when a datagram is taken by the kernel. */
class HeldBackend implements DatagramBackend {
  readonly local: Endpoint;
  readonly sent: string[] = [];
  #taken: PromiseWithResolvers<void> | undefined;

  constructor(host: string) {
    this.local = { host, port: 6783 };
  }

  readonly bind: BindDatagrams = () => Promise.resolve(this);

  send(_datagram: Uint8Array, host: string): Promise<void> {
    this.sent.push(host);
    this.#taken = Promise.withResolvers<void>();
    return this.#taken.promise;
  }

  /** Ends the send under way and waits until its end has been seen. */
  async take(error?: Error): Promise<void> {
    if (error) this.#taken!.reject(error);
    else this.#taken!.resolve();
    await this.#taken!.promise.catch(() => {});
    await Promise.resolve();
  }

  receive(handler: (datagram: Uint8Array, from: Endpoint) => void): void {
    handler(new Uint8Array(1), { host: "fe80::1%eth0", port: 1 });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const anywhere = { host: "::1", port: 9 };

test("a socket refuses what is no IP literal, no port, or of the other family", async () => {
  const backend = new HeldBackend("0.0.0.0");
  const observer = new Observer();
  const socket = await bindDatagramSocket({ host: "0.0.0.0", port: 0 }, observer, backend.bind);
  for (const host of ["example.org", "", "::1", "1.2.3", "1.2.3.4 "]) {
    assert.equal(socket.send(Uint8Array.of(1), { host, port: 9 }), false, host);
  }
  for (const port of [0, -1, 65_536, 1.5, NaN]) {
    assert.equal(socket.send(Uint8Array.of(1), { host: "127.0.0.1", port }), false, String(port));
  }
  assert.deepEqual(backend.sent, []);
  assert.deepEqual(observer.drops, [...Array(5).fill(Drop.underlay), ...Array(5).fill(Drop.malformed)]);
});

test("IPv4 destinations are mapped on an IPv6 socket and unmapped on an IPv4 one", async () => {
  const [six, four] = [new HeldBackend("::"), new HeldBackend("0.0.0.0")];
  for (const backend of [six, four]) {
    const socket = await bindDatagramSocket({ host: "::", port: 0 }, new Observer(), backend.bind);
    socket.send(Uint8Array.of(1), { host: "192.0.2.1", port: 9 });
    socket.send(Uint8Array.of(1), { host: "::FFFF:192.0.2.2", port: 9 });
    await backend.take();
  }
  assert.deepEqual(six.sent, ["::ffff:192.0.2.1", "::ffff:192.0.2.2"]);
  assert.deepEqual(four.sent, ["192.0.2.1", "192.0.2.2"]);
});

test("a sender faster than the machine is refused instead of filling memory", async () => {
  const backend = new HeldBackend("::");
  const observer = new Observer();
  const socket = await bindDatagramSocket({ host: "::", port: 0 }, observer, backend.bind);
  for (let i = 0; i < 1 + 1024; i++) assert.equal(socket.send(Uint8Array.of(1), anywhere), true);
  assert.equal(socket.send(Uint8Array.of(1), anywhere), false);
  assert.deepEqual(observer.drops, [Drop.queueFull]);
  await backend.take();
  assert.equal(socket.send(Uint8Array.of(1), anywhere), true);
});

test("refusals of the system are counted by their reason", async () => {
  const backend = new HeldBackend("::");
  const observer = new Observer();
  const socket = await bindDatagramSocket({ host: "::", port: 0 }, observer, backend.bind);
  for (const code of ["EMSGSIZE", "ENOBUFS", "EHOSTUNREACH", "ECONNREFUSED"]) {
    socket.send(Uint8Array.of(1), anywhere);
    await backend.take(Object.assign(new Error(code), { code }));
  }
  assert.deepEqual(observer.drops, [Drop.tooBig, Drop.queueFull, Drop.underlay, Drop.underlay]);
});

test("a sender's zone is left out: an endpoint holds an IP literal", async () => {
  const { bind } = new HeldBackend("::");
  const socket = await bindDatagramSocket({ host: "::", port: 0 }, new Observer(), bind);
  const senders: Endpoint[] = [];
  socket.receive((_datagram, from) => senders.push(from));
  assert.deepEqual(senders, [{ host: "fe80::1", port: 1 }]);
});

test("a name cannot be bound", async () => {
  const attempt = bindDatagramSocket({ host: "localhost", port: 0 }, new Observer());
  await assert.rejects(attempt, (error: MeshError) => error.code === "INVALID_ARGUMENT");
});
