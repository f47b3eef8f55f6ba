/** The data path under a policy, as a whole and on memory: which packets pass, which are asked about, which counters move. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import type { Flow } from "../contracts/policy.ts";
import { checksum } from "../wire/checksum.ts";
import { encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { writeU16 } from "../wire/field.ts";
import { macOfAddress } from "../wire/mac.ts";
import { packetOf } from "./flow_packet_fixture.ts";
import { PolicyEpoch } from "./policy_epoch.ts";
import { WiredCore } from "./wired_cores_fixture.ts";
import {
  acquaint,
  cross,
  far,
  frame,
  fromTap,
  near,
  nearMac,
  sockaddr,
  superFrame,
} from "./wired_pair_fixture.ts";

/** Of {@link frame}. */
const flow: Flow = {
  direction: "egress",
  protocol: 17,
  source: near,
  destination: far,
  sourcePort: 1_000,
  destinationPort: 2_000,
};

function epochOf(core: WiredCore): PolicyEpoch {
  return new PolicyEpoch(core.memory.epoch);
}

/** What the main thread says of a flow. */
function say(core: WiredCore, allow: boolean, change: Partial<Flow> = {}, epoch = epochOf(core).now): void {
  core.tell({ kind: "verdict", epoch, flow: { ...flow, ...change }, allow });
  core.settle();
}

/** `a` sends, `b` receives; those of them that are named have a policy. */
function judged(names: string, isPlain = false): { readonly a: WiredCore; readonly b: WiredCore } {
  const cores = { a: new WiredCore(), b: new WiredCore() };
  for (const name of ["a", "b"] as const) {
    if (names.includes(name)) cores[name].tell({ kind: "judge", seed: 5 });
  }
  acquaint(cores.a, cores.b, isPlain);
  return cores;
}

function send(core: WiredCore, ...frames: readonly Uint8Array[]): void {
  core.frames.push(...frames.map(fromTap));
  core.settle();
}

const small = frame(new Uint8Array(30));

function kindsLeft(core: WiredCore): string[] {
  return core.punted().map(({ kind }) => kind);
}

test("a flow of which nothing is known is the main thread's, as it came, until the policy has spoken", () => {
  const { a } = judged("a");
  send(a, small);
  assert.deepEqual(a.punted(), [{ kind: "frame", bytes: small }]);
  assert.deepEqual(a.counts(), {});
  say(a, true);
  send(a, small);
  assert.deepEqual([a.sent.length, kindsLeft(a), a.counts()], [1, [], { packetsSent: 1 }]);
});

test("what the policy denies is dropped and counted, each packet of a super-frame", () => {
  const { a } = judged("a");
  say(a, false);
  say(a, false, { protocol: 6 });
  send(a, small);
  a.frames.push(superFrame(fromTap(frame(new Uint8Array(12 + 1_000))), 4));
  a.settle();
  assert.deepEqual([a.sent, kindsLeft(a), a.counts()], [[], [], { denied: 11 }]);
});

test("a verdict is of one direction, one pair of addresses, one protocol and one pair of ports", () => {
  const { a } = judged("a");
  const others: Partial<Flow>[] = [
    { direction: "ingress" },
    { protocol: 6 },
    { sourcePort: 1_001 },
    { destinationPort: 2_001 },
    { sourcePort: 2_000, destinationPort: 1_000 },
    { source: far, destination: near },
  ];
  for (const change of others) say(a, true, change);
  send(a, small);
  assert.deepEqual([kindsLeft(a), a.counts()], [["frame"], {}]);
});

test("what comes is asked about when it is opened, and passes or is dropped by what is known then", () => {
  const { a, b } = judged("b");
  const ingress = { direction: "ingress" } as const;
  for (let i = 0; i < 3; i++) send(a, small);
  cross(a.sent[0]!, b);
  const [asked] = b.punted();
  assert.ok(asked?.kind === "opened");
  assert.deepEqual(asked.bytes.subarray(4), small.subarray(14));
  assert.deepEqual(b.counts(), {});
  say(b, true, ingress);
  cross(a.sent[1]!, b);
  assert.deepEqual([b.written.length, b.counts()], [1, { packetsDelivered: 1, framesOut: 1 }]);
  say(b, false, ingress);
  cross(a.sent[2]!, b);
  cross(a.sent[2]!, b);
  assert.deepEqual([b.written.length, kindsLeft(b)], [1, []]);
  assert.deepEqual(b.counts(), { packetsDelivered: 1, framesOut: 1, denied: 1, replayed: 1 });
});

test("what a trusted peer sends in plain is judged like all else", () => {
  const { a, b } = judged("b", true);
  for (let i = 0; i < 2; i++) send(a, small);
  cross(a.sent[0]!, b);
  assert.deepEqual(kindsLeft(b), ["datagram"]);
  say(b, false, { direction: "ingress" });
  cross(a.sent[1]!, b);
  assert.deepEqual([b.written, kindsLeft(b), b.counts()], [[], [], { denied: 1 }]);
});

test("no packet passes by a verdict of before a change, also none that was waiting when it came", () => {
  const { a, b } = judged("ab");
  const epochs = [epochOf(a), epochOf(b)];
  say(a, true);
  say(b, true, { direction: "ingress" });
  send(a, small, small);
  const [train] = a.sent;
  for (const epoch of epochs) epoch.advance();
  cross(train!, b);
  send(a, small);
  assert.deepEqual([a.sent.length, kindsLeft(a), b.written, kindsLeft(b)], [1, ["frame"], [], [
    "opened",
    "opened",
  ]]);
  // Given before the change, told after it.
  say(a, true, {}, epochs[0]!.now - 1);
  send(a, small);
  assert.deepEqual([a.sent.length, kindsLeft(a)], [1, ["frame"]]);
  say(a, false);
  send(a, small);
  assert.deepEqual([a.sent.length, a.counts()], [1, { packetsSent: 2, denied: 1 }]);
});

test("a change in the middle of a turn counts for the rest of its frames", () => {
  const { a } = judged("a");
  say(a, true);
  const epoch = epochOf(a);
  let reads = 0;
  Object.defineProperty(a.frames, "shift", {
    value: () => {
      if (++reads === 3) epoch.advance();
      return reads <= 6 ? fromTap(small) : undefined;
    },
  });
  a.loop.turn();
  assert.deepEqual([a.sent, kindsLeft(a)], [[], Array.from({ length: 6 }, () => "frame")]);
});

test("fragments and errors of ICMP are asked about each time, whatever was said of their flow", () => {
  const { a } = judged("a");
  const icmp = { protocol: 1, sourcePort: 0, destinationPort: 0 };
  say(a, true);
  say(a, true, icmp);
  const echo = packetOf({ ...flow, ...icmp });
  echo[20] = 8;
  const unreachable = echo.slice();
  unreachable[20] = 3;
  const wrap = (packet: Uint8Array) => encodeEthernet(macOfAddress(far), nearMac, EtherType.ipv4, packet);
  send(a, wrap(echo));
  assert.deepEqual([a.sent.length, kindsLeft(a)], [1, []]);
  send(a, wrap(unreachable), wrap(unreachable));
  // The first one, and one behind it.
  const fragments = [0x2000, 0x0040].map((field) => {
    const packet = packetOf(flow);
    writeU16(packet, 6, field);
    writeU16(packet, 10, 0);
    writeU16(packet, 10, checksum(packet, 0, 20));
    return packet;
  });
  send(a, ...fragments.map(wrap));
  assert.deepEqual([a.sent.length, kindsLeft(a)], [1, ["frame", "frame", "frame", "frame"]]);
});

test("a data path that was not told to judge does not, and one that begins anew knows nothing", () => {
  const { a } = judged("");
  say(a, false);
  send(a, small);
  assert.deepEqual([a.sent.length, a.counts()], [1, { packetsSent: 1 }]);
  const { b } = judged("b");
  say(b, true, { direction: "ingress" });
  b.tell({ kind: "judge", seed: 6 });
  cross(a.sent[0]!, b);
  assert.deepEqual([b.written, kindsLeft(b)], [[], ["opened"]]);
});

test("an interface that opens flows without end keeps no other from being judged, nor flows that are known from passing", () => {
  const { a } = judged("a");
  const random = new SimRandom(11);
  const quietMac = Uint8Array.of(2, 0, 0, 0, 0, 7);
  const quiet = { family: 4, bytes: Uint8Array.of(10, 32, 0, 7) } as const;
  a.tell({ kind: "locals", hosts: [{ address: near, mac: nearMac }, { address: quiet, mac: quietMac }] });
  say(a, true, { source: quiet });
  const from = (source: typeof quiet, mac: Uint8Array, destinationPort: number, sourcePort = 1_000) =>
    encodeEthernet(
      macOfAddress(far),
      mac,
      EtherType.ipv4,
      packetOf({ ...flow, source, sourcePort, destinationPort }),
    );
  const seen = new Map<number, number>();
  let strangers = 0;
  for (let round = 0; round < 300; round++) {
    const mixed = Array.from(
      { length: 100 },
      () => from(near as typeof quiet, nearMac, random.below(65_536), random.below(65_536)),
    );
    mixed.splice(random.below(100), 0, from(quiet, quietMac, 10_000 + round), from(quiet, quietMac, 2_000));
    send(a, ...mixed);
    // As much as the main thread reads in a turn of its own, then it says what it thinks.
    for (let i = 0; i < 64; i++) {
      const punt = a.punts.next();
      if (punt?.kind !== "frame") break;
      const port = punt.bytes[36]! * 256 + punt.bytes[37]!;
      const isQuiet = punt.bytes[11] === 7;
      if (isQuiet) seen.set(port - 10_000, round);
      else strangers++;
    }
  }
  const waits = [...seen].map(([asked, answered]) => answered - asked);
  const { packetsSent, puntsLost, punted } = a.telemetry.snapshot().tallies;
  assert.equal(packetsSent, 300, "those of the flow that is known");
  assert.ok(seen.size >= 260 && Math.max(...waits) <= 40, `${seen.size} asked, ${Math.max(...waits)} rounds`);
  assert.equal(punted + puntsLost, 300 * 101, "each is left or counted as lost");
  assert.deepEqual(a.counts(), { packetsSent: 300, puntsLost, queueFull: puntsLost });
  assert.ok(strangers > 10_000);
  assert.deepEqual(sockaddr(2), a.sent[0]!.to);
});
