import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { concatBytes } from "./bytes.ts";
import { hex } from "./captured_packets.ts";
import { scanCbor } from "./cbor_scan.ts";

function passes(bytes: Uint8Array, maxDepth = 8): void {
  assert.equal(typeof scanCbor(bytes, maxDepth), "object", `refused: ${scanCbor(bytes, maxDepth)}`);
}

function refuses(input: string | Uint8Array, reason: RegExp, maxDepth = 8): void {
  const fault = scanCbor(typeof input === "string" ? hex(input) : input, maxDepth);
  assert.ok(typeof fault === "string", `${input} passed`);
  assert.match(fault, reason);
}

test("well-formed items of RFC 8949 appendix A that use our subset pass", () => {
  const passed = [
    "00 17 1818 1903e8 1a000f4240 1b000000e8d4a51000 1bffffffffffffffff 3bffffffffffffffff 20 3863",
    "f90000 f98000 f93e00 fa47c35000 fb7e37e43c8800759c f97c00 f97e00 f4 f5 f6 f7 40 4401020304 60",
    "6161 6449455446 62225c 62c3bc 63e6b0b4 64f0908591 80 83010203 8301820203820405 a0",
    "a26161016162820203 826161a161626163 a56161614161626142616361436164614461656145",
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
  ].join(" ").split(" ");
  for (const text of passed) passes(hex(text));
});

test("tags of every size are refused, bignums, dates, records and references among them", () => {
  for (
    const text of [
      "c249010000000000000000",
      "c349010000000000000000",
      "c074323031332d30332d32315432303a30343a30305a",
    ]
  ) {
    refuses(text, /tags are not used/);
  }
  for (
    const text of [
      "c11a514b67b0",
      "d74401020304",
      "d818456449455446",
      "d81c80",
      "d81d00",
      "d9010380",
      "d9dfff80",
    ]
  ) {
    refuses(text, /tags are not used/);
  }
  refuses("dbffffffffffffffff00", /tags are not used/);
  refuses("8200c100", /tags are not used/);
});

test("indefinite lengths and stray breaks are refused", () => {
  for (const text of ["9fff", "bfff", "5fff", "7fff", "9f01ff", "1f", "3f"]) {
    refuses(text, /indefinite lengths/);
  }
  refuses("ff", /stray break/);
  refuses("81ff", /stray break/);
});

test("reserved length codes and unknown simple values are refused", () => {
  for (const text of ["1c", "1d", "1e", "5c", "7d", "9e", "bc"]) refuses(text, /reserved length code/);
  for (const text of ["e0", "f0", "f3", "f8ff", "f820", "fc", "fd", "fe"]) {
    refuses(text, /unknown simple value/);
  }
});

test("map keys are text strings and none is __proto__", () => {
  for (const text of ["a10000", "a1410000", "a1f600", "a1800000", "a200006161"]) {
    refuses(text, /map key is not a text/);
  }
  refuses("a1695f5f70726f746f5f5f00", /__proto__/);
  passes(hex("a1685f5f70726f746f5f00"));
  passes(hex("81695f5f70726f746f5f5f"));
});

test("text is UTF-8 without a leading byte order mark", () => {
  for (const text of ["61ff", "6180", "62c328", "62c080", "63eda080", "64f4908080", "61c3", "a161ff00"]) {
    refuses(text, /not UTF-8/);
  }
  refuses("63efbbbf", /byte order mark/);
  refuses("64efbbbf61", /byte order mark/);
  passes(hex("6461efbbbf"));
});

test("an item that is cut and bytes after an item are refused", () => {
  for (
    const text of [
      "",
      "18",
      "19ff",
      "1a000000",
      "1bffffffffffffff",
      "41",
      "62c3",
      "81",
      "8201",
      "a1",
      "a16161",
      "f9",
    ]
  ) {
    refuses(text, /it ends/);
  }
  for (const text of ["0000", "8000", "a0f6", "6161ff", "f6f6"]) refuses(text, /bytes follow/);
});

test("counts beyond the remaining bytes are refused before anything is built", () => {
  for (
    const text of [
      "9affffffff",
      "9bffffffffffffffff",
      "baffffffff",
      "bb7fffffffffffffff",
      "5affffffff",
      "7bffffffffffffffff",
    ]
  ) {
    refuses(text, /it ends/);
  }
  refuses("a2616101", /it ends/);
});

test("nesting is bounded, for arrays and maps together", () => {
  const nested = (depth: number) => concatBytes(new Uint8Array(depth).fill(0x81), hex("00"));
  passes(nested(8));
  refuses(nested(9), /nested deeper than 8/);
  refuses(nested(1_000_000), /nested deeper than 8/);
  refuses("81a1616181a16162a0", /nested deeper than 4/, 4);
  refuses("80", /nested deeper than 0/, 0);
  passes(hex("00"), 0);
});

test("lengths may be written wider than they need", () => {
  for (
    const text of [
      "780161",
      "79000161",
      "7a0000000161",
      "7b000000000000000161",
      "9a0000000100",
      "5b0000000000000000",
    ]
  ) {
    passes(hex(text));
  }
});

test("siblings do not count as depth", () => {
  const wide = concatBytes(hex("9903e8"), new Uint8Array(1000).fill(0x80));
  passes(wide, 2);
});

test("the shape counts the entries of all maps and sees wide integers", () => {
  assert.deepEqual(scanCbor(hex("00"), 8), { entries: 0, hasWideIntegers: false });
  assert.deepEqual(scanCbor(hex("a26161a1616101616202"), 8), { entries: 3, hasWideIntegers: false });
  assert.deepEqual(scanCbor(hex("1b0000000000000001"), 8), { entries: 0, hasWideIntegers: true });
  assert.deepEqual(scanCbor(hex("813b0000000000000001"), 8), { entries: 0, hasWideIntegers: true });
  assert.deepEqual(scanCbor(hex("81fb0000000000000001"), 8), { entries: 0, hasWideIntegers: false });
});
