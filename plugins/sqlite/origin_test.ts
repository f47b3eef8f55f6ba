import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { formatStartMark, judgeOrigin, type Origin, parseStartMark, type StartMark } from "./origin.ts";

const here = { machine: "a1", inode: "77", path: "/var/lib/selvage", boot: "1" };
const id = "0123456789abcdef";
const fresh = "ffffffffffffffff";
const blank: Origin = { id: undefined, starts: undefined, place: undefined, hasEntries: false };

function ofStart(starts: number, place: object = here): Origin {
  return { id, starts: String(starts), place: JSON.stringify(place), hasEntries: true };
}

function names(origin: Origin, beside?: StartMark, place = here): string[] {
  return judgeOrigin(origin, beside, place, fresh).notices.map(({ name }) => name);
}

test("a new file gets an id, and starts are counted", () => {
  assert.deepEqual(judgeOrigin(blank, undefined, here, fresh), {
    notices: [],
    mark: { id: fresh, starts: 1 },
    place: JSON.stringify(here),
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

test("a file of an older form is an older copy where a later form has been, and else is taken over", () => {
  const older = { ...blank, hasEntries: true };
  assert.deepEqual(names(older, { id, starts: 9 }), ["state-restored"]);
  assert.deepEqual(names(older), []);
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

/** Names of the notices at one start after the other, the first of them at `here`. */
function told(...places: readonly object[]): string[][] {
  let kept: string | undefined = JSON.stringify(here);
  return places.map((change) => {
    const now = { ...here, ...change };
    const { notices, place } = judgeOrigin({ ...blank, id, starts: "1", place: kept }, undefined, now, fresh);
    kept = place;
    return notices.map(({ name }) => name);
  });
}

const copied = ["state-copied"];

test("a place of which every boot changes the same thing is told of twice, and not at each boot for ever", () => {
  for (const what of ["inode", "machine"]) {
    const boots = ["2", "3", "4", "5"].map((boot) => ({ boot, [what]: `of boot ${boot}` }));
    assert.deepEqual(told(...boots), [copied, copied, [], []]);
    // Starts in between, within the same boot, change nothing about that.
    assert.deepEqual(told(...boots.flatMap((each) => [each, each])).flat(), [...copied, ...copied]);
  }
});

test("a copy is told of also in such a place: elsewhere, within a boot, after a boot without a change, or of another kind", () => {
  const boots = ["2", "3", "4"].map((boot) => ({ boot, inode: `of boot ${boot}` }));
  const after = (...more: readonly object[]) => told(...boots, ...more).slice(boots.length);
  const steady = { boot: "5", inode: "of boot 4" };
  assert.deepEqual(after({ boot: "5", inode: "x", path: "/srv" }), [copied]);
  assert.deepEqual(after({ boot: "4", inode: "x" }), [copied]);
  assert.deepEqual(after(steady, { boot: "6", inode: "x" }), [[], copied]);
  assert.deepEqual(after({ ...steady, machine: "b2" }), [copied]);
  assert.deepEqual(after({ boot: "5", inode: "x", machine: "b2" }), [copied]);
});

test("marks that cannot be read tell nothing", () => {
  for (const place of ["", "{", "null", "7", '{"machine":1}']) {
    assert.deepEqual(names({ ...blank, id, starts: "x", place }, undefined), []);
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
