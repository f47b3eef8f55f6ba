import assert from "node:assert/strict";
import type { LogControl, LogSettings } from "../../core/contracts/log.ts";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import { withNode } from "./command_fixture.ts";

function levels(settings: LogSettings): LogControl {
  const known = ["admin", "mesh", "mesh.peers", "node", "noise"];
  return { settings: () => settings, known: () => known, change: (wanted) => void (settings = wanted) };
}

test("log shows the levels, as a table and as data", () => {
  const control = levels({ level: "info", scopes: { noise: "debug" } });
  return withNode(async (run) => {
    const { code, out, words } = await run("log");
    assert.deepEqual([code, words], [ExitCode.ok, ""]);
    assert.deepEqual(out.trimEnd().split("\n").map((line) => line.split(/ +/)), [
      ["SCOPE", "LEVEL"],
      ["(all)", "info"],
      ["admin", "default"],
      ["mesh", "default"],
      ["mesh.peers", "default"],
      ["node", "default"],
      ["noise", "debug"],
    ]);
    const known = control.known();
    assert.deepEqual(JSON.parse((await run("log -o json")).out), { ...control.settings(), known });
  }, { levels: control });
});

test("log changes what is named, and leaves the rest as it was", () => {
  const control = levels({ level: "info", scopes: { noise: "debug" } });
  return withNode(async (run) => {
    assert.match((await run("log warn")).out, /^\(all\) +warn$/m);
    assert.deepEqual(control.settings(), { level: "warn", scopes: { noise: "debug" } });
    await run("log --scope mesh.peers=error admin=debug");
    await run("log error --scope noise=info --scope node=warn");
    assert.deepEqual(control.settings(), {
      level: "error",
      scopes: { noise: "info", "mesh.peers": "error", admin: "debug", node: "warn" },
    });
  }, { levels: control });
});

test("a scope returns to the level of all when it is told so", () => {
  const control = levels({ level: "info", scopes: { noise: "debug", mesh: "warn" } });
  return withNode(async (run) => {
    const { code } = await run("log --scope noise=default");
    assert.equal(code, ExitCode.ok);
    assert.deepEqual(control.settings(), { level: "info", scopes: { mesh: "warn" } });
  }, { levels: control });
});

test("a scope that nobody logs under is refused with the names there are, whatever it is to become", () => {
  const control = levels({ level: "info", scopes: { noise: "debug" } });
  return withNode(async (run) => {
    for (const wanted of ["debug", "default"]) {
      const { code, out, words } = await run(`log warn --scope nosuch=${wanted} noise=info`);
      assert.deepEqual([code, out], [ExitCode.usage, ""], wanted);
      assert.equal(
        words,
        'selvage: Cannot set a level for "nosuch": nobody logs under that scope; ' +
          "there is admin, mesh, mesh.peers, node, noise\n",
      );
    }
    assert.deepEqual(control.settings(), { level: "info", scopes: { noise: "debug" } });
  }, { levels: control });
});

test("what is no level and no scope is refused before the node is asked", () =>
  withNode(async (run, node) => {
    const wrong = [
      "log loud",
      "log --scope noise",
      "log --scope noise=loud",
      "log --scope =debug",
      "log --scope",
    ];
    for (const line of wrong) {
      const { code, out, words } = await run(line);
      assert.deepEqual([code, out], [ExitCode.usage, ""], line);
      assert.match(words, /^selvage: /);
    }
    assert.deepEqual(node.calls, []);
  }, { levels: levels({ level: "info", scopes: {} }) }));

test("a node whose log belongs to another program says so", () =>
  withNode(async (run) => {
    const { code, words } = await run("log debug");
    assert.equal(code, ExitCode.failed);
    assert.match(words, /belongs to the program that the node is part of/);
  }));
