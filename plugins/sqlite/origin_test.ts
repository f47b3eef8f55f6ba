import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { formatStartMark, judgeOrigin, type Origin, parseStartMark, type StartMark } from "./origin.ts";

const here = { machine: "a1", inode: "77", path: "/var/lib/selvage" };
const id = "0123456789abcdef";
const fresh = "ffffffffffffffff";
const blank: Origin = { id: undefined, starts: undefined, place: undefined };

function ofStart(starts: number, place: object = here): Origin {
  return { id, starts: String(starts), place: JSON.stringify(place) };
}

function names(origin: Origin, beside?: StartMark, place = here): string[] {
  return judgeOrigin(origin, beside, place, fresh).notices.map(({ name }) => name);
}

test("a new file gets an id, and starts are counted", () => {
  assert.deepEqual(judgeOrigin(blank, undefined, here, fresh), {
    notices: [],
    mark: { id: fresh, starts: 1 },
  });
  assert.deepEqual(judgeOrigin(ofStart(4), { id, starts: 4 }, here, fresh).mark, { id, starts: 5 });
});

test("a kill between the two marks looks like nothing", () => {
  assert.deepEqual(names(ofStart(5), { id, starts: 4 }), []);
  assert.deepEqual(names(ofStart(5)), []);
});

test("an older copy is named, once: the count goes on above both", () => {
  const { notices, mark } = judgeOrigin(ofStart(3), { id, starts: 9 }, here, fresh);
  assert.deepEqual(notices.map(({ name }) => name), ["state-restored"]);
  assert.match(notices[0]!.detail, /of start 3; the last was 9/);
  assert.deepEqual(mark, { id, starts: 10 });
  assert.deepEqual(names(ofStart(10), mark), []);
});

test("another node's file in this place is named, a new file after the old one was moved away is not", () => {
  assert.deepEqual(names(ofStart(3), { id: fresh, starts: 9 }), ["state-replaced"]);
  assert.deepEqual(names(blank, { id, starts: 9 }), []);
});

test("a copy is known by the directory's number or the machine, a moved directory is no copy", () => {
  assert.deepEqual(names(ofStart(3, { ...here, inode: "78" })), ["state-copied"]);
  assert.deepEqual(names(ofStart(3, { ...here, machine: "b2" })), ["state-copied"]);
  assert.deepEqual(names(ofStart(3, { ...here, path: "/srv/selvage" })), []);
  const { notices } = judgeOrigin(ofStart(3, { ...here, machine: "b2" }), undefined, here, fresh);
  assert.match(notices[0]!.detail, /last used in \/var\/lib\/selvage on another machine/);
});

test("marks that cannot be read tell nothing", () => {
  for (const place of ["", "{", "null", "7", '{"machine":1}']) {
    assert.deepEqual(names({ id, starts: "x", place }, undefined), []);
  }
  assert.deepEqual(judgeOrigin({ ...blank, id, starts: "-4" }, undefined, here, fresh).mark.starts, 1);
});

test("the mark beside the file survives its way to disk, and torn or foreign bytes are no mark", () => {
  const mark = { id, starts: 12 };
  const bytes = formatStartMark(mark);
  assert.deepEqual(parseStartMark(bytes), mark);
  for (let end = 0; end < bytes.length; end++) {
    assert.equal(parseStartMark(bytes.subarray(0, end)), undefined);
  }
  const any = fc.uint8Array({ maxLength: 100 });
  fc.assert(fc.property(any, (garbage) => parseStartMark(garbage) === undefined), { seed: 3, numRuns: 500 });
});
