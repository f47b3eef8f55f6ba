import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { getConfig } from "@logtape/logtape";
import fc from "fast-check";
import { test } from "../tests/harness.ts";
import { redacted, Secret } from "../core/identity/secret.ts";
import type { LogFields } from "../core/contracts/host.ts";
import { createLog, type LogOptions, type NodeLog } from "./log.ts";

interface Rig {
  readonly log: NodeLog;
  /** What was written since the last call. */
  readonly text: () => string;
}

function rig(options: Partial<LogOptions> = {}): Rig {
  let written = "";
  const write = (line: string) => void (written += line);
  const log = createLog({ level: "info", format: "text", wall: () => 0, write, ...options });
  const text = () => {
    const lines = written;
    written = "";
    return lines;
  };
  return { log, text };
}

function line(format: LogOptions["format"], fields: LogFields): string {
  const { log, text } = rig({ format });
  log.child("mesh").log("warn", "Peer is down", fields);
  return text();
}

test("a log line is one line, whatever a peer calls itself", () => {
  const fields = { name: "a\nforged", endpoint: "192.0.2.1:1", error: new Error("no route") };
  assert.equal(
    line("text", fields),
    '1970-01-01T00:00:00.000Z warn  mesh: Peer is down name="a\\nforged" endpoint=192.0.2.1:1 error="no route"\n',
  );
  assert.deepEqual(JSON.parse(line("json", fields)), {
    time: "1970-01-01T00:00:00.000Z",
    level: "warn",
    scope: "mesh",
    message: "Peer is down",
    name: "a\nforged",
    endpoint: "192.0.2.1:1",
    error: "no route",
  });
});

test("a message or a scope with control characters is one line too", () => {
  for (const format of ["text", "json"] as const) {
    const { log, text } = rig({ format });
    log.child("a\nb").log("warn", "Peer is\r\nforged\u001b[2J");
    assert.equal(text().match(/\p{Cc}/gu)?.join(), "\n", text());
  }
});

test("any fields make one line without a control character, and JSON stays JSON", () => {
  const fields = fc.dictionary(
    fc.string({ maxLength: 8 }),
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.anything({ withBigInt: true, withTypedArray: true, withMap: true }),
    ),
  );
  fc.assert(
    fc.property(fields, (given) => {
      for (const format of ["text", "json"] as const) {
        const text = line(format, given);
        // deno-lint-ignore no-control-regex -- these are what is looked for
        assert.match(text, /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+\n$/);
        if (format === "json") assert.equal(JSON.parse(text).message, "Peer is down");
      }
    }),
    { seed: 21, numRuns: 1000 },
  );
});

test("no field passes itself off as time, level, scope or message", () => {
  const { level, scope, message } = JSON.parse(
    line("json", { level: "debug", scope: "admin", message: "All is well" }),
  );
  assert.deepEqual([level, scope, message], ["warn", "mesh", "Peer is down"]);
});

test("bytes are never written, nor is what a secret holds; long and circular values are cut", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const key = Uint8Array.from({ length: 32 }, (_, i) => 100 + i);
  const written = JSON.parse(line("json", {
    key,
    nested: { key },
    secret: new Secret(key),
    deep: { secret: new Secret(key) },
    long: "x".repeat(5_000),
    circle,
    many: Array.from({ length: 1_000 }, () => 1),
  }));
  assert.deepEqual([written.key, written.nested.key, written.secret, written.deep.secret], [
    "(32 bytes)",
    "(32 bytes)",
    redacted,
    redacted,
  ]);
  assert.equal(written.long.length, 1_001);
  assert.equal(written.many.length, 32);
  assert.match(JSON.stringify(written.circle), /…/);
});

test("a level changes at run time, for all scopes or for one and what is below it", () => {
  const { log, text } = rig();
  const [noise, link, mesh] = [log.child("noise"), log.child("noise").child("link"), log.child("mesh")];
  const speak = () => {
    for (const logger of [log, noise, link, mesh]) logger.log("debug", "said");
    return [...text().matchAll(/debug (\S+): said/g)].map(([, scope]) => scope);
  };
  assert.deepEqual(speak(), []);
  log.change({ level: "debug", scopes: {} });
  assert.deepEqual(speak(), ["node", "noise", "noise.link", "mesh"]);
  log.change({ level: "info", scopes: { noise: "debug" } });
  assert.deepEqual(speak(), ["noise", "noise.link"]);
  log.change({ level: "debug", scopes: { noise: "error", "noise.link": "debug", node: "warn" } });
  assert.deepEqual(speak(), ["noise.link", "mesh"]);
  assert.deepEqual(log.settings().scopes["noise"], "error");
});

test("the scopes that can be named are those that somebody has a logger for, also before the first line", () => {
  const { log } = rig();
  assert.deepEqual(log.known(), ["node"]);
  log.child("noise").child("link");
  log.child("mesh");
  log.child("mesh");
  assert.deepEqual(log.known(), ["mesh", "node", "noise", "noise.link"]);
});

test("a scope called like a member of every object has no level of its own", () => {
  const { log, text } = rig();
  log.child("constructor").log("info", "said");
  assert.match(text(), /constructor: said/);
});

test("two logs in one process are apart, and LogTape's own configuration is nobody's", () => {
  const [first, second] = [rig({ level: "debug" }), rig({ level: "error" })];
  first.log.log("info", "said");
  second.log.log("info", "said");
  assert.match(first.text(), /said/);
  assert.equal(second.text(), "");
  assert.equal(getConfig(), null);
});

test("a clock that says nonsense costs no line", () => {
  const { log, text } = rig({ wall: () => Number.NaN });
  log.log("info", "said");
  assert.match(text(), /^1970-01-01T00:00:00\.000Z info {2}node: said\n$/);
});

test("a line of the log is as the documentation shows it", () => {
  const documentation = readFileSync(new URL("../docs/api.md", import.meta.url), "utf8");
  const [, sample = ""] = /```json\n(\{\n {2}"time".*?)```/s.exec(documentation) ?? [];
  const { time, level, scope, message, ...fields } = JSON.parse(sample);
  const { log, text } = rig({ format: "json", wall: () => Date.parse(time) });
  log.log(level, message, fields);
  assert.equal(text(), `${JSON.stringify({ time, level, scope, message, ...fields })}\n`);
});
