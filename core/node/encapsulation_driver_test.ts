import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { Drop } from "../contracts/drop.ts";
import type { Encapsulation, EncapsulationOutput, OverlayPacket } from "../contracts/encapsulation.ts";
import type { Datagrams } from "../contracts/transport.ts";
import type { Endpoint, Millis, PeerId } from "../contracts/values.ts";
import { EncapsulationDriver, type EncapsulationFact } from "./encapsulation_driver.ts";
import { FakeLog } from "./node_fixture.ts";

const ann = "ann" as PeerId;
const here: Endpoint = { host: "192.0.2.1", port: 1 };
const packet: OverlayPacket = { protocol: 0x0800, payload: new Uint8Array(), forwarded: false };
const down = (reason: string): EncapsulationOutput => ({ type: "session-down", peer: ann, reason });
const datagram = (byte: number): EncapsulationOutput => ({
  type: "transmit",
  datagram: Uint8Array.of(byte),
  to: here,
});

/** A machine of which a test says what comes out. */
class FakeMachine implements Encapsulation {
  readonly overhead = { 4: 0, 6: 0 };
  readonly outputs: EncapsulationOutput[] = [];
  readonly calls: string[] = [];
  deadline: Millis | undefined;
  onTimeout: (now: Millis) => void = () => {};
  onDatagram: () => Drop = () => Drop.none;

  connect(): void {
    this.calls.push("connect");
  }
  forget(): void {
    this.calls.push("forget");
  }
  disconnect(): void {
    this.calls.push("disconnect");
  }
  seal(): Drop {
    this.calls.push("seal");
    this.outputs.push(datagram(7));
    return Drop.none;
  }
  handleDatagram(): Drop {
    this.calls.push("datagram");
    return this.onDatagram();
  }
  handleTimeout(now: Millis): void {
    this.calls.push(`timeout ${now}`);
    this.onTimeout(now);
  }
  pollTimeout(): Millis | undefined {
    return this.deadline;
  }
  poll(): EncapsulationOutput | undefined {
    return this.outputs.shift();
  }
}

class FakeDatagrams implements Datagrams {
  readonly sent: number[] = [];
  handler: (datagram: Uint8Array, from: Endpoint) => void = () => {};
  fails = false;

  localEndpoints(): readonly Endpoint[] {
    return [here];
  }
  send(bytes: Uint8Array): boolean {
    if (this.fails) throw new Error("the socket is gone");
    this.sent.push(bytes[0]!);
    return true;
  }
  receive(handler: (datagram: Uint8Array, from: Endpoint) => void): void {
    this.handler = handler;
  }
}

function rig(react: (fact: EncapsulationFact, driver: EncapsulationDriver<FakeMachine>) => void = () => {}) {
  const clock = new SimClock();
  const machine = new FakeMachine();
  const datagrams = new FakeDatagrams();
  const log = new FakeLog();
  const dropped: Drop[] = [];
  const facts: string[] = [];
  const driver: EncapsulationDriver<FakeMachine> = new EncapsulationDriver({
    machine,
    datagrams,
    clock,
    log,
    drops: { count: (drop) => void (drop !== Drop.none && dropped.push(drop)) },
    onFact: (fact) => {
      facts.push(fact.type === "session-down" ? fact.reason : fact.type);
      react(fact, driver);
    },
  });
  return { clock, machine, datagrams, log, dropped, facts, driver };
}

test("after every call the outputs follow in order: datagrams are sent, the rest is told", () => {
  const { machine, datagrams, facts, driver } = rig();
  driver.call(({ outputs }) => void outputs.push(datagram(1), down("a"), datagram(2), down("b")));
  assert.deepEqual([datagrams.sent, facts], [[1, 2], ["a", "b"]]);
  assert.equal(driver.seal(ann, packet), Drop.none);
  assert.deepEqual(datagrams.sent, [1, 2, 7]);
  assert.deepEqual(machine.calls, ["seal"]);
});

test("a question and a refusal leave as what they are where the network tells them apart", () => {
  const { datagrams, driver } = rig();
  const marked = (byte: number, mark: object) => ({ ...datagram(byte), ...mark });
  const outputs = [marked(1, { seeks: true }), marked(2, { refuses: true })];
  driver.call((machine) => void machine.outputs.push(...outputs));
  const told: string[] = [];
  Object.assign(datagrams, {
    seek: ([byte]: Uint8Array) => told.push(`seek ${byte}`),
    refuse: ([byte]: Uint8Array) => told.push(`refuse ${byte}`),
  });
  driver.call((machine) => void machine.outputs.push(...outputs));
  assert.deepEqual([datagrams.sent, told], [[1, 2], ["seek 1", "refuse 2"]]);
});

test("a call from within a fact joins the same drain: nothing overtakes, nothing is told inside of another", () => {
  let depth = 0;
  let deepest = 0;
  const { facts, driver } = rig((fact, driver) => {
    deepest = Math.max(deepest, ++depth);
    if (fact.type === "session-down" && fact.reason === "first") {
      driver.call(({ outputs }) => void outputs.push(down("third")));
      assert.equal(driver.seal(ann, packet), Drop.none);
    }
    depth--;
  });
  driver.call(({ outputs }) => void outputs.push(down("first"), down("second")));
  assert.deepEqual(facts, ["first", "second", "third"]);
  assert.equal(deepest, 1);
});

test("every datagram's reason is counted", () => {
  const { machine, datagrams, dropped } = rig();
  machine.onDatagram = () => Drop.badMac;
  datagrams.handler(Uint8Array.of(1), here);
  machine.onDatagram = () => Drop.none;
  datagrams.handler(Uint8Array.of(1), here);
  assert.deepEqual(dropped, [Drop.badMac]);
});

test("whoever throws over a fact is logged and costs the facts behind it nothing, nor the timer", async () => {
  const { clock, machine, facts, log, driver } = rig((fact) => {
    if (fact.type === "session-down" && fact.reason === "bad") throw new Error("no");
  });
  machine.deadline = 50;
  driver.call(({ outputs }) => void outputs.push(down("bad"), down("good")));
  assert.deepEqual(facts, ["bad", "good"]);
  assert.equal(log.messages.length, 1);
  machine.onTimeout = () => machine.deadline = undefined;
  await clock.advance(100);
  assert.deepEqual(machine.calls, ["timeout 50"]);
});

test("a transport that throws costs one datagram", () => {
  const { datagrams, facts, log, driver } = rig();
  datagrams.fails = true;
  driver.call(({ outputs }) => void outputs.push(datagram(1), down("after")));
  assert.deepEqual(facts, ["after"]);
  assert.equal(log.messages.length, 1);
});

test("a datagram at which the machine throws is logged, and the node goes on", () => {
  const { machine, datagrams, log, facts } = rig();
  machine.onDatagram = () => {
    machine.outputs.push(down("half"));
    throw new Error("a bug");
  };
  datagrams.handler(Uint8Array.of(1), here);
  assert.deepEqual(log.messages.length, 1);
  assert.deepEqual(facts, ["half"], "what had come out until then is told");
  machine.onDatagram = () => Drop.none;
  datagrams.handler(Uint8Array.of(1), here);
  assert.deepEqual(machine.calls, ["datagram", "datagram"]);
});

test("what a caller does wrong is thrown at the caller", () => {
  const { driver } = rig();
  assert.throws(() =>
    driver.call(() => {
      throw new RangeError("mine");
    }), /mine/);
});

test("one timer waits for the machine's deadline, and follows it both ways", async () => {
  const { clock, machine, driver } = rig();
  const setDeadline = (deadline: Millis | undefined) =>
    driver.call((each) => void (each.deadline = deadline));
  machine.onTimeout = () => machine.deadline = undefined;
  setDeadline(100);
  setDeadline(100);
  assert.equal(clock.pending, 1);
  setDeadline(40);
  await clock.advance(50);
  assert.deepEqual(machine.calls, ["timeout 40"]);
  setDeadline(90);
  setDeadline(undefined);
  assert.equal(clock.pending, 0);
  await clock.advance(100);
  setDeadline(10);
  await clock.advance(0);
  assert.deepEqual(machine.calls, ["timeout 40", "timeout 150"], "a deadline that has passed is due at once");
});

test("a machine that fails on time is asked again a second later, not at once for ever", async () => {
  const { clock, machine, log, driver } = rig();
  machine.onTimeout = () => {
    throw new Error("a bug");
  };
  driver.call((each) => void (each.deadline = 10));
  await clock.advance(3_500);
  assert.deepEqual(machine.calls, ["timeout 10", "timeout 1010", "timeout 2010", "timeout 3010"]);
  assert.equal(log.messages.length, 4);
});

test("closing sends what is queued; afterwards neither datagrams, calls nor time reach the machine", async () => {
  const { clock, machine, datagrams, driver } = rig();
  driver.call((each) => void (each.deadline = 10));
  machine.outputs.push(datagram(9));
  driver.close();
  assert.deepEqual(datagrams.sent, [9]);
  datagrams.handler(Uint8Array.of(1), here);
  driver.call((each) => each.connect());
  assert.equal(driver.seal(ann, packet), Drop.noSession);
  await clock.advance(1_000);
  assert.deepEqual(machine.calls, []);
  assert.equal(clock.pending, 0);
});

test("a driver that is closed over a fact tells the rest and leaves no timer", () => {
  const { clock, facts, machine, driver } = rig((fact, driver) => {
    if (fact.type === "session-down" && fact.reason === "last words") driver.close();
  });
  machine.deadline = 10;
  driver.call(({ outputs }) => void outputs.push(down("last words"), down("goodbye")));
  assert.deepEqual(facts, ["last words", "goodbye"]);
  assert.equal(clock.pending, 0);
});
