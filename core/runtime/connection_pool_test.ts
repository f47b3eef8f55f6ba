import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { test } from "../../tests/harness.ts";
import { ConnectionPool } from "./connection_pool.ts";

/** What the pool knows of a socket. */
class FakeSocket extends EventEmitter {
  readonly name: string;
  readonly remoteAddress: string;
  isDestroyed = false;

  constructor(name: string, remoteAddress = "127.0.0.1") {
    super();
    this.name = name;
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit("close");
  }
}

const asSocket = (socket: FakeSocket) => socket as unknown as Socket;

class Rig {
  readonly pool: ConnectionPool;
  readonly sockets: FakeSocket[] = [];

  constructor(connections: number, burst: number) {
    this.pool = new ConnectionPool({ connections, burst, graceMillis: 0 });
  }

  open(name: string, source?: string): Socket {
    const socket = new FakeSocket(name, source);
    this.sockets.push(socket);
    this.pool.add(asSocket(socket));
    return asSocket(socket);
  }

  /** Of a caller who has shown who it is. */
  known(name: string): { socket: Socket; done: () => void } {
    const socket = this.open(name);
    const done = this.pool.answer(socket);
    this.pool.admit(socket);
    return { socket, done };
  }

  get closed(): string {
    return this.sockets.filter(({ isDestroyed }) => isDestroyed).map(({ name }) => name).join(" ");
  }
}

/** The pool's rounds are on a timer of no delay; three of them have passed. */
async function trimmed(): Promise<void> {
  for (let i = 0; i < 6; i++) await new Promise((resolve) => setTimeout(resolve, 2));
}

test("strangers go first, the oldest of the greediest source before others", async () => {
  const rig = new Rig(4, 10);
  for (const [name, source] of Object.entries({ a1: "::1", b1: "x", b2: "x", b3: "x", a2: "::1", b4: "x" })) {
    rig.open(name, source);
  }
  assert.equal(rig.closed, "", "who has just come may still say something");
  await trimmed();
  assert.equal(rig.closed, "b1 b2");
  assert.deepEqual([rig.pool.closed, rig.pool.size], [2, 4]);
  rig.pool.stop();
});

test("beyond the burst a place is made at once", () => {
  const rig = new Rig(1, 2);
  for (const name of ["a", "b", "c", "d", "e"]) rig.open(name);
  assert.equal(rig.closed, "a b");
  assert.equal(rig.pool.size, 3);
  rig.pool.stop();
});

test("a known caller goes only when it is idle and no stranger is left, and never while it is answered", async () => {
  const rig = new Rig(2, 10);
  const [first, second] = [rig.known("first"), rig.known("second")];
  rig.open("stranger");
  await trimmed();
  assert.equal(rig.closed, "stranger");
  const third = rig.known("third");
  await trimmed();
  assert.equal(rig.closed, "stranger", "each of the three is being answered");
  second.done();
  await trimmed();
  assert.equal(rig.closed, "second stranger");
  for (const { done } of [first, third]) done();
  rig.pool.stop();
});

test("a connection that ends by itself makes room", async () => {
  const rig = new Rig(1, 10);
  rig.open("a").destroy();
  rig.open("b");
  await trimmed();
  assert.deepEqual([rig.pool.size, rig.pool.closed], [1, 0]);
  rig.pool.stop();
});

test("a stopped pool closes nothing and leaves no timer", async () => {
  const rig = new Rig(1, 10);
  for (const name of ["a", "b", "c"]) rig.open(name);
  rig.pool.stop();
  await trimmed();
  assert.equal(rig.closed, "");
});
