import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "../tests/harness.ts";
import { ExitCode } from "./exit_code.ts";
import { run, temporaryDirectory } from "./io_fixture.ts";
import { version } from "./version.ts";

test("the version is that of both manifests", () => {
  for (const name of ["package.json", "deno.json"]) {
    const manifest = JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), "utf8")) as {
      version: string;
    };
    assert.equal(manifest.version, version, name);
  }
});

test("version and help are data, and end with 0", async () => {
  const { code, out, words } = await run(["version"]);
  assert.deepEqual([code, words], [ExitCode.ok, ""]);
  assert.match(out, new RegExp(`^selvage ${version.replaceAll(".", "\\.")} \\((node|deno) [\\d.]+\\)\n$`));
  for (const option of ["--version", "-V"]) {
    assert.deepEqual(await run([option]), { code: ExitCode.ok, out: `${version}\n`, words: "" });
  }
  const json = await run(["version", "-o", "json"]);
  assert.equal((JSON.parse(json.out) as { version: string }).version, version);
  for (const argv of [["help"], ["--help"], ["help", "launch"], ["token", "--help"]]) {
    const help = await run(argv);
    assert.deepEqual([help.code, help.words], [ExitCode.ok, ""], argv.join(" "));
    assert.match(help.out, /^Usage: selvage/);
  }
});

test("help lists every command, and none that only the program itself starts", async () => {
  const { out } = await run(["help"]);
  const commands =
    "launch join connect forget log status report ping stop attach detach ps expose hide service token members revoke config reset doctor completion version help";
  for (const command of commands.split(" ")) assert.match(out, new RegExp(`^  ${command}\\b`, "m"));
  assert.ok(!out.includes("detached-node"));
});

test("wrong usage ends with 2 and says why on standard error alone", async () => {
  const wrong = [
    [],
    ["bogus"],
    ["status", "--bogus"],
    ["status", "peers", "extra"],
    ["status", "nothing"],
    ["status", "-o", "xml"],
    ["ping"],
    ["ping", "10.0.0.1", "-c", "many"],
    ["ping", "10.0.0.1", "-c", "-1"],
    ["ping", "10.0.0.1", "-s", "70000"],
    ["ping", "10.0.0.1", "-i", "0"],
    ["ping", "10.0.0.1", "-4", "-6"],
    ["connect"],
    ["connect", "host:99999"],
    ["connect", "not a host"],
    ["connect", "10.0.0"],
    ["forget"],
    ["forget", "10.0.0"],
    ["log", "loud"],
    ["token"],
    ["token", "revoke"],
    ["token", "create", "--lifetime", "soon"],
    ["token", "create", "--lifetime", "0"],
    ["launch", "--log-level", "loud"],
    ["launch", "--resume", "192.0.2.1"],
    ["launch", "--range", "10.0.0.0"],
    ["launch", "--config", "/nonexistent/selvage.yaml"],
    ["join"],
    ["join", "host1"],
    ["join", "--token-file", "/nonexistent/token"],
    ["join", "selvage1-aaaa", "selvage1-bbbb"],
    ["config"],
    ["config", "check", "/nonexistent/selvage.yaml"],
  ];
  for (const argv of wrong) {
    const { code, out, words } = await run(argv);
    assert.deepEqual([code, out], [ExitCode.usage, ""], argv.join(" "));
    assert.match(words, argv.length === 0 || argv.length === 1 ? /selvage/ : /^selvage: /, argv.join(" "));
  }
});

test("every command that needs a running node ends with 3 where there is none", async () => {
  using directory = temporaryDirectory();
  const commands = [
    "stop",
    "status",
    "status peers",
    "members",
    "token ls",
    "token create",
    "revoke a",
    "ping a",
    "report",
    "log",
    "log debug",
    "forget 192.0.2.1",
  ];
  for (const command of [...commands, "connect 192.0.2.1", "token revoke ab", "status --check"]) {
    const { code, out, words } = await run([...command.split(" "), "--state-dir", directory.path]);
    assert.deepEqual([code, out], [ExitCode.notRunning, ""], command);
    assert.match(words, /^selvage: .*no node is running at .*admin\.sock/i, command);
  }
});

test("the socket is found by flag, environment, configuration file and default, in this order", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "selvage.yaml");
  writeFileSync(file, "stateDir: /file\n");
  const socket = async (argv: string[], environment: Record<string, string> = {}) => {
    const { words } = await run(["status", ...argv], { environment: { HOME: "/srv/eve", ...environment } });
    return /at (\/\S+\.sock)/.exec(words)?.[1];
  };
  const variables = { SELVAGE_STATE_DIR: "/variable", SELVAGE_CONFIG: file };
  assert.equal(await socket(["--socket", "/flag.sock", "--state-dir", "/flag"], variables), "/flag.sock");
  assert.equal(await socket(["--state-dir", "/flag"], variables), "/flag/admin.sock");
  assert.equal(await socket([], { ...variables, SELVAGE_ADMIN__SOCKET: "/v.sock" }), "/v.sock");
  assert.equal(await socket([], variables), "/variable/admin.sock");
  assert.equal(await socket(["--config", file]), "/file/admin.sock");
  assert.equal(await socket([]), "/srv/eve/.local/state/selvage/admin.sock");
});

test("a launch that is refused leaves no directory behind", async () => {
  using directory = temporaryDirectory();
  const stateDir = join(directory.path, "deep", "state");
  const refused: readonly (readonly [argv: string[], code: ExitCode, words: RegExp])[] = [
    [["join", "selvage1-aaaa"], ExitCode.failed, /token: it is cut off/],
    [["join", "selvage9-aaaaaaaaaaaaaaaaaaaaaaaa"], ExitCode.failed, /format 9/],
    [["launch", "192.0.2.1"], ExitCode.failed, /belongs to no network yet.*token create.*--password-file/],
    [["launch", "--listen", "192.0.2.1:6783"], ExitCode.failed, /Cannot bind UDP 192\.0\.2\.1:6783/],
    [
      ["launch", "--socket", `/${"x".repeat(120)}`],
      ExitCode.usage,
      /--socket: admin\.socket: .*unix socket: it has 121 bytes/,
    ],
  ];
  for (const [argv, code, words] of refused) {
    const listen = argv.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
    const ran = await run([...argv, "--state-dir", stateDir, ...listen]);
    assert.deepEqual([ran.code, ran.out], [code, ""], `${argv.join(" ")}: ${ran.words}`);
    assert.match(ran.words, words);
    assert.equal(
      ran.words.trim().split("\n").filter((line) => line.startsWith("selvage: ")).length,
      1,
      ran.words,
    );
    assert.ok(!existsSync(join(directory.path, "deep")), argv.join(" "));
  }
});

test("a state directory that others may read is refused and left as it was", async () => {
  using directory = temporaryDirectory();
  const stateDir = join(directory.path, "open");
  mkdirSync(stateDir, { mode: 0o755 });
  for (const detach of [[], ["--detach"]]) {
    const { code, words } = await run([
      "launch",
      "--state-dir",
      stateDir,
      "--listen",
      "127.0.0.1:0",
      ...detach,
    ]);
    assert.equal(code, ExitCode.failed);
    assert.match(words, /^selvage: .*0755.*chmod/s);
  }
  assert.ok(existsSync(stateDir));
});

test("secrets come from a file, standard input and the environment", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "secret");
  const place = ["--state-dir", join(directory.path, "state"), "--listen", "127.0.0.1:0"];
  writeFileSync(file, "selvage1-aaaa\n");
  const cut = /token: it is cut off/;
  assert.match((await run(["join", "--token-file", file, ...place])).words, cut);
  assert.match(
    (await run(["join", "-", ...place], { read: () => Promise.resolve("selvage1-aaaa\n") })).words,
    cut,
  );
  const environment = { HOME: "/nonexistent", SELVAGE_TOKEN: "selvage1-aaaa" };
  assert.match((await run(["join", ...place], { environment })).words, cut);
  writeFileSync(file, "hunter2\n");
  const weak = await run(["launch", "--password-file", file, ...place]);
  assert.deepEqual([weak.code, /bits.*--force/.test(weak.words)], [ExitCode.usage, true]);
  assert.ok(!weak.words.includes("hunter2"));
  const alone = await run(["join", "--password-file", file, "--force", ...place]);
  assert.match(alone.words, /with a password alone: name a member/);
});

test("interrupted before it is ready, a node ends with 130 and leaves nothing", async () => {
  using directory = temporaryDirectory();
  const stateDir = join(directory.path, "state");
  const interrupted = AbortSignal.abort("SIGINT");
  const { code, out } = await run(["launch", "--state-dir", stateDir, "--listen", "127.0.0.1:0"], {
    interrupted,
  });
  assert.deepEqual([code, out], [ExitCode.interrupted, ""]);
  assert.ok(!existsSync(stateDir));
});

test("interrupted while it knocks where nobody answers, a join leaves nothing", async () => {
  using directory = temporaryDirectory();
  const stateDir = join(directory.path, "state");
  const silent = createSocket("udp4");
  const interrupted = new AbortController();
  silent.once("message", () => interrupted.abort("SIGINT"));
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", resolve));
  const member = `127.0.0.1:${silent.address().port}`;
  const environment = { HOME: "/nonexistent", SELVAGE_PASSWORD: "Zwölf Boxkämpfer jagen Viktor" };
  const place = ["--state-dir", stateDir, "--listen", "127.0.0.1:0"];
  const { code, out } = await run(["join", member, ...place], {
    interrupted: interrupted.signal,
    environment,
  });
  await new Promise<void>((resolve) => silent.close(resolve));
  assert.deepEqual([code, out, existsSync(stateDir)], [ExitCode.interrupted, "", false]);
});

test("a state directory that is a file is named in plain words, and left alone", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "file");
  writeFileSync(file, "mine");
  for (const command of ["launch", "launch --detach", "join selvage1-aaaa", "reset", "reset --force"]) {
    for (const stateDir of [file, join(file, "below")]) {
      const { code, out, words } = await run([...command.split(" "), "--state-dir", stateDir]);
      const what = `${command} in ${stateDir}: ${words}`;
      assert.deepEqual([code, out], [command.startsWith("reset") ? ExitCode.ok : ExitCode.failed, ""], what);
      assert.match(words, /^selvage: [^\n]+\n$/, what);
      assert.doesNotMatch(words, /E[A-Z]{4,}|scandir/, what);
    }
  }
  assert.equal(readFileSync(file, "utf8"), "mine");
});

test("a node whose socket cannot be opened has founded nothing", async () => {
  using directory = temporaryDirectory();
  const stateDir = join(directory.path, "state");
  const socket = join(directory.path, "taken");
  writeFileSync(socket, "");
  const place = ["--state-dir", stateDir, "--listen", "127.0.0.1:0", "--socket", socket];
  const { code, words } = await run(["launch", ...place]);
  assert.deepEqual([code, existsSync(stateDir)], [ExitCode.failed, false], words);
  assert.match(words, /what is there is no socket/);
});

test("a failing plugin is named, and its node leaves nothing", async () => {
  using directory = temporaryDirectory();
  const contracts = new URL("../mod.ts", import.meta.url).href;
  const stateDir = join(directory.path, "state");
  const config = join(directory.path, "selvage.yaml");
  writeFileSync(
    join(directory.path, "bad.mjs"),
    `import { definePlugin } from "${contracts}";
     const config = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
     const create = () => { throw new Error("out of yarn"); };
     export const plugin = definePlugin({ slot: "policy", name: "bad", config, create });`,
  );
  writeFileSync(config, "policy: { use: ./bad.mjs }\n");
  const place = ["--config", config, "--state-dir", stateDir, "--listen", "127.0.0.1:0"];
  const { code, words } = await run(["launch", ...place]);
  assert.equal(code, ExitCode.failed);
  assert.match(words, /^selvage: .*policy plugin "bad".*out of yarn/m);
  assert.ok(!existsSync(stateDir));
});

test("an error shows its stack only to those who ask for it", async () => {
  const plain = await run(["stop", "--socket", "/nonexistent/admin.sock"]);
  assert.equal(plain.words.split("\n").length, 2);
  const environment = { HOME: "/nonexistent", SELVAGE_DEBUG: "1" };
  const debug = await run(["stop", "--socket", "/nonexistent/admin.sock"], { environment });
  assert.match(debug.words, /^\s+at /m);
});
