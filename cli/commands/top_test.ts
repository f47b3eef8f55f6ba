import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import type { TopDocument } from "../views/top.ts";
import { withNode } from "./command_fixture.ts";

test("top --once measures one interval and ends, for people and for programs", () =>
  withNode(async (run) => {
    const table = await run("top --once --interval 0.1");
    assert.equal(table.code, ExitCode.ok);
    assert.match(table.out, /^web-1 in mesh, 0\.\d s /);
    assert.match(
      table.out,
      /^web-2 +established +worker +chacha20-poly1305 +1\.25ms +0\.20% +0 bit\/s +0 p\/s /m,
    );
    const { out } = await run("top --once --interval 0.1 -o json");
    const document = JSON.parse(out) as TopDocument;
    assert.deepEqual([document.name, document.peers.length, document.datapath.path], ["web-1", 2, "main"]);
    assert.ok(document.seconds >= 0.1, String(document.seconds));
  }));

test("top goes on until q, and gives the keys back", () =>
  withNode(async (run) => {
    let press = (_key: string): void => {};
    let isReleased = false;
    const keys = (handler: (key: string) => void) => {
      press = handler;
      return () => void (isReleased = true);
    };
    let shown = 0;
    const said: string[] = [];
    const out = (text: string) => {
      said.push(text);
      if (!text.startsWith("web-1 ")) return;
      press("x");
      if (++shown === 2) press("q");
    };
    const { code } = await run("top --interval 0.1", { keys, out, colours: false });
    assert.deepEqual([code, shown, isReleased], [ExitCode.ok, 2, true], said.join(""));
  }));

test("top takes an interval from 0.1 to 3600 seconds, and says so before it asks anybody", () =>
  withNode(async (run, node) => {
    const { code, words } = await run("top --interval soon");
    assert.equal(code, ExitCode.usage);
    assert.match(words, /--interval takes a number from 0\.1 to 3600/);
    assert.deepEqual(node.calls, []);
  }));
