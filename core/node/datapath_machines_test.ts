/** Two nodes as far as packets go: the machines of their sessions, feeds, and data paths on memory; between them a network. */
import assert from "node:assert/strict";
import { Rig, type RigNode, SeededRandom } from "../../plugins/noise/testing_rig.ts";
import { MessageType, readCounter, readReceiver } from "../../plugins/noise/wire.ts";
import { test } from "../../tests/harness.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { Drop } from "../contracts/drop.ts";
import type { Endpoint } from "../contracts/values.ts";
import type { Command } from "../datapath/control.ts";
import { ringCapacity } from "../datapath/datapath_limits.ts";
import type { Punt, PuntedPacket } from "../datapath/punt.ts";
import { ringMemory } from "../datapath/ring.ts";
import { type SharedMemory, sharedMemory } from "../datapath/shared_memory.ts";
import { socketDescriptor, tapDescriptor, WiredCore } from "../datapath/wired_cores_fixture.ts";
import { fromTap } from "../datapath/wired_pair_fixture.ts";
import type { Tell, WorkerFacts, WorkerLink } from "../datapath/worker_link.ts";
import { decodeSockaddr, encodeSockaddr } from "../runtime/socket_address.ts";
import { parseAddress } from "../wire/address.ts";
import { encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { macOfAddress, parseMac } from "../wire/mac.ts";
import { encodeUdp } from "../wire/udp.ts";
import { attached, PlainPorts, route } from "./datapath_feed_fixture.ts";
import { DatapathFeed } from "./datapath_feed.ts";
import { DropCounts } from "./drop_counts.ts";

/** A link to a worker in this thread, which ends and begins anew when a test says so. */
class CoreLink implements WorkerLink {
  memory: SharedMemory = sharedMemory();
  core = new WiredCore(undefined, { memory: this.memory });
  readonly family = 4;
  readonly hasTap = true;
  readonly backlog = 0;
  opened: (punt: PuntedPacket) => void = () => {};
  #restarts = 0;
  #restarted: (tell: Tell) => void = () => {};

  constructor() {
    this.#attach();
  }

  get facts(): WorkerFacts {
    const names = ["chacha20-poly1305", "aes-256-gcm"] as const;
    const ciphers = names.map((name) => ({ name, implementation: "noble" }));
    return { ffi: "none", ciphers, measures: [], isRealtime: false, workers: 1, restarts: this.#restarts };
  }

  tell(command: Command): boolean {
    this.core.tell(command);
    return true;
  }

  onOpened(handler: (punt: PuntedPacket) => void): void {
    this.opened = handler;
  }

  sourceOf(): undefined {}

  onSource(): void {}

  onRestart(handler: (tell: Tell) => void): void {
    this.#restarted = handler;
  }

  restart(): void {
    this.#restarts++;
    this.core.cells.jumpCounters();
    this.core.cells.reclaim();
    this.memory = { ...this.memory, control: ringMemory(ringCapacity.control) };
    this.core = new WiredCore(undefined, { memory: this.memory });
    this.#attach();
    this.#restarted((command) => this.tell(command));
  }

  #attach(): void {
    this.core.tell(
      { kind: "attach-socket", descriptor: socketDescriptor, family: 4 },
      { kind: "attach-tap", descriptor: tapDescriptor },
    );
  }
}

/** Where the payload of UDP begins in a frame of IPv4. */
const payloadAt = 14 + 20 + 8;

/** One node with one container. */
class Host {
  readonly link = new CoreLink();
  readonly feed: DatapathFeed;
  readonly drops = new DropCounts();
  readonly node: RigNode;
  /** What its container has got from the worker. */
  readonly got: string[] = [];
  /** Packets that its main thread has carried. */
  carried = 0;
  readonly #rig: Rig;
  readonly #address: string;
  readonly #mac: string;
  #facts = 0;

  constructor(rig: Rig, node: RigNode, number: number, peers: Record<string, string>) {
    this.#rig = rig;
    this.node = node;
    this.#address = `10.${number}.0.1`;
    this.#mac = `02:00:00:00:00:${number}`;
    const ports = new PlainPorts();
    ports.set([attached("netns:one", this.#address, this.#mac)]);
    const routes = Object.entries(peers).map(([peer, prefix]) => route(prefix, peer as RigNode["id"]));
    this.feed = new DatapathFeed({
      link: this.link,
      machine: node.machine,
      routes: { routes: () => routes, version: () => 1 },
      deviceRoutes: () => [],
      port: ports,
      policy: { allowsEverything: true, epoch: () => 0 },
      random: new SimRandom(7),
      drops: this.drops,
      clock: new SimClock(),
      call: (step) => rig.call(node, (_, now) => step(now)),
      failed: () => {},
    });
    node.front = (datagram, from) => this.#receive(datagram, from);
  }

  /** What its container sends. */
  send(to: Host, text: string): void {
    const [source, destination] = [this.#address, to.#address].map((each) => parseAddress(each)!);
    const datagram = { sourcePort: 1, destinationPort: 2, payload: new TextEncoder().encode(text) };
    const packet = encodeUdp({ source: source!, destination: destination! }, datagram);
    const mac = macOfAddress(destination!);
    this.link.core.frames.push(fromTap(encodeEthernet(mac, parseMac(this.#mac)!, EtherType.ipv4, packet)));
    this.work(to.node);
  }

  /** Lets the worker do what there is, and the main thread what it has left. */
  work(towards?: RigNode): void {
    const { core } = this.link;
    this.feed.update();
    core.settle();
    for (const punt of core.punted()) this.#handle(punt, towards);
    this.feed.update();
    for (const { bytes, size, to } of core.sent.splice(0)) {
      for (let at = 0; at < bytes.length; at += size) {
        this.#rig.transmit(this.node, bytes.slice(at, at + size), decodeSockaddr(to, 0)!);
      }
    }
    for (const written of core.written.splice(0)) this.got.push(textOf(written.subarray(10)));
    for (const { fact } of this.node.facts.slice(this.#facts)) {
      if (fact.type === "packet") this.#deliver(fact.packet.payload);
    }
    this.#facts = this.node.facts.length;
  }

  #deliver(packet: Uint8Array): void {
    this.carried++;
    this.got.push(textOf(Uint8Array.of(...new Uint8Array(14), ...packet)));
  }

  /** As the forwarder would, which has routes of its own. */
  #handle(punt: Punt, towards: RigNode | undefined): void {
    if (punt.kind === "opened") this.link.opened(punt);
    if (punt.kind === "datagram") {
      const from = decodeSockaddr(punt.from, 0)!;
      this.node.count(
        this.#rig.call(this.node, (machine, now) => machine.handleDatagram(punt.bytes, from, now)),
      );
    }
    if (punt.kind !== "frame" || towards === undefined) return;
    this.carried++;
    const packet = { protocol: 0x0800, payload: punt.bytes.slice(14), forwarded: false };
    this.#rig.call(this.node, (machine, now) => machine.seal(towards.id, packet, now));
  }

  #receive(datagram: Uint8Array, { host, port }: Endpoint): Drop {
    const from = new Uint8Array(28);
    const length = encodeSockaddr({ host, port }, 4, from, 0);
    this.link.core.arriving.push({ bytes: datagram, size: datagram.length, from: from.subarray(0, length) });
    this.work();
    return 0;
  }
}

function textOf(frame: Uint8Array): string {
  return new TextDecoder().decode(frame.subarray(payloadAt));
}

class Scene {
  readonly rig: Rig;
  readonly a: Host;
  readonly b: Host;

  constructor(seed = 1) {
    this.rig = new Rig(seed);
    this.a = new Host(this.rig, this.rig.add("a"), 32, { a: "10.32.0.0/16", b: "10.40.0.0/16" });
    this.b = new Host(this.rig, this.rig.add("b"), 40, { a: "10.32.0.0/16", b: "10.40.0.0/16" });
    this.connect();
  }

  connect(): void {
    this.rig.connect(this.a.node, this.b.node);
    this.run(200);
  }

  run(millis: number): void {
    this.rig.run(millis);
    for (const host of [this.a, this.b]) host.work();
  }

  /** Of everything sealed, the session and the counter: each once, or a nonce was used twice. */
  requireFreshCounters(): void {
    const types: readonly number[] = [MessageType.data, MessageType.keepalive, MessageType.close];
    const used = this.rig.log.filter(({ datagram }) => types.includes(datagram[0]!))
      .map(({ from, datagram }) => `${from.port} ${readReceiver(datagram)} ${readCounter(datagram)}`);
    assert.equal(new Set(used).size, used.length);
  }
}

test("after the handshake what containers say passes both main threads by, in both directions", () => {
  const { a, b, rig } = new Scene();
  a.send(b, "hello");
  rig.run(20);
  b.send(a, "hello yourself");
  rig.run(20);
  assert.deepEqual([b.got, a.got, a.carried, b.carried], [["hello"], ["hello yourself"], 0, 0]);
  assert.deepEqual([a.feed.carries(b.node.id), a.feed.trafficOf(b.node.id)?.packetsOut], [true, 1]);
});

test("a worker that fails goes on with its sessions: nothing that is under way is lost, nothing comes twice", () => {
  const { a, b, rig } = new Scene();
  a.send(b, "before");
  b.link.restart();
  rig.run(20);
  a.link.restart();
  a.send(b, "after");
  rig.run(20);
  assert.deepEqual([b.got, b.carried, a.carried], [["before", "after"], 0, 0]);
});

test("a replayed datagram is not taken by the worker that comes after the one which has opened it", () => {
  const { a, b, rig } = new Scene();
  a.send(b, "once");
  rig.run(20);
  const { datagram, from } = rig.log.findLast(({ datagram }) => datagram[0] === MessageType.data)!;
  b.link.restart();
  rig.inject(b.node, datagram, from);
  b.feed.countDrops();
  assert.deepEqual([b.got, b.drops.report()], [["once"], { replayed: 1 }]);
});

test("a peer that goes and comes back is served again, and is nobody in between", () => {
  const scene = new Scene();
  const { a, b, rig } = scene;
  for (const round of ["one", "two", "three"]) {
    rig.call(a.node, (machine, now) => machine.disconnect(b.node.id, now));
    scene.run(50);
    assert.deepEqual([a.feed.carries(b.node.id), b.feed.carries(a.node.id)], [false, false]);
    a.send(b, "lost");
    scene.run(50);
    scene.connect();
    a.send(b, round);
    scene.run(50);
  }
  assert.deepEqual([b.got, a.carried], [["one", "two", "three"], 3]);
  scene.requireFreshCounters();
});

test("when a machine stops, nothing is left with its worker, not even a session that nobody has confirmed", () => {
  const scene = new Scene();
  const { a, b, rig } = scene;
  const live = ({ link: { core } }: Host) =>
    Array.from({ length: 20 }, (_, slot) => slot).filter((slot) => core.cells.isLive(slot)).length;
  rig.weather = ({ datagram }) => datagram[0] === MessageType.response ? [] : [10];
  rig.call(a.node, (machine, now) => machine.disconnect(b.node.id, now));
  scene.connect();
  assert.deepEqual([live(a), live(b)], [0, 1], "the answer was lost");
  rig.weather = () => [10];
  scene.run(10_000);
  assert.ok(live(a) > 0 && live(b) > 0);
  for (const host of [a, b]) {
    rig.call(host.node, (machine, now) => machine.wipe(now));
    host.work();
    assert.deepEqual([live(host), host.feed.carries(a.node.id), host.feed.carries(b.node.id)], [
      0,
      false,
      false,
    ]);
  }
});

test("over renewals, failures of either worker and idle hours every packet arrives once, and no counter is used twice", () => {
  for (const seed of [1, 2, 3]) {
    const scene = new Scene(seed);
    const { a, b } = scene;
    const random = new SeededRandom(seed);
    const sent: [string[], string[]] = [[], []];
    for (let step = 0; step < 150; step++) {
      const dice = random.next();
      if (dice < 0.1) (dice < 0.05 ? a : b).link.restart();
      else if (dice < 0.2) scene.run(Math.floor(random.next() * 150_000));
      else if (dice < 0.3) scene.run(Math.floor(random.next() * 20));
      else {
        const [from, to, list] = random.next() < 0.5 ? [a, b, sent[0]] : [b, a, sent[1]];
        list.push(`${seed}.${step}`);
        from.send(to, `${seed}.${step}`);
      }
    }
    scene.run(1_000);
    assert.deepEqual([b.got, a.got], sent, `seed ${seed}`);
    assert.ok(a.carried + b.carried < 150, "the workers have carried most");
    scene.requireFreshCounters();
  }
});
