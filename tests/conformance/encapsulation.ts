/** What every encapsulation must do, whether it has secrets or not. Two machines on a wire and a clock of the kit's own. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Drop, dropNames } from "../../core/contracts/drop.ts";
import type {
  Encapsulation,
  EncapsulationOutput,
  OverlayPacket,
  SessionTarget,
} from "../../core/contracts/encapsulation.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { test } from "../harness.ts";

/** One machine, and how the other one finds it. */
export interface EncapsulationEnd {
  readonly machine: Encapsulation;
  readonly endpoint: Endpoint;
  /** What the other machine calls the peer behind this one. */
  readonly id: PeerId;
  /** What the other machine sets out with. */
  readonly target: SessionTarget;
}

export interface EncapsulationKit {
  /** Begins the tests' names. */
  readonly name: string;
  /** Two fresh machines that may have a session and have none; their clocks start at {@link startOfTime}. */
  readonly create: () => readonly [EncapsulationEnd, EncapsulationEnd];
  /** Bytes of the overhead that a packet given to `seal` never needs: room for what others send. Absent: 0. */
  readonly reserved?: number;
}

export const startOfTime: Millis = 1_000;

/** Bytes of IP and UDP headers on the underlay. */
const outer = { 4: 28, 6: 48 } as const;
const sizes = [0, 1, 2, 3, 20, 40, 576, 1_279, 1_280, 1_400];
const stranger = "stranger" as PeerId;
const nowhere: Endpoint = { host: "203.0.113.77", port: 7 };

export function testEncapsulation(kit: EncapsulationKit): void {
  testPackets(kit);
  testMemory(kit);
  testHostility(kit);
  testTime(kit);
  testAttempts(kit);
  testEnds(kit);
}

function testPackets({ name, create, reserved = 0 }: EncapsulationKit): void {
  test(`${name}: without a session nothing is sealed and nothing sent`, () => {
    const { left, right } = new Wire(create());
    assert.equal(left.seal(right.end.id, packetOf(10)), Drop.noSession);
    assert.equal(left.seal(stranger, packetOf(10)), Drop.noSession);
    assert.deepEqual([left.sent, left.facts], [[], []]);
  });

  test(`${name}: packets of every size and both families arrive whole, in order, from the peer that sent them`, () => {
    const wire = Wire.joined(create());
    for (const [from, to] of [[wire.left, wire.right], [wire.right, wire.left]] as const) {
      const packets = sizes.flatMap((size) => [packetOf(size), packetOf(size, GreProtocol.ipv6)]);
      to.facts.length = 0;
      for (const packet of packets) assert.equal(from.seal(to.end.id, packet), Drop.none);
      wire.run(100);
      const expected = packets.map((packet) => ({ from: from.end.id, packet }));
      assert.deepEqual(to.packets(), expected);
    }
  });

  test(`${name}: its overhead is what a packet really grows by, in both families of the underlay`, () => {
    const { left, right } = Wire.joined(create());
    const grown = sizes.map((size) => {
      left.sent.length = 0;
      left.seal(right.end.id, packetOf(size));
      assert.equal(left.sent.length, 1, "a packet is one datagram");
      return left.sent[0]!.datagram.length - size;
    });
    const { overhead, relayOverhead = 0 } = left.end.machine;
    for (const family of [4, 6] as const) {
      assert.equal(Math.max(...grown) + reserved + outer[family], overhead[family] - relayOverhead);
    }
  });
}

function testMemory({ name, create }: EncapsulationKit): void {
  test(`${name}: a packet's memory is free as soon as seal returns`, () => {
    const wire = Wire.joined(create());
    const packet = packetOf(100);
    wire.left.onSealed = () => packet.payload.fill(0xff);
    wire.left.seal(wire.right.end.id, packet);
    wire.run(100);
    assert.deepEqual(wire.right.packets().at(-1)?.packet, packetOf(100));
  });

  test(`${name}: a datagram's memory is free as soon as the call returns, and is never written to`, () => {
    const wire = Wire.joined(create());
    wire.left.seal(wire.right.end.id, packetOf(100));
    const { datagram } = wire.take();
    const [memory, before] = [datagram.slice(), datagram.slice()];
    wire.right.onHandled = () => {
      assert.deepEqual(memory, before);
      memory.fill(0xff);
    };
    assert.equal(wire.right.handle(memory, wire.left.end.endpoint), Drop.none);
    assert.deepEqual(wire.right.packets().at(-1)?.packet, packetOf(100));
  });
}

function testHostility({ name, create }: EncapsulationKit): void {
  test(`${name}: no bytes from anybody harm machine or session, and each call says what became of them`, () => {
    const wire = Wire.joined(create());
    const { left, right } = wire;
    left.seal(right.end.id, packetOf(64));
    const { datagram } = wire.take();
    const bent = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, by]) => {
      const copy = datagram.slice();
      copy[at % copy.length]! ^= by;
      return copy;
    });
    const cut = fc.nat(datagram.length - 1).map((length) => datagram.slice(0, length));
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), bent, cut);
    const from = fc.constantFrom(left.end.endpoint, nowhere, { host: "2001:db8::66", port: 65_535 });
    fc.assert(
      fc.property(bytes, from, (hostile, sender) => {
        const drop = right.handle(hostile, sender);
        assert.ok(dropNames[drop] !== undefined, `drop ${drop}`);
      }),
      { seed: 8086, numRuns: 2_000 },
    );
    assert.deepEqual(right.edges(), ["+"]);
    wire.passes(left, right);
  });

  test(`${name}: peers and endpoints that nobody knows are ended and forgotten without effect`, () => {
    const wire = Wire.joined(create());
    wire.left.call((machine, now) => machine.disconnect(stranger, now));
    wire.left.call((machine, now) => machine.forget(nowhere, now));
    wire.passes(wire.left, wire.right);
    assert.deepEqual([wire.left.edges(), wire.right.edges()], [["+"], ["+"]]);
  });
}

function testTime({ name, create }: EncapsulationKit): void {
  test(`${name}: a timeout that comes early does nothing, and one that comes late does no harm`, () => {
    const wire = Wire.joined(create());
    const { left, right } = wire;
    for (let i = 0; i < 10; i++) {
      const due = left.end.machine.pollTimeout();
      if (due !== undefined && due <= wire.now) break;
      const before = [left.sent.length, left.facts.length];
      left.call((machine, now) => machine.handleTimeout(now));
      assert.deepEqual([left.sent.length, left.facts.length], before);
      assert.equal(left.end.machine.pollTimeout(), due);
    }
    wire.now += 3_000;
    for (const side of [left, right]) side.call((machine, now) => machine.handleTimeout(now));
    wire.passes(left, right);
    assert.deepEqual([left.edges(), right.edges()], [["+"], ["+"]]);
  });

  test(`${name}: a machine that was never used has nothing to say and nothing to wait for`, () => {
    const { left } = new Wire(create());
    left.call((machine, now) => machine.handleTimeout(now));
    assert.equal(left.end.machine.poll(), undefined);
    assert.equal(left.end.machine.pollTimeout(), undefined);
  });
}

function testAttempts({ name, create }: EncapsulationKit): void {
  test(`${name}: setting out twice is setting out once`, () => {
    const attempts = [1, 3].map((times) => {
      const { left, right } = new Wire(create());
      for (let i = 0; i < times; i++) left.call((machine, now) => machine.connect(right.end.target, now));
      return left.sent.length;
    });
    assert.equal(attempts[0], attempts[1]);
    const wire = Wire.joined(create());
    const { left, right } = wire;
    left.call((machine, now) => machine.connect(right.end.target, now));
    wire.run(1_000);
    assert.deepEqual(left.edges(), ["+"]);
  });

  test(`${name}: an endpoint that is forgotten is not tried any more`, () => {
    const wire = new Wire(create());
    const { left: lonely, right: absent } = wire;
    wire.isCut = true;
    lonely.call((machine, now) => machine.connect(absent.end.target, now));
    wire.run(2_000);
    lonely.call((machine, now) => machine.forget(absent.end.endpoint, now));
    lonely.sent.length = 0;
    wire.run(300_000);
    assert.deepEqual(lonely.sent, []);
    assert.equal(lonely.seal(absent.end.id, packetOf(1)), Drop.noSession);
  });

  test(`${name}: forgetting an endpoint leaves the session that came of it`, () => {
    const wire = Wire.joined(create());
    const { left, right } = wire;
    left.call((machine, now) => machine.forget(right.end.endpoint, now));
    wire.passes(left, right);
    wire.passes(right, left);
    assert.deepEqual(left.edges(), ["+"]);
  });
}

function testEnds({ name, create }: EncapsulationKit): void {
  test(`${name}: a session that was ended is down once, and seals nothing`, () => {
    const wire = Wire.joined(create());
    const { left, right } = wire;
    for (let i = 0; i < 3; i++) left.call((machine, now) => machine.disconnect(right.end.id, now));
    assert.deepEqual(left.edges(), ["+", "-"]);
    left.sent.length = 0;
    assert.equal(left.seal(right.end.id, packetOf(10)), Drop.noSession);
    assert.deepEqual(left.sent, []);
  });

  test(`${name}: however often sessions come and go, up and down alternate on both sides`, () => {
    const wire = Wire.joined(create());
    for (let round = 0; round < 3; round++) {
      for (const side of [wire.left, wire.right]) {
        side.call((machine, now) => machine.disconnect(wire.other(side).end.id, now));
      }
      wire.run(5_000);
      wire.join();
    }
    const rounds = ["+", "-", "+", "-", "+", "-", "+"];
    assert.deepEqual([wire.left.edges(), wire.right.edges()], [rounds, rounds]);
  });
}

function packetOf(size: number, protocol: number = GreProtocol.ipv4): OverlayPacket {
  return {
    protocol,
    payload: Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 0xff),
    forwarded: false,
  };
}

type Transmit = Extract<EncapsulationOutput, { type: "transmit" }>;

/** A machine with what came out of it. */
class Side {
  readonly end: EncapsulationEnd;
  readonly sent: Transmit[] = [];
  readonly facts: EncapsulationOutput[] = [];
  /** Run between a call and the polls after it. */
  onSealed: () => void = () => {};
  onHandled: () => void = () => {};
  readonly #wire: Wire;

  constructor(end: EncapsulationEnd, wire: Wire) {
    this.end = end;
    this.#wire = wire;
  }

  call<T>(step: (machine: Encapsulation, now: Millis) => T, afterwards: () => void = () => {}): T {
    const { machine } = this.end;
    const result = step(machine, this.#wire.now);
    afterwards();
    for (let output = machine.poll(); output !== undefined; output = machine.poll()) {
      if (output.type === "transmit") this.#transmit(output);
      else this.facts.push(output);
    }
    assert.equal(machine.poll(), undefined, "what was polled to the end is empty");
    const due = machine.pollTimeout();
    assert.ok(due === undefined || Number.isFinite(due), "a deadline is a time");
    return result;
  }

  seal(peer: PeerId, packet: OverlayPacket): Drop {
    return this.call((machine, now) => machine.seal(peer, packet, now), this.onSealed);
  }

  handle(datagram: Uint8Array, from: Endpoint): Drop {
    return this.call((machine, now) => machine.handleDatagram(datagram, from, now), this.onHandled);
  }

  packets() {
    return this.facts.flatMap((fact) =>
      fact.type === "packet" ? [{ from: fact.from, packet: fact.packet }] : []
    );
  }

  /** Ups and downs in order. */
  edges(): readonly string[] {
    const signs: Partial<Record<EncapsulationOutput["type"], string>> = {
      "session-up": "+",
      "device-up": "+",
      "session-down": "-",
    };
    return this.facts.flatMap(({ type }) => signs[type] ?? []);
  }

  #transmit(output: Transmit): void {
    this.sent.push(output);
    this.#wire.carry(this, output);
  }
}

/** Two machines, one clock, and a wire that delivers after 5 ms, or nothing while it is cut. */
class Wire {
  readonly left: Side;
  readonly right: Side;
  now: Millis = startOfTime;
  isCut = false;
  #flights: { readonly at: Millis; readonly from: Side; readonly datagram: Uint8Array }[] = [];

  constructor([left, right]: readonly [EncapsulationEnd, EncapsulationEnd]) {
    this.left = new Side(left, this);
    this.right = new Side(right, this);
  }

  static joined(ends: readonly [EncapsulationEnd, EncapsulationEnd]): Wire {
    const wire = new Wire(ends);
    wire.join();
    assert.deepEqual([wire.left.edges(), wire.right.edges()], [["+"], ["+"]]);
    return wire;
  }

  /** Both set out, and a packet goes each way: for a machine without handshakes that is the first there is to hear. */
  join(): void {
    for (const side of [this.left, this.right]) {
      side.call((machine, now) => machine.connect(this.other(side).end.target, now));
    }
    this.run(1_000);
    this.passes(this.left, this.right);
    this.passes(this.right, this.left);
  }

  other(side: Side): Side {
    return side === this.left ? this.right : this.left;
  }

  carry(from: Side, { datagram, to }: Transmit): void {
    const { host, port } = this.other(from).end.endpoint;
    if (this.isCut || to.host !== host || to.port !== port) return;
    this.#flights.push({ at: this.now + 5, from, datagram: datagram.slice() });
  }

  /** The last datagram on the wire, taken off it. */
  take(): { readonly datagram: Uint8Array } {
    const flight = this.#flights.pop();
    assert.ok(flight !== undefined, "nothing is on the wire");
    return flight;
  }

  passes(from: Side, to: Side): void {
    const before = to.packets().length;
    assert.equal(from.seal(to.end.id, packetOf(33)), Drop.none);
    this.run(100);
    assert.deepEqual(to.packets().slice(before), [{ from: from.end.id, packet: packetOf(33) }]);
  }

  run(millis: Millis): void {
    const end = this.now + millis;
    for (let at = this.#next(); at <= end; at = this.#next()) {
      this.now = Math.max(this.now, at);
      this.#deliver();
      for (const side of [this.left, this.right]) this.#fire(side);
    }
    this.now = end;
  }

  #next(): Millis {
    const due = [this.left, this.right].flatMap(({ end }) => end.machine.pollTimeout() ?? []);
    return Math.min(Infinity, ...due, ...this.#flights.map(({ at }) => at));
  }

  #deliver(): void {
    const due = this.#flights.filter(({ at }) => at <= this.now);
    this.#flights = this.#flights.filter(({ at }) => at > this.now);
    for (const { from, datagram } of due) this.other(from).handle(datagram, from.end.endpoint);
  }

  #fire(side: Side): void {
    const due = side.end.machine.pollTimeout();
    if (due !== undefined && due <= this.now) side.call((machine, now) => machine.handleTimeout(now));
  }
}
