import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { parseCommandLine } from "./command_line.ts";
import { orderOf } from "./order.ts";

test("without words everything but bbr is measured, five times, with and without offload", () => {
  const { systems, phases, offloads, rounds, from } = parseCommandLine([]);
  assert.deepEqual([systems, rounds, from], [undefined, 5, "dist"]);
  assert.deepEqual(phases, ["rtt", "tcp", "loaded", "udp"]);
  assert.deepEqual(offloads, ["on", "off"]);
});

test("what is asked for counts, also beside --quick", () => {
  const words = [
    "--quick",
    "--rounds",
    "3",
    "--systems",
    "bare,nebula",
    "--phases",
    "bbr",
    "--offload",
    "off",
  ];
  const { systems, phases, offloads, rounds, seconds } = parseCommandLine(words);
  assert.deepEqual([rounds, seconds], [3, 2]);
  assert.deepEqual([systems, phases, offloads], [["bare", "nebula"], ["bbr"], ["off"]]);
});

test("a word that is not known is refused with those that are", () => {
  assert.throws(() => parseCommandLine(["--phases", "tcp,http"]), /rtt, tcp, loaded, udp, bbr, not "http"/);
  assert.throws(() => parseCommandLine(["--offload", "maybe"]), /knows on, off/);
  assert.throws(() => parseCommandLine(["--speed"]), /--speed/);
  for (const text of ["0", "1.5", "x", "1000000"]) {
    assert.throws(() => parseCommandLine(["--rounds", text]), /from 1 to 100/);
  }
});

test("every round measures each once, and nobody always comes first or behind the same one", () => {
  const rounds = [0, 1, 2, 3].map((round) => orderOf(["a", "b", "c", "d"], round).join(""));
  assert.deepEqual(rounds, ["abcd", "adcb", "cdab", "cbad"]);
});
