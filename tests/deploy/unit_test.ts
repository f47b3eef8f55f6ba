/** The systemd unit, judged by systemd. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "../harness.ts";

const unit = new URL("../../deploy/selvage.service", import.meta.url);

test(
  "systemd finds nothing to complain about in the unit",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "selvage-unit-"));
    try {
      // It also looks for the program, which a package would install.
      const text = (await readFile(unit, "utf8")).replaceAll("/usr/bin/selvage", "/bin/true");
      const path = join(directory, "selvage.service");
      await writeFile(path, text);
      const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
      assert.deepEqual([status, stdout, stderr], [0, "", ""]);
    } finally {
      await rm(directory, { recursive: true });
    }
  },
  spawnSync("systemd-analyze", ["--version"]).status === 0
    ? {}
    : { skip: "no systemd-analyze (package systemd)" },
);

test("the unit gives the service no mounts of its own, in which the node's namespace would be lost", async () => {
  const text = await readFile(unit, "utf8");
  const settings = text.split("\n").filter((line) => /^[A-Z]\w+=/.test(line)).map((line) =>
    line.split("=")[0]!
  );
  for (const setting of settings) {
    assert.doesNotMatch(
      setting,
      /^(ProtectSystem|ProtectHome|Private|ReadOnly|Inaccessible|Bind|Mount|ProtectKernel|ProtectControl|ProtectProc|TemporaryFile)/,
    );
  }
});

test("the unit permits what the data path asks for: memory, devices, C libraries, the lowest real-time priority", async () => {
  const text = await readFile(unit, "utf8");
  assert.match(text, /^LimitRTPRIO=1$/m);
  assert.doesNotMatch(
    text,
    /^(RestrictRealtime|MemoryDenyWriteExecute|SystemCallFilter|Device\w+|LimitRTTIME)=/m,
  );
});

test("the unit has a node started again that was killed, and not one that was told to stop", async () => {
  assert.match(await readFile(unit, "utf8"), /^Restart=on-failure$/m);
});
