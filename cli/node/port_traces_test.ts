import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "../../tests/harness.ts";
import { loadConfig } from "../config/load.ts";
import { ExitCode } from "../exit_code.ts";
import { fakeIo, run, temporaryDirectory } from "../io_fixture.ts";
import { notePorts, resetPorts } from "./port_traces.ts";

/** A port of links that writes down where it was reset. */
function pluginText(path: string): string {
  return `import { writeFileSync } from "node:fs";
const validate = (value) => ({ value });
const plugin = Object.assign(
  (options) => ({ slot: "port", name: "traced", create: () => ({
    locate() {}, remains() { return []; }, forgetRemains() {}, attach() {}, detach() {}, attached() { return []; },
    deliver() {}, receive() {},
    async reset() { writeFileSync(${JSON.stringify(path)}, JSON.stringify(options)); },
  }) }),
  { slot: "port", pluginName: "traced", config: { "~standard": { version: 1, vendor: "test", validate } } },
);
export { plugin };
`;
}

interface Bed extends Disposable {
  readonly stateDir: string;
  readonly done: string;
  readonly config: Awaited<ReturnType<typeof loadConfig>>;
}

async function bed(): Promise<Bed> {
  const directory = temporaryDirectory();
  const [file, done] = [join(directory.path, "selvage.yaml"), join(directory.path, "done")];
  const stateDir = join(directory.path, "state");
  writeFileSync(join(directory.path, "traced.mjs"), pluginText(done));
  writeFileSync(
    file,
    `stateDir: ${stateDir}\nport:\n  - use: userspace\n  - { use: ./traced.mjs, space: here }\n`,
  );
  const config = await loadConfig({ config: file }, fakeIo());
  return { stateDir, done, config, [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

test("what ports make on the host is noted before they start, and reset removes it with the node's options", async () => {
  using made = await bed();
  const noted = notePorts(made.config);
  assert.equal(noted.areNew, true);
  assert.equal(statSync(join(made.stateDir, "ports.json")).mode & 0o777, 0o600);
  const { code, words } = await run(["reset", "--force", "--state-dir", made.stateDir]);
  assert.equal(code, ExitCode.ok, words);
  assert.deepEqual(JSON.parse(readFileSync(made.done, "utf8")), { space: "here" });
  assert.match(words, /removed what \.\/traced\.mjs had made/);
  assert.equal(existsSync(made.stateDir), false);
});

test("a start that fails takes its note back, and leaves one of before", async () => {
  using made = await bed();
  notePorts(made.config).undo();
  assert.equal(existsSync(made.stateDir), false);
  notePorts(made.config);
  const again = notePorts(made.config);
  assert.equal(again.areNew, false);
  again.undo();
  assert.equal(existsSync(join(made.stateDir, "ports.json")), true);
});

test("a node of which nothing is on the host leaves no note, and its reset touches nothing", async () => {
  using directory = temporaryDirectory();
  const stateDir = join(directory.path, "state");
  const config = await loadConfig({ stateDir }, fakeIo());
  assert.equal(notePorts(config).areNew, false);
  assert.equal(existsSync(stateDir), false);
  await resetPorts(stateDir, fakeIo());
});

test("a damaged note is told, so that nobody believes the host to be clean", async () => {
  using made = await bed();
  notePorts(made.config);
  for (const text of ["", "{}", '{"version":2,"ports":[]}']) {
    writeFileSync(join(made.stateDir, "ports.json"), text);
    await assert.rejects(resetPorts(made.stateDir, fakeIo()), { code: "STATE_CORRUPT" });
  }
});
