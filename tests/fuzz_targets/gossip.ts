/** Fuzz targets of gossip: what a member may put into a datagram that was opened. */
import assert from "node:assert/strict";
import { alive, Alone, ended } from "../../plugins/gossip/alone_fixture.ts";
import { limits } from "../../plugins/gossip/options.ts";
import { Outbox } from "../../plugins/gossip/outbox.ts";
import { Kind, MessageReader, version } from "../../plugins/gossip/wire.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";

const members = 40;
const directory = new Alone(members).directory;

function message(write: (outbox: Outbox) => void): Uint8Array {
  const sent: Uint8Array[] = [];
  const outbox = new Outbox(directory, (_to, bytes) => sent.push(bytes));
  write(outbox);
  outbox.flush();
  return sent[0]!;
}

const seeds = [
  message((to) => to.section(0, Kind.have, 6).id(7).section(0, Kind.beat, 2).u8(0).u8(1)),
  message((to) => to.section(0, Kind.view, 16).tag(2).tag(3).section(0, Kind.ask, 1).u8(0)),
  message((to) => to.section(0, Kind.record, 200).bytes(new Uint8Array(200))),
  message((to) => ended(to, { peer: 5, stamp: 1, by: 2 })),
  message((to) => ended(to, { peer: 0, stamp: 9, by: 2 })),
  message((to) => alive(to, 6, 1)),
  message((to) => to.section(0, Kind.pingFor, 10).tag(4).u16(1).section(0, Kind.ping, 2).u16(3)),
  message((to) => to.section(0, Kind.suspect, 14).tag(4).u32(0).u16(900)),
  message((to) => to.section(0, Kind.veto, 10).tag(4).u16(3)),
  message((to) => to.section(0, Kind.digest, 8).u32(1).u32(2)),
  message((to) => to.section(0, Kind.summary, 1_024).bytes(new Uint8Array(1_024))),
  message((to) => to.section(0, Kind.entries, 25).u8(1).tag(7).u32(1).tag(8).u32(16)),
];
const words = [
  ...Object.values(Kind).map((kind) => Uint8Array.of(kind)),
  Uint8Array.of(version, Kind.want, 6),
];

/** A walk ends, stays inside the message, and finds the same sections each time. */
const walkTarget: FuzzTarget = {
  name: "gossip-walk",
  seeds,
  words,
  run(input) {
    const reader = new MessageReader();
    const state = reader.open(input);
    if (state !== "sound") return false;
    let end = 1;
    while (reader.next()) {
      assert.ok(reader.start > end && reader.start <= reader.end && reader.end <= input.length);
      assert.ok(reader.start - end <= 3, "nothing lies between two sections");
      end = reader.end;
    }
    assert.equal(end, input.length);
    return true;
  },
};

/** Whole machines are dear: one takes many inputs, and what it has seen before is part of the test. */
let alone = linked();
let inputs = 0;

function linked(): Alone {
  const fresh = new Alone(members);
  fresh.link(5);
  return fresh;
}

/** A machine is given anything, by a neighbour or by somebody else: it says only what it would read, and not much more. */
const machineTarget: FuzzTarget = {
  name: "gossip-machine",
  seeds,
  words,
  run(input) {
    if (++inputs % 500 === 0) alone = linked();
    const before = alone.machine.counters.malformed;
    alone.clear();
    alone.gives(1 + inputs % 8, new Uint8Array(input));
    const said = alone.said.reduce((sum, { body }) => sum + body.length, 0);
    // Passed on to each neighbour at most, or a table compared.
    assert.ok(said <= 8 * (input.length + 400) + limits.repairBytes, `${said} bytes for ${input.length}`);
    if (inputs % 20 === 0) alone.wait(200);
    const due = alone.machine.pollTimeout();
    assert.ok(due !== undefined && Number.isFinite(due));
    return alone.machine.counters.malformed === before;
  },
};

export const gossipTargets: readonly FuzzTarget[] = [walkTarget, machineTarget];
