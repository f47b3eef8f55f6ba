/** Nodes that gossip, as processes on the loopback. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { PeerStatus } from "../../core/contracts/node.ts";
import { test } from "../harness.ts";
import { CliWorld, type Finished } from "./cli_process.ts";

function succeeded(finished: Finished): Finished {
  assert.equal(finished.code, 0, finished.words);
  return finished;
}

/** The others as a node knows them: name, session, and what the members know together. */
async function others(world: CliWorld, name: string): Promise<string> {
  const { out } = succeeded(await world.at(name, "status", "peers", "-o", "json"));
  const { peers } = JSON.parse(out) as { readonly peers: readonly PeerStatus[] };
  return peers.filter(({ self }) => !self).map(({ name, state, liveness }) => `${name} ${state} ${liveness}`)
    .sort().join(", ");
}

/** Asks until the answer is this; the process that asks takes its time, so nobody has to wait. */
async function becomes(world: CliWorld, name: string, expected: string, limit: number): Promise<void> {
  const end = performance.now() + limit;
  let known = await others(world, name);
  while (known !== expected && performance.now() < end) known = await others(world, name);
  assert.equal(known, expected, `at ${name}`);
}

test(
  "of three nodes one is killed: the others know, and know when it is back, and when one has left",
  async () => {
    await using world = new CliWorld();
    const config = join(world.root, "selvage.yaml");
    writeFileSync(config, "discovery: [{ use: static_seeds }, { use: gossip, beatMillis: 2000 }]\n");
    const start = (name: string, ...argv: string[]) => world.start(name, [...argv, "--config", config]);
    const { out } = succeeded(await start("a", "launch"));
    const token = /selvage1-[a-z2-7]+/.exec(out)![0];
    succeeded(await start("b", "join", token));
    const { words } = succeeded(await start("c", "join", token));
    await becomes(world, "a", "b up alive, c up alive", 20_000);
    process.kill(Number(/running as process (\d+)/.exec(words)![1]), "SIGKILL");
    await becomes(world, "a", "b up alive, c down dead", 40_000);
    await becomes(world, "b", "a up alive, c down dead", 40_000);
    succeeded(await start("c", "launch"));
    for (const name of ["a", "b"]) {
      await becomes(world, name, `${name === "a" ? "b" : "a"} up alive, c up alive`, 20_000);
    }
    succeeded(await world.at("b", "stop"));
    await becomes(world, "a", "b down left, c up alive", 10_000);
  },
  { limit: 150_000 },
);
