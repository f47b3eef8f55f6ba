import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import { withNode } from "./command_fixture.ts";

test("a bridge is attached and our end printed, or all listed with the devices behind them", () =>
  withNode(async (run, node) => {
    assert.deepEqual((await run("attach-bridge br0")).out, "join1\n");
    const { code, out } = await run("attach-bridge");
    assert.equal(code, ExitCode.ok);
    assert.match(out, /^BRIDGE +PORT +STATE\nbr0 +join1 +open\n\nDEVICE/);
    assert.match(out, /52:54:00:00:00:01 +192\.168\.50\.1 +web-1$/m);
    assert.equal((await run("detach-bridge br0")).code, ExitCode.ok);
    assert.deepEqual(node.calls, ['bridges.attach("br0")', "bridges.list()", 'bridges.detach("br0")']);
  }));

test("a bridge that is not attached cannot be detached", () =>
  withNode(async (run) => {
    const { code, words } = await run("detach-bridge br9");
    assert.equal(code, ExitCode.failed);
    assert.match(words, /No bridge "br9" is attached/);
  }));
