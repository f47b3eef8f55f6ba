import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { TagDirectory } from "./directory.ts";
import { Outbox } from "./outbox.ts";
import { limits } from "./options.ts";
import { Kind, MessageReader, version } from "./wire.ts";

const directory = new TagDirectory();
directory.put(3, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));

function write(fill: (outbox: Outbox) => void): readonly (readonly [number, Uint8Array])[] {
  const sent: [number, Uint8Array][] = [];
  const outbox = new Outbox(directory, (to, message) => sent.push([to, message]));
  fill(outbox);
  outbox.flush();
  return sent;
}

test("an empty beat is five bytes", () => {
  const [[to, message]] = write((outbox) => outbox.section(9, Kind.beat, 2).u8(0).u8(7)) as [
    [number, Uint8Array],
  ];
  assert.equal(to, 9);
  assert.deepEqual(message, Uint8Array.of(version, Kind.beat, 2, 0, 7));
});

test("fields are read as they were written", () => {
  const id = 0x123456789abc;
  const [[, message]] = write((outbox) => {
    outbox.section(1, Kind.have, 6).id(id);
    outbox.section(1, Kind.suspect, 14).tag(3).u32(0xfffffffe).u16(0xfffd);
  }) as [[number, Uint8Array]];
  const reader = new MessageReader();
  assert.equal(reader.open(message), "sound");
  assert.ok(reader.next());
  assert.deepEqual([reader.kind, reader.length, reader.id(0)], [Kind.have, 6, id]);
  assert.ok(reader.next());
  assert.deepEqual([reader.u32(0), reader.u32(4)], [0x01020304, 0x05060708]);
  assert.deepEqual([reader.u32(8), reader.u16(12)], [0xfffffffe, 0xfffd]);
  assert.equal(reader.next(), false);
});

test("sections for one member share datagrams of at most 1,100 bytes, and keep their order", () => {
  const sent = write((outbox) => {
    outbox.section(1, Kind.record, 1_024).bytes(new Uint8Array(1_024).fill(1));
    outbox.section(2, Kind.prune);
    outbox.section(1, Kind.repair, 300).bytes(new Uint8Array(300).fill(2));
    outbox.section(1, Kind.graft);
  });
  assert.deepEqual(sent.map(([to, { length }]) => [to, length]), [[1, 1_028], [2, 3], [1, 306]]);
  assert.ok(sent.every(([, { length }]) => length <= limits.message));
});

test("a length of two bytes is read, also one that needs only one", () => {
  const reader = new MessageReader();
  assert.equal(reader.open(Uint8Array.of(version, Kind.record, 0x80, 2, 5, 6)), "sound");
  assert.ok(reader.next());
  assert.deepEqual(reader.body(), Uint8Array.of(5, 6));
});

test("kinds that are not known are passed over", () => {
  const reader = new MessageReader();
  assert.equal(reader.open(Uint8Array.of(version, 200, 1, 9, Kind.prune, 0)), "sound");
  assert.ok(reader.next());
  assert.equal(reader.kind, 200);
  assert.ok(reader.next());
  assert.equal(reader.kind, Kind.prune);
});

test("a later version's longer fields are taken, its messages are passed over", () => {
  const reader = new MessageReader();
  assert.equal(reader.open(Uint8Array.of(version, Kind.beat, 3, 0, 1, 9)), "sound");
  assert.equal(reader.open(Uint8Array.of(version + 1, 0, 0)), "unknown version");
});

test("what is cut, short or no whole list is malformed", () => {
  const malformed = [
    [],
    [version, Kind.beat],
    [version, Kind.beat, 2, 0],
    [version, Kind.beat, 1, 0],
    [version, Kind.have, 5, 1, 2, 3, 4, 5],
    [version, Kind.entries, 0],
    [version, Kind.entries, 2, 0, 0],
    [version, Kind.record, 0x81],
    [version, Kind.prune, 0, Kind.prune],
    [version, Kind.summary, 0],
  ];
  for (const bytes of malformed) {
    assert.equal(new MessageReader().open(Uint8Array.from(bytes)), "malformed", `${bytes}`);
  }
});
