import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ConnectionStatus, NodeReport, NodeStatus, TokenStatus } from "../../mod.ts";
import { test } from "../harness.ts";
import { CliWorld, type Finished } from "./cli_process.ts";

/** Two runtimes' starts, several times over, on a machine that may be busy. */
const limit = 120_000;

function succeeded(finished: Finished): Finished {
  assert.equal(finished.code, 0, finished.words);
  return finished;
}

function tokenOf({ out }: Finished): string {
  const [, token] = /^selvage join (selvage1-[a-z2-7]+)\n$/.exec(out) ?? [];
  assert.ok(token !== undefined, `no join command: ${out}`);
  return token;
}

/** One line, no stack, that code. */
function refused(finished: Finished, code: number, words: RegExp): void {
  assert.deepEqual([finished.code, finished.out], [code, ""], finished.words);
  assert.match(finished.words, words);
  assert.match(finished.words, /^selvage: [^\n]+\n$/);
}

test("two hosts: launch, join, status, ping, tokens, stop, and everything resumes", async () => {
  await using world = new CliWorld();
  const launched = succeeded(await world.start("a", ["launch"], { entry: "library" }));
  const token = tokenOf(launched);
  assert.match(launched.words, /ready in network "selvage", at 10\.32\.0\.\d+ and fd/);
  const joined = succeeded(await world.start("b", ["join"], { environment: { SELVAGE_TOKEN: token } }));
  assert.equal(joined.out, "");
  for (const file of ["selvage.db", "node.log", "admin.sock"]) {
    assert.equal(statSync(join(world.stateDir("a"), file)).mode & 0o777, 0o600, file);
  }

  const status = JSON.parse(succeeded(await world.at("b", "status", "-o", "json")).out) as NodeStatus;
  assert.deepEqual([status.name, status.state, status.peers, status.healthy], ["b", "ready", 2, true]);
  succeeded(await world.at("a", "status", "--check"));
  const shown = succeeded(
    await world.run(["status", "--state-dir", world.stateDir("a")], { entry: "library" }),
  );
  assert.match(shown.out, /^ +Connections: 1 \(1 established\)$/m);
  const report = JSON.parse(succeeded(await world.at("b", "report")).out) as NodeReport;
  assert.deepEqual([report.status.name, report.peers.length, report.connections.length], ["b", 2, 1]);
  assert.equal(succeeded(await world.at("b", "report", "-f", "{{status.peer}}")).out, `${status.peer}\n`);
  for (const address of status.addresses) {
    const pinged = succeeded(await world.at("a", "ping", address, "-c", "1"));
    assert.match(pinged.out, /^56 bytes from .* time=[\d.]+ ms\n---.* 1 received, 0% lost\n/);
  }

  const created = succeeded(await world.at("b", "token", "create", "--lifetime", "1h"));
  assert.notEqual(tokenOf(created), token);
  const listed = succeeded(await world.at("b", "token", "ls", "-o", "json"));
  const [known] = (JSON.parse(listed.out) as { tokens: TokenStatus[] }).tokens;
  succeeded(await world.at("b", "token", "revoke", known!.id));
  assert.match(succeeded(await world.at("b", "token", "ls")).out, /revoked/);

  succeeded(await world.at("b", "stop"));
  refused(await world.at("b", "stop"), 3, /no node is running/);
  const again = succeeded(await world.start("b", ["launch"]));
  tokenOf(again);
  const resumed = JSON.parse(succeeded(await world.at("b", "status", "-o", "json")).out) as NodeStatus;
  assert.deepEqual([resumed.peer, resumed.addresses], [status.peer, status.addresses]);
  succeeded(await world.at("b", "stop"));
  succeeded(await world.at("a", "stop"));
  const log = readFileSync(join(world.stateDir("a"), "node.log"), "utf8");
  assert.match(log, / info {2}node: Ready what="\d[^]* info {2}node: Stopping\n/);

  succeeded(await world.at("b", "reset", "--force"));
  assert.ok(!existsSync(world.stateDir("b")));
}, { limit });

test("a host that is not let in learns why, and keeps nothing", async () => {
  await using world = new CliWorld();
  const token = tokenOf(succeeded(await world.start("a", ["launch"])));
  const join = (name: string, given: string) => world.start(name, ["join", given]);
  refused(await join("cut", token.slice(0, -9)), 1, /token: it is cut off/);
  refused(
    await join("mistyped", token.slice(0, -1) + (token.endsWith("a") ? "b" : "a")),
    1,
    /token: it was mistyped/,
  );
  const short = tokenOf(succeeded(await world.at("a", "token", "create", "--lifetime", "1s")));
  await pastSecond();
  refused(await join("late", short), 1, /the token expired at/);
  refused(await world.start("A", ["join", token]), 1, /name/i);
  assert.deepEqual(readdirSync(world.root), ["a"]);
  const clash = succeeded(await world.at("a", "status", "connections", "-o", "json"));
  assert.deepEqual((JSON.parse(clash.out) as { connections: ConnectionStatus[] }).connections, []);
  succeeded(await world.at("a", "stop"));
}, { limit });

/** A token expires at its second: a second and a little later it surely has. */
async function pastSecond(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => Date.now() > before + 2100 && resolve(), 50);
  const before = Date.now();
  await promise;
  clearInterval(timer);
}

test("a node that cannot start says why once, with its code, and leaves nothing", async () => {
  await using world = new CliWorld();
  succeeded(await world.start("a", ["launch"]));
  const { listen } = JSON.parse(succeeded(await world.at("a", "status", "-o", "json")).out) as NodeStatus;
  refused(
    await world.start("port", ["launch", "--listen", listen[0]!]),
    1,
    /Cannot bind UDP .*address in use.*--listen/,
  );
  assert.ok(!existsSync(world.stateDir("port")));
  refused(await world.start("a", ["launch"]), 1, /another node is running on it/);
  succeeded(await world.at("a", "status", "--check"));

  mkdirSync(world.stateDir("open"));
  chmodSync(world.stateDir("open"), 0o755);
  refused(await world.start("open", ["launch"]), 1, /0755.*chmod 700/);
  assert.deepEqual(readdirSync(world.stateDir("open")), []);
  refused(
    await world.start("usage", ["launch", "--range", "everything"]),
    2,
    /--range: ipam\.range: expected/,
  );
  succeeded(await world.at("a", "stop"));
}, { limit });

test("an unreachable target makes a node degraded", async () => {
  await using world = new CliWorld();
  succeeded(await world.start("a", ["launch"]));
  succeeded(await world.at("a", "connect", "127.0.0.1:9"));
  const degraded = await world.at("a", "status", "--check", "-o", "json");
  assert.equal(degraded.code, 4, degraded.words);
  assert.equal((JSON.parse(degraded.out) as NodeStatus).healthy, false);
  assert.match(succeeded(await world.at("a", "status", "targets")).out, /^127\.0\.0\.1:9 /m);
  succeeded(await world.at("a", "stop"));
}, { limit });

test("a plugin that imports the library works in the program that runs from it", async () => {
  await using world = new CliWorld();
  const file = fileURLToPath(new URL("../../examples/block_ports.yaml", import.meta.url));
  for (const entry of ["program", "library"] as const) {
    assert.match(succeeded(await world.run(["config", "check", file], { entry })).words, /is good/);
  }
}, { limit });
