/** A thousand callers who only hold a place: the API stays small, and who has the token is served as if they were not. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { serveAdmin } from "../../cli/serve_admin.ts";
import { createAdminClient } from "../../core/admin/client.ts";
import { FixtureNode } from "../../core/admin/mesh_node_fixture.ts";
import { loopbackFetch } from "../../core/runtime/loopback_http_client.ts";
import { test } from "../harness.ts";

const callers = 1_000;
const requests = 10;
const longestMillis = 1_000;
const mostGrowth = 64 * 1024 * 1024;

const program = fileURLToPath(new URL("slow_callers.ts", import.meta.url));
const flags = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];

interface Outcome {
  readonly slowestMillis: number;
  readonly growth: number;
  /** Connections closed to make room, and requests turned away. */
  readonly refused: number;
}

/** Asks {@link requests} times, on a connection each, while the others hold theirs. */
async function underSiege(kind: string): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), "selvage-load-"));
  const tcp = { listen: "127.0.0.1:0", tokenFile: join(directory, "admin.token") };
  await using server = await serveAdmin(new FixtureNode(), { socket: join(directory, "admin.sock"), tcp });
  const client = createAdminClient(loopbackFetch(server.url!, readFileSync(tcp.tokenFile, "utf8").trim()));
  for (let i = 0; i < requests; i++) await client.status();
  const before = process.memoryUsage().rss;
  const { port } = new URL(server.url!);
  const others = spawn(process.execPath, [...flags, program, port, String(callers), kind], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    await once(others.stdout!, "data");
    let [slowestMillis, growth] = [0, 0];
    for (let i = 0; i < requests; i++) {
      const asked = performance.now();
      await client.status();
      slowestMillis = Math.max(slowestMillis, performance.now() - asked);
      growth = Math.max(growth, process.memoryUsage().rss - before);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const { displaced, turnedAway } = (await client.admin()).crowd;
    return { slowestMillis, growth, refused: displaced + turnedAway };
  } finally {
    const ended = once(others, "exit");
    others.stdin!.end();
    await ended;
    rmSync(directory, { recursive: true, force: true });
  }
}

for (const kind of ["headers", "body", "silence"]) {
  test(`a thousand connections of ${kind} without end cost little memory, and a caller with the token waits less than a second`, async () => {
    const { slowestMillis, growth, refused } = await underSiege(kind);
    assert.ok(refused >= callers / 2, `only ${refused} were refused`);
    assert.ok(slowestMillis < longestMillis, `${slowestMillis} ms`);
    assert.ok(growth < mostGrowth, `${growth} bytes`);
    if (process.env["SELVAGE_DEBUG"]) {
      console.log(JSON.stringify({ kind, slowestMillis, growth: growth >> 20, refused }));
    }
  });
}
