/** A thousand connections that only hold a place: streams stay small, and a member gets its stream as if they were not. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Drop } from "../../core/contracts/drop.ts";
import { systemClock } from "../../core/runtime/clock.ts";
import { tcp } from "../../plugins/tcp/mod.ts";
import { MemberHost } from "../conformance/member_host.ts";
import { test } from "../harness.ts";

const callers = 1_000;
const dials = 10;
/** Streams before the first measurement, so that it is not of an engine that has yet to compile. */
const warmUp = 60;
const longestMillis = 2_000;
const mostGrowth = 64 * 1024 * 1024;

const program = fileURLToPath(new URL("slow_callers.ts", import.meta.url));
const flags = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What is held; what an engine is in no hurry to give back is not. */
function residentBytes(): number {
  collectGarbage();
  return process.memoryUsage().rss;
}

interface Outcome {
  readonly slowestMillis: number;
  readonly growth: number;
  readonly displaced: number;
}

/** Dials and gets a frame answered {@link dials} times while the others hold their connections. */
async function underSiege(kind: string): Promise<Outcome> {
  const [nearHost, farHost] = [new MemberHost("near", systemClock()), new MemberHost("far", systemClock())];
  const [near, far] = [nearHost, farHost].map((host) => tcp({ listen: "127.0.0.1:0" }).create(host));
  far!.streams!.accept((stream) => {
    void (async () => {
      for await (const frame of stream.frames()) await stream.send(frame);
      await stream.close();
    })();
  });
  await far!.start!(new AbortController().signal);
  const endpoint = far!.streams!.localEndpoints()[0]!;
  const ask = async () => {
    const stream = await near!.streams!.dial({ endpoint, peer: farHost.peer }, new AbortController().signal);
    await stream.send(new Uint8Array(1_000));
    const { value } = await stream.frames()[Symbol.asyncIterator]().next();
    assert.equal(value.length, 1_000);
    await stream.close();
  };
  for (let i = 0; i < warmUp; i++) await ask();
  const before = residentBytes();
  const others = spawn(process.execPath, [...flags, program, `${endpoint.port}`, `${callers}`, kind], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    await once(others.stdout, "data");
    let [slowestMillis, growth] = [0, 0];
    for (let i = 0; i < dials; i++) {
      const asked = performance.now();
      await ask();
      slowestMillis = Math.max(slowestMillis, performance.now() - asked);
      growth = Math.max(growth, residentBytes() - before);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const displaced = farHost.counted.filter((drop) => drop === Drop.underLoad).length;
    return { slowestMillis, growth, displaced };
  } finally {
    const ended = once(others, "exit");
    others.stdin.end();
    await ended;
    await near![Symbol.asyncDispose]!();
    await far![Symbol.asyncDispose]!();
  }
}

for (const kind of ["stream", "silence"]) {
  test(`a thousand connections of ${kind} without end cost streams little memory, and a member gets one in two seconds`, async () => {
    const { slowestMillis, growth, displaced } = await underSiege(kind);
    assert.ok(displaced >= callers / 2, `only ${displaced} made room`);
    assert.ok(slowestMillis < longestMillis, `${slowestMillis} ms`);
    assert.ok(growth < mostGrowth, `${growth} bytes`);
    if (process.env["SELVAGE_DEBUG"]) {
      console.log(JSON.stringify({ kind, slowestMillis, growth: growth / 2 ** 20, displaced }));
    }
  });
}
