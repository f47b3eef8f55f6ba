import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { WaitingRoom } from "./waiting_room.ts";

test("one too many from a source sends out the oldest of that source", () => {
  const room = new WaitingRoom<number>({ all: 100, perSource: 2 });
  assert.equal(room.enter("192.0.2.1", 1), undefined);
  assert.equal(room.enter("192.0.2.2", 2), undefined);
  assert.equal(room.enter("192.0.2.1", 3), undefined);
  assert.equal(room.enter("192.0.2.1", 4), 1);
  assert.equal(room.enter("192.0.2.1", 5), 3);
  assert.equal(room.size, 3);
});

test("in a full room the oldest of the greediest source has to leave, not the newcomer", () => {
  const room = new WaitingRoom<string>({ all: 4, perSource: 3 });
  room.enter("192.0.2.1", "lone");
  for (const name of ["a", "b", "c"]) room.enter("192.0.2.9", name);
  assert.equal(room.enter("192.0.2.2", "new"), "a");
  assert.equal(room.enter("192.0.2.3", "newer"), "b");
  assert.equal(room.size, 4);
  assert.equal(room.enter("192.0.2.4", "newest"), "lone");
});

test("whoever has left makes room, and leaving twice changes nothing", () => {
  const room = new WaitingRoom<number>({ all: 2, perSource: 2 });
  room.enter("192.0.2.1", 1);
  room.enter("192.0.2.1", 2);
  room.leave("192.0.2.1", 1);
  room.leave("192.0.2.1", 1);
  room.leave("192.0.2.7", 2);
  assert.equal(room.size, 1);
  assert.equal(room.enter("192.0.2.1", 3), undefined);
});

test("all addresses of one IPv6 /64 are one source", () => {
  const room = new WaitingRoom<number>({ all: 9, perSource: 1 });
  room.enter("2001:db8::1", 1);
  assert.equal(room.enter("2001:db8::ffff:2", 2), 1);
  assert.equal(room.enter("2001:db8:0:1::1", 3), undefined);
});
