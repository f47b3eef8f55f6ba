import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FixtureClock, FixtureLog } from "../../core/admin/mesh_node_fixture.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { test } from "../../tests/harness.ts";
import { temporaryDirectory } from "../io_fixture.ts";
import { CaptureFile } from "./capture_file.ts";
import { captureHeader, LinkType, packetBlock } from "./pcapng.ts";

const links = [{ name: "packets", linkType: LinkType.raw }];
const packet = {
  link: 0,
  direction: "in",
  bytes: Uint8Array.of(0x45, 1, 2, 3, 4),
  comment: "peer p",
} as const;

function withFile(limit: number, body: (file: CaptureFile, path: string, log: FixtureLog) => void): void {
  using directory = temporaryDirectory();
  const path = join(directory.path, "packets");
  const log = new FixtureLog();
  const clock = new FixtureClock();
  using file = new CaptureFile({ file: path, layer: "inner", limit }, links, { clock, log });
  clock.advance(0.25);
  body(file, path, log);
}

test("the file is its owner's alone, and has every packet as soon as it is written", () =>
  withFile(10_000, (file, path) => {
    assert.equal(statSync(path).mode & 0o777, 0o600);
    file.write(packet);
    const time = 1_795_392_000_000_250_000n;
    const expected = [captureHeader(links), packetBlock({ ...packet, time })].map(encodeHex).join("");
    assert.equal(encodeHex(readFileSync(path)), expected);
  }));

test("at its limit the file ends with a whole packet, and one line in the log says why", () =>
  withFile(10_000, (file, path, log) => {
    const long = { ...packet, bytes: new Uint8Array(4_000) };
    for (let i = 0; i < 3; i++) file.write(long);
    file.write(packet);
    const block = packetBlock({ ...long, time: 0n }).length;
    assert.equal(statSync(path).size, captureHeader(links).length + 2 * block);
    assert.deepEqual(log.entries.map(({ level, fields }) => [level, fields]), [
      ["warn", { what: path, reason: "10000 bytes are the limit" }],
    ]);
  }));

test("a file that is there, whatever it is, is not touched", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "precious");
  writeFileSync(path, "precious");
  const world = { clock: new FixtureClock(), log: new FixtureLog() };
  const open = (file: string) => new CaptureFile({ file, layer: "inner", limit: 10_000 }, links, world);
  assert.throws(() => open(path), { code: "INVALID_ARGUMENT", message: /there is such a file/ });
  assert.equal(readFileSync(path, "utf8"), "precious");
  assert.throws(() => open(join(directory.path, "no", "such")), { code: "INVALID_ARGUMENT" });
});

test("a header and a packet are blocks of pcapng, byte for byte", () => {
  assert.equal(
    encodeHex(captureHeader([{ name: "ab", linkType: LinkType.raw }])),
    [
      "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000",
      "01000000 28000000 6500 0000 00000000",
      "0200 0200 61620000 0900 0100 09000000 0000 0000 28000000",
    ].join("").replaceAll(" ", ""),
  );
  const block = packetBlock({ ...packet, direction: "out", comment: "c", time: 0x1_0000_0002n });
  assert.equal(
    encodeHex(block),
    [
      "06000000 3c000000 00000000 01000000 02000000 05000000 05000000",
      "4501020304000000",
      "0100 0100 63000000 0200 0400 02000000 0000 0000 3c000000",
    ].join("").replaceAll(" ", ""),
  );
});
