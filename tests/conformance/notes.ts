/** What every encapsulation with notes must do, on a wire of the kit's own: whatever is sent is in the test's hands. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Drop, dropNames } from "../../core/contracts/drop.ts";
import {
  type Encapsulation,
  type EncapsulationOutput,
  maxNoteLength,
  type Notes,
} from "../../core/contracts/encapsulation.ts";
import type { Endpoint, PeerRecord } from "../../core/contracts/values.ts";
import { decodeBase32 } from "../../core/wire/base32.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { test } from "../harness.ts";

/** One machine, and what others know of it. */
export interface NotesEnd {
  readonly machine: Encapsulation & Notes;
  readonly record: PeerRecord;
  readonly endpoint: Endpoint;
}

export interface NotesKit {
  /** Begins the tests' names. */
  readonly name: string;
  /** Two fresh machines of members, which take no notes yet. */
  readonly create: () => readonly [NotesEnd, NotesEnd];
}

const now = 1_000;
const elsewhere: Endpoint = { host: "203.0.113.77", port: 7 };

export function testNotes(kit: NotesKit): void {
  testPassage(kit);
  testHostility(kit);
}

/** Two that take notes of each other. */
function acquainted({ create }: NotesKit): readonly [NotesEnd, NotesEnd] {
  const ends = create();
  for (const end of ends) {
    end.machine.takeNotes((tag) => recordOf(ends.filter((each) => each !== end), tag));
  }
  return ends;
}

function testPassage(kit: NotesKit): void {
  const { name } = kit;

  test(`${name}: a note arrives as it was sent, from whom and from where it came, and is no session`, () => {
    const [left, right] = acquainted(kit);
    for (const length of [0, 1, 500, maxNoteLength]) {
      const body = Uint8Array.from({ length }, (_, i) => i);
      const memory = body.slice();
      assert.equal(left.machine.sendNote(right.record, right.endpoint, memory, now), Drop.none);
      memory.fill(0xff);
      const [sent, ...more] = drained(left);
      assert.deepEqual([sent!.type === "transmit" && sent.to, more], [right.endpoint, []]);
      assert.equal(right.machine.handleDatagram(datagramOf(sent), elsewhere, now), Drop.none);
      assert.deepEqual(drained(right), [{
        type: "note",
        from: left.record.id,
        endpoint: elsewhere,
        body,
      }]);
    }
    const packet = { protocol: 0x0800, payload: new Uint8Array(20), forwarded: false };
    assert.equal(left.machine.seal(right.record.id, packet, now), Drop.noSession);
  });

  test(`${name}: what is longer than a note may be is not sent`, () => {
    const [left, right] = acquainted(kit);
    const body = new Uint8Array(maxNoteLength + 1);
    assert.equal(left.machine.sendNote(right.record, right.endpoint, body, now), Drop.tooBig);
    assert.deepEqual(drained(left), []);
  });
}

function testHostility(kit: NotesKit): void {
  const { name, create } = kit;

  test(`${name}: a note is opened once, however often it comes`, () => {
    const [left, right] = acquainted(kit);
    const note = noteOf(left, right);
    const drops = [1, 2, 3].map(() => right.machine.handleDatagram(note, left.endpoint, now));
    assert.deepEqual(drops, [Drop.none, Drop.replayed, Drop.replayed]);
    assert.equal(drained(right).length, 1);
  });

  test(`${name}: notes of nobody that is known are dropped, also before any are taken`, () => {
    const [left, right] = create();
    const note = noteOf(left, right);
    assert.notEqual(right.machine.handleDatagram(note, left.endpoint, now), Drop.none);
    right.machine.takeNotes(() => undefined);
    assert.equal(right.machine.handleDatagram(note, left.endpoint, now), Drop.notAdmitted);
    assert.deepEqual(drained(right), []);
  });

  test(`${name}: no changed note is opened, and the true one is after all of them`, () => {
    const [left, right] = acquainted(kit);
    const note = noteOf(left, right);
    const bent = fc.tuple(fc.nat(note.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, by]) =>
      note.map((byte, i) => (i === at ? byte ^ by : byte))
    );
    const cut = fc.nat(note.length - 1).map((length) => note.slice(0, length));
    fc.assert(
      fc.property(fc.oneof(bent, cut), (hostile) => {
        const drop = right.machine.handleDatagram(hostile, left.endpoint, now);
        assert.ok(drop !== Drop.none && dropNames[drop] !== undefined, `drop ${drop}`);
      }),
      { seed: 19, numRuns: 1_000 },
    );
    assert.equal(right.machine.handleDatagram(note, left.endpoint, now), Drop.none);
    assert.equal(left.machine.handleDatagram(noteOf(left, right), right.endpoint, now), Drop.notAdmitted);
  });
}

function recordOf(ends: readonly NotesEnd[], tag: Uint8Array): PeerRecord | undefined {
  return ends.find(({ record }) => equalBytes(decodeBase32(record.id)!.subarray(0, 8), tag))?.record;
}

function noteOf(from: NotesEnd, to: NotesEnd): Uint8Array {
  from.machine.sendNote(to.record, to.endpoint, new TextEncoder().encode("note"), now);
  return datagramOf(drained(from)[0]);
}

function drained({ machine }: NotesEnd): readonly EncapsulationOutput[] {
  const outputs: EncapsulationOutput[] = [];
  for (let output = machine.poll(); output !== undefined; output = machine.poll()) outputs.push(output);
  return outputs;
}

function datagramOf(output: EncapsulationOutput | undefined): Uint8Array {
  assert.ok(output?.type === "transmit");
  return output.datagram;
}
