/** A peer that makes the most of what it may say of paths. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { encodeProbed, probedLength } from "./link_path.ts";
import { splitRecord } from "./part.ts";
import { Session } from "./session.ts";
import { aes, chacha, type Flight, Rig, type RigNode } from "./testing_rig.ts";
import { ModelWorker } from "./testing_worker.ts";
import { MessageType, type SealedType } from "./wire.ts";

/** Node `a`, and its peer `b` in the hands of the test: only what it says so is heard. */
class Scene {
  readonly rig = new Rig();
  readonly a: RigNode = this.rig.add("a");
  readonly b: RigNode = this.rig.add("b");
  readonly #session: Session;

  constructor() {
    const { keys: exported } = ModelWorker.of(this.rig, this.b, { isRoomy: false });
    for (const { machine } of [this.a, this.b]) machine.measurePaths();
    this.rig.connect(this.b, this.a);
    this.rig.run(1_000);
    const keys = exported.at(-1)!;
    const suite = [chacha, aes].find(({ name }) => name === keys.aead)!;
    this.#session = new Session({ ...keys, initiator: true, suite, keys, now: this.rig.now });
    for (let i = 0; i < 100; i++) this.#session.seal(MessageType.data, new Uint8Array(), this.rig.now);
    this.rig.remove(this.b);
  }

  say(type: SealedType, plaintext: Uint8Array, from: Endpoint = this.b.endpoint): Drop {
    return this.rig.inject(this.a, this.#session.seal(type, plaintext, this.rig.now)!, from);
  }

  /** Bytes sent to `to` from datagram number `since` on. */
  bytesTo(to: Endpoint, since: number): number {
    const sent = this.rig.log.slice(since).filter((flight) => flight.to.port === to.port);
    return sent.reduce((sum, { datagram }) => sum + datagram.length, 0);
  }
}

test("no probe is answered by more than it has: those shorter than the answer are malformed", () => {
  const scene = new Scene();
  for (let length = 0; length < 40; length++) {
    const before = scene.rig.log.length;
    const drop = scene.say(MessageType.probe, new Uint8Array(length));
    assert.equal(drop, length < probedLength ? Drop.malformed : Drop.none);
    const sent = scene.rig.log.slice(before);
    assert.ok(sent.every(({ datagram }) => datagram.length <= 32 + length), `${length}`);
  }
});

test("whoever names another host's address has one small probe sent there, however silent it is", () => {
  const scene = new Scene();
  const victim = { host: "192.0.2.1", port: 7 };
  const before = scene.rig.log.length;
  scene.say(MessageType.data, new Uint8Array(), victim);
  scene.rig.run(19_000);
  const probes = scene.rig.log.slice(before).filter(({ datagram }) => datagram[0] === MessageType.probe);
  assert.equal(probes.length, 1);
  assert.ok(scene.bytesTo(victim, before) < 700, `${scene.bytesTo(victim, before)} bytes`);
});

test("a peer that misses answers all the time is sent two probes a second, and no more", () => {
  const scene = new Scene();
  const before = scene.rig.log.length;
  const doubt = Uint8Array.of(1, 0);
  const isProbe = ({ datagram }: Flight) => datagram[0] === MessageType.probe;
  for (let i = 0; i < 1_000; i++) {
    const since = scene.rig.log.length;
    scene.say(MessageType.probe, doubt);
    scene.rig.run(10);
    for (const { datagram } of scene.rig.log.slice(since).filter(isProbe)) {
      scene.say(MessageType.probed, encodeProbed(datagram.length));
    }
  }
  const probes = scene.rig.log.slice(before).filter(isProbe);
  assert.ok(probes.length >= 18 && probes.length <= 22, `${probes.length}`);
});

test("answers to probes that were never sent neither widen the path nor begin a search", () => {
  const scene = new Scene();
  scene.rig.run(5_000);
  const before = scene.rig.log.length;
  for (const size of [0, 1, 500, 1_473, 8_972, 65_507]) {
    assert.equal(scene.say(MessageType.probed, encodeProbed(size)), Drop.none);
  }
  for (const length of [0, 1, 3, 1_000]) {
    assert.equal(scene.say(MessageType.probed, new Uint8Array(length)), Drop.malformed);
  }
  assert.equal(scene.rig.log.length, before);
  assert.equal(scene.a.of("path-mtu").at(-1)!.mtu, 1_432);
});

test("handshake messages in parts that are none, or of another type, change nothing", () => {
  const scene = new Scene();
  const { initiation, response, data, part } = MessageType;
  const bytes = (first: number) => Uint8Array.of(first, 1, 0, 0, ...new Uint8Array(2_000));
  const records = [[initiation, response], [response, initiation], [initiation, data], [response, part]];
  for (const [i, [type, first]] of records.entries()) {
    const parts = splitRecord({ type: type!, flags: 0, bytes: bytes(first!) }, i, 1_400)!;
    assert.deepEqual(parts.map((each) => scene.say(part, each)), [Drop.none, Drop.malformed]);
  }
  const own = splitRecord({ type: initiation, flags: 0, bytes: bytes(initiation) }, 9, 1_400)!;
  assert.deepEqual(own.map((each) => scene.say(part, each)), [Drop.none, Drop.badMac]);
  assert.deepEqual(scene.a.edges(), ["+b"]);
});
