/** Two members that no datagrams carry between, with a relay and a connection that carries some. */
import assert from "node:assert/strict";
import { isStreamEndpoint, streamEndpoint } from "../../core/wire/stream_endpoint.ts";
import { test } from "../../tests/harness.ts";
import { type Chain, chain, isBetweenEnds } from "./testing_relay.ts";
import { type Flight, Rig, type RigNode } from "./testing_rig.ts";
import { ModelWorker } from "./testing_worker.ts";
import { MessageType } from "./wire.ts";

/** Between the ends all goes through a connection, in order, once there is one; to each the other is at a place in a stream. */
class Connected {
  readonly world: Chain = chain({ isApart: true });
  readonly workers: readonly ModelWorker[];
  isOpen = false;
  #under: Flight[] = [];

  constructor(hasWorkers: boolean) {
    const { world } = this;
    const { rig, a, b } = world;
    this.workers = hasWorkers ? [ModelWorker.of(rig, a), ModelWorker.of(rig, b)] : [];
    for (const end of [a, b]) {
      const { front } = end;
      end.front = (datagram, from) => isStreamEndpoint(from) ? undefined : front(datagram, from);
      rig.call(end, (machine, now) => machine.disconnect(world.r.id, now));
      rig.connect(end, world.r);
    }
    rig.run(200); // their sessions with the relay are shared, too
    rig.weather = (flight) => {
      if (!isBetweenEnds(world, flight) || (world.direct && !isStreamEndpoint(flight.to))) return [10];
      if (this.isOpen) this.#under.push({ ...flight, datagram: flight.datagram.slice() });
      return [];
    };
    rig.connectVia(a, b, world.r);
    rig.connect(a, b);
    rig.connect(b, a);
    this.run(500);
  }

  run(millis: number): void {
    const { rig, a, b } = this.world;
    for (let passed = 0; passed < millis; passed += 10) {
      rig.run(10);
      for (const { datagram, from, to } of this.#under.splice(0)) {
        const target = to.port === a.endpoint.port ? a : b;
        rig.inject(target, datagram, streamEndpoint(from));
      }
    }
  }

  /** Packets both ways, a hundred; all of them come. */
  talk(): void {
    const { a, b } = this.world;
    const texts = Array.from({ length: 100 }, (_, i) => `${i}`);
    const before = [...this.heard(a), ...this.heard(b)].length;
    for (const text of texts) {
      this.#send(a, b, text);
      this.#send(b, a, text);
      this.run(20);
    }
    this.run(100);
    assert.equal([...this.heard(a), ...this.heard(b)].length - before, 200);
  }

  heard(node: RigNode): readonly string[] {
    const worker = this.workers[node === this.world.a ? 0 : 1];
    return [...node.received(), ...worker?.received ?? []];
  }

  #send(from: RigNode, to: RigNode, text: string): void {
    const worker = this.workers[from === this.world.a ? 0 : 1];
    if (worker === undefined) this.world.rig.send(from, to, text);
    else worker.send(to, text);
  }
}

function isInStream(node: RigNode, peer: RigNode): boolean {
  const up = node.of("session-up").filter(({ peer: { id } }) => id === peer.id);
  const roamed = node.of("roamed").filter((fact) => fact.peer === peer.id);
  return isStreamEndpoint(roamed.at(-1)?.endpoint ?? up.at(-1)!.session.endpoint);
}

for (const hasWorkers of [false, true]) {
  const who = hasWorkers ? "two whose sessions workers share" : "two members";
  test(`${who} leave their relay for a connection, and that for an address, and no packet is lost`, () => {
    const connected = new Connected(hasWorkers);
    const { a, b } = connected.world;
    assert.ok(!isInStream(a, b) && !isInStream(b, a));
    assert.ok(
      connected.workers.every((worker, i) =>
        [...worker.sessions.values()].some(({ peer }) => peer === [b, a][i]!.id)
      ),
      "workers share it",
    );
    connected.talk();
    connected.isOpen = true;
    for (let i = 0; i < 4; i++) connected.talk();
    assert.ok(isInStream(a, b) && isInStream(b, a));
    assert.ok(!a.edges().includes(`-${b.id}`) && !b.edges().includes(`-${a.id}`), "the session lives on");
    connected.talk();
    const shared = connected.workers.map((worker, i) => worker.currentOf([b, a][i]!));
    assert.ok(shared.every((session) => session === undefined), "a worker reads no connection");
    connected.world.direct = true;
    for (let i = 0; i < 4; i++) connected.talk();
    assert.ok(!isInStream(a, b) && !isInStream(b, a), "and that for an address");
    const again = connected.workers.map((worker, i) => worker.currentOf([b, a][i]!));
    assert.ok(again.every((session) => session !== undefined), "where a worker has the next session");
  });
}

test("when the way to a relay becomes a connection, those behind it are reached as before", () => {
  const world = chain({ isApart: true });
  const { rig, a, b, r } = world;
  const worker = ModelWorker.of(rig, a);
  const { front } = a;
  a.front = (datagram, from) => isStreamEndpoint(from) ? undefined : front(datagram, from);
  rig.call(a, (machine, now) => machine.disconnect(r.id, now));
  rig.connect(a, r);
  rig.run(200);
  rig.connectVia(a, b, r);
  rig.run(500);
  assert.ok([...worker.sessions.values()].some(({ peer }) => peer === b.id));
  let under: Flight[] = [];
  const ports = [a.endpoint.port, r.endpoint.port];
  rig.weather = (flight) => {
    const { from, to, datagram } = flight;
    if (!ports.includes(from.port) || !ports.includes(to.port)) {
      return isBetweenEnds(world, flight) ? [] : [10];
    }
    // What seeks an answer goes into the connection, and whatever is meant for it.
    const isCarried = isStreamEndpoint(to) || datagram[0] === MessageType.initiation;
    if (isCarried) under.push({ ...flight, datagram: datagram.slice() });
    return [];
  };
  const run = (millis: number) => {
    for (let passed = 0; passed < millis; passed += 10) {
      rig.run(10);
      const carried = under;
      under = [];
      for (const { datagram, from, to } of carried) {
        rig.inject(to.port === a.endpoint.port ? a : r, datagram, streamEndpoint(from));
      }
    }
  };
  run(30_000);
  assert.ok(isInStream(a, r) && isInStream(r, a));
  const before = [a.received().length, b.received().length];
  for (let i = 0; i < 20; i++) {
    worker.send(b, `${i}`);
    rig.send(b, a, `${i}`);
    run(50);
  }
  run(200);
  assert.deepEqual([a.received().length, b.received().length], before.map((count) => count + 20));
});

test("a question where nobody may ever have answered is marked as one, and what goes to a peer that is there is not", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const marks = (): boolean[] => {
    const outputs = Array.from({ length: 3 }, () => a.machine.poll()).filter((output) =>
      output !== undefined
    );
    return outputs.flatMap((output) => output.type === "transmit" ? [output.seeks === true] : []);
  };
  a.machine.connect({ endpoint: b.endpoint, peer: { id: b.id, noiseKey: b.keys.publicKey } }, rig.now);
  a.machine.connect({ endpoint: { host: "192.0.2.9", port: 6783 } }, rig.now);
  a.machine.handleTimeout(rig.now);
  assert.deepEqual(marks(), [true, true]);
  rig.run(1_000);
  a.machine.seal(b.id, { protocol: 0x0800, payload: new Uint8Array(20), forwarded: false }, rig.now);
  assert.deepEqual(marks(), [false]);
});

test("what any stranger is told is marked as a refusal: it does not speak for whoever asks", () => {
  const rig = new Rig();
  const a = rig.add("a");
  const message = new Uint8Array(48);
  message.set([MessageType.data, 1]);
  a.machine.handleDatagram(message, streamEndpoint({ host: "192.0.2.9", port: 50_000 }), rig.now);
  const output = a.machine.poll();
  assert.ok(output?.type === "transmit" && output.refuses === true);
});
