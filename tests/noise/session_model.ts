/**
 * The session machine against a model: two to four of them on a network that loses, delays, doubles, reorders, flips and
 * plays back what it has seen, while they are told to connect, to end it, to send, to move and to start anew, also with
 * their clocks set to another time. The model knows little, and that for certain:
 *
 * - a packet arrives at most once, at whom it was sent to, unaltered, and as from whom it was sent by;
 * - for each peer `session-up` and `session-down` take turns;
 * - no key seals two messages under one nonce, and none seals or opens when it is 180 s old: then it is wiped;
 * - nobody is taken for a clone, what a machine keeps is bounded, and no answer is longer than its question;
 * - once the network is well and everybody is told of everybody, there is a session between each two.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { AeadSuite } from "../../core/contracts/aead.ts";
import { Drop } from "../../core/contracts/drop.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { aes, chacha, Rig, type RigNode } from "../../plugins/noise/testing_rig.ts";
import { nativeX25519 } from "./native_x25519.ts";

const sides = fc.record({ one: fc.nat(3), other: fc.nat(3) });
const command = fc.oneof(
  { weight: 4, arbitrary: sides.map((pair) => ({ type: "connect" as const, ...pair })) },
  { weight: 3, arbitrary: sides.map((pair) => ({ type: "disconnect" as const, ...pair })) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("seal" as const),
      one: fc.nat(3),
      other: fc.nat(3),
      count: fc.nat(12),
    }),
  },
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 400 }).map((ms) => ({ type: "wait" as const, ms })) },
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1_000, max: 130_000 }).map((ms) => ({ type: "wait" as const, ms })),
  },
  { weight: 1, arbitrary: fc.nat(3).map((one) => ({ type: "restart" as const, one })) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("set-clock" as const),
      one: fc.nat(3),
      ms: fc.integer({ min: -3_600_000, max: 3_600_000 }),
    }),
  },
  { weight: 2, arbitrary: fc.nat(3).map((one) => ({ type: "roam" as const, one })) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("weather" as const),
      loss: fc.constantFrom(0, 0.1, 0.4, 1),
      doubling: fc.constantFrom(0, 0.2),
      delay: fc.integer({ min: 1, max: 600 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 20 }).map((count) => ({ type: "play-back" as const, count })),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 10 }).map((count) => ({ type: "flip" as const, count })),
  },
);
export type SessionCommand = typeof command extends fc.Arbitrary<infer T> ? T : never;
type Of<T extends SessionCommand["type"]> = Extract<SessionCommand, { type: T }>;

interface Seen {
  readonly secret: Uint8Array;
  readonly owner: { node: RigNode | undefined };
  readonly at: number;
}

const rejectAfter = 180_000;

/** AEADs that notice a nonce used twice, and a key used when it is too old. */
class WatchedKeys {
  readonly #rig: Rig;
  readonly #nonces = new Set<string>();
  readonly keys: Seen[] = [];

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  suites(owner: Seen["owner"]): readonly AeadSuite[] {
    return [chacha, aes].map((suite) => ({
      ...suite,
      key: (secret: Uint8Array) => this.#watch(suite, secret, owner),
    }));
  }

  #watch(suite: AeadSuite, secret: Uint8Array, owner: Seen["owner"]): ReturnType<AeadSuite["key"]> {
    const name = encodeHex(secret);
    const at = this.#rig.now;
    const key = suite.key(secret);
    const assertYoung = () => assert.ok(this.#rig.now - at < rejectAfter, "a key is used after 180 s");
    this.keys.push({ secret, owner, at });
    return {
      seal: (nonce, ad, plaintext) => {
        const used = `${name} ${encodeHex(nonce)}`;
        assert.ok(!this.#nonces.has(used), "a nonce is used twice under one key");
        this.#nonces.add(used);
        assertYoung();
        return key.seal(nonce, ad, plaintext);
      },
      open: (nonce, ad, ciphertext) => {
        const opened = key.open(nonce, ad, ciphertext);
        if (opened !== undefined) assertYoung();
        return opened;
      },
    };
  }

  assertWiped(): void {
    for (const { secret, owner, at } of this.keys) {
      if (owner.node === undefined || this.#rig.now - at < rejectAfter) continue;
      assert.ok(secret.every((byte) => byte === 0), "a key is there after 180 s");
    }
  }
}

/** A node through all its starts. */
interface Player {
  node: RigNode;
  owner: Seen["owner"];
  /** The reserve of stamps on its disk. */
  kept: () => number;
  /** By which its clock is wrong. */
  clockError: number;
}

class SessionWorld {
  readonly rig: Rig;
  readonly #keys: WatchedKeys;
  readonly #players: Player[] = [];
  readonly #gone: RigNode[] = [];
  /** Text of each packet, with the names of sender and receiver. */
  readonly #sent = new Map<string, { readonly from: string; readonly to: string }>();
  #port = 7_000;

  constructor(seed: number, count: number) {
    this.rig = new Rig(seed, nativeX25519);
    this.#keys = new WatchedKeys(this.rig);
    for (const name of ["a", "b", "c", "d"].slice(0, count)) {
      const owner: Seen["owner"] = { node: undefined };
      const node = this.rig.add(name, { aeads: this.#keys.suites(owner) });
      owner.node = node;
      const player = { node, owner, kept: () => 0, clockError: 0 };
      this.#players.push(player);
      this.#startStamps(player);
    }
    this.#introduce();
    this.rig.run(chanceOf(seed) ? 100 : 0);
  }

  apply(command: SessionCommand): void {
    if (command.type === "connect") {
      this.#between(command, (one, other) => this.rig.connect(one.node, other.node));
    } else if (command.type === "disconnect") {
      this.#between(command, (one, other) => this.#disconnect(one, other));
    } else if (command.type === "seal") this.#seal(command);
    else if (command.type === "wait") this.rig.run(command.ms);
    else if (command.type === "restart") this.#restart(this.#player(command.one));
    else if (command.type === "set-clock") this.#player(command.one).clockError = command.ms;
    else if (command.type === "roam") this.#player(command.one).node.endpoint = this.#place();
    else if (command.type === "weather") this.#weather(command);
    else this.#disturb(command);
  }

  /** What holds after every command. */
  check(): void {
    this.#keys.assertWiped();
    const nodes = [...this.#players.map(({ node }) => node), ...this.#gone];
    const texts = new Set<string>();
    for (const node of nodes) {
      assertTurns(node);
      assert.deepEqual(node.of("clone-detected"), []);
      for (const { from, packet } of node.of("packet")) {
        const text = new TextDecoder().decode(packet.payload);
        assert.deepEqual(this.#sent.get(text), { from, to: node.name }, text);
        assert.ok(!texts.has(text), `${text} arrives twice`);
        texts.add(text);
      }
      assert.ok(node.machine.local.indices.size <= 6 * this.#players.length, "indices are bounded");
    }
  }

  /** The network is well, and everybody is told of everybody. */
  heal(): void {
    this.rig.weather = () => [10];
    this.#introduce();
    this.rig.run(60_000);
    this.check();
    this.#assertConnected();
  }

  get delivered(): number {
    return [...this.#players.map(({ node }) => node), ...this.#gone]
      .reduce((sum, node) => sum + node.of("packet").length, 0);
  }

  #introduce(): void {
    for (const one of this.#players) {
      for (const other of this.#players) if (one !== other) this.rig.connect(one.node, other.node);
    }
  }

  #assertConnected(): void {
    for (const { node: one } of this.#players) {
      for (const { node: other } of this.#players) {
        if (one === other) continue;
        const last = one.edges().findLast((edge) => edge.endsWith(other.name));
        assert.equal(last, `+${other.name}`, `${one.name} has a session with ${other.name}`);
        const text = `at last ${one.name} ${other.name}`;
        this.#sent.set(text, { from: one.name, to: other.name });
        assert.equal(this.rig.send(one, other, text), Drop.none);
        this.rig.run(20);
        assert.equal(other.received().at(-1), text);
      }
    }
  }

  #player(number: number): Player {
    return this.#players[number % this.#players.length]!;
  }

  #between({ one, other }: { one: number; other: number }, act: (one: Player, other: Player) => void): void {
    const [left, right] = [this.#player(one), this.#player(other)];
    if (left !== right) act(left, right);
  }

  #disconnect(one: Player, other: Player): void {
    this.rig.call(one.node, (machine, now) => machine.disconnect(other.node.id, now));
  }

  #seal({ one, other, count }: Of<"seal">): void {
    this.#between({ one, other }, ({ node: from }, { node: to }) => {
      for (let i = 0; i < count; i++) {
        const text = `${from.name} ${to.name} ${this.#sent.size}`;
        if (this.rig.send(from, to, text) === Drop.none) {
          this.#sent.set(text, { from: from.name, to: to.name });
        }
      }
    });
  }

  #restart(player: Player): void {
    this.#gone.push(player.node);
    player.owner.node = undefined; // what a killed process held is nobody's to wipe
    player.owner = { node: undefined };
    player.node = this.rig.restart(player.node, { aeads: this.#keys.suites(player.owner) });
    player.owner.node = player.node;
    this.#startStamps(player);
  }

  #startStamps(player: Player): void {
    const wall = 1_700_000_000_000 + this.rig.now + player.clockError;
    player.kept = player.node.startStamps(wall, this.rig.now, player.kept());
  }

  #place() {
    return { host: "192.0.2.2", port: this.#port++ };
  }

  #weather({ loss, doubling, delay }: Of<"weather">): void {
    const { random } = this.rig;
    const late = () => 1 + Math.floor(random.next() * delay);
    this.rig.weather = () =>
      random.next() < loss ? [] : random.next() < doubling ? [late(), late()] : [late()];
  }

  /** Datagrams seen before, to whom they were for, sometimes altered and sometimes from elsewhere. */
  #disturb({ type, count }: Of<"play-back"> | Of<"flip">): void {
    const { log, random } = this.rig;
    for (let i = 0; i < count && log.length > 0; i++) {
      const { datagram, from, to } = log[Math.floor(random.next() * log.length)]!;
      const node = this.#players.find(({ node: { endpoint } }) => endpoint.port === to.port)?.node;
      if (node === undefined) continue;
      const copy = datagram.slice();
      if (type === "flip") {
        copy[Math.floor(random.next() * copy.length)]! ^= 1 << Math.floor(random.next() * 8);
      }
      const sent = log.length;
      this.rig.inject(node, copy, random.next() < 0.5 ? from : this.#place());
      const answered = log.slice(sent).reduce((sum, { datagram }) => sum + datagram.length, 0);
      assert.ok(answered <= copy.length, `${answered} bytes answer ${copy.length}`);
    }
  }
}

/** Half of all runs begin with sessions, the others in the middle of handshakes. */
function chanceOf(seed: number): boolean {
  return seed % 2 === 0;
}

/** `+` and `-` of each peer take turns, beginning with `+`. */
function assertTurns(node: RigNode): void {
  const last = new Map<string, string>();
  for (const edge of node.edges()) {
    const [sign, peer] = [edge[0]!, edge.slice(1)];
    assert.notEqual(sign, last.get(peer) ?? "-", `${node.name}: ${node.edges()}`);
    last.set(peer, sign);
  }
}

export interface SessionModelRun {
  readonly seed: number;
  readonly runs: number;
  /** Most commands in a run. */
  readonly commands: number;
}

/** Throws with the shortest list of commands that breaks the model, and the seed to find it again. */
export function runSessionModel({ seed, runs, commands }: SessionModelRun): { readonly delivered: number } {
  let delivered = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 31 }),
      fc.integer({ min: 2, max: 4 }),
      fc.array(command, { maxLength: commands, size: "max" }),
      (chance, count, list) => {
        const world = new SessionWorld(chance, count);
        for (const each of list) {
          world.apply(each);
          world.check();
        }
        world.heal();
        delivered += world.delivered;
      },
    ),
    { seed, numRuns: runs },
  );
  return { delivered };
}
