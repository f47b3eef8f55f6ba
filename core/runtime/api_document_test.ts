/** That docs/api.md tells the truth: its tables name what there is, and its commands give the answers it shows. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "../../tests/harness.ts";
import { parseToken } from "../identity/token.ts";
import { adminFixture } from "../admin/admin_fixture.ts";
import { dropMeanings } from "../admin/drop_meanings.ts";
import { eventNames } from "../admin/event_documents.ts";
import { gatherMillis } from "../admin/event_hub.ts";
import { eventSchemas } from "../admin/event_schemas.ts";
import { dropNames } from "../contracts/drop.ts";
import { encodeHex } from "../wire/hex.ts";
import { blocks, commands, curl, text } from "../../cli/api_document_fixture.ts";

/** Cells of the rows of every table, without heading and rule. */
const rows = text.split("\n").filter((line) => /^\| (?!-)/.test(line)).map((line) =>
  line.split("|").slice(1, -1).map((cell) => cell.trim())
);

test("every command of the document works, and gives the answer shown beneath it", async () => {
  const { app } = adminFixture();
  for (const { line, shown } of commands) {
    const response = await curl(line, app);
    if (shown?.language === "json") assert.deepEqual(await response.json(), JSON.parse(shown.code), line);
    else assert.ok(response.ok, line);
    if (!response.bodyUsed) await response.body?.cancel();
  }
  assert.ok(commands.length >= 10);
});

test("the table of routes names the routes of the app", () => {
  const documented = rows.filter(([, path]) => path?.startsWith("`/")).flatMap(([method, paths = ""]) =>
    [...paths.matchAll(/`(.+?)`/g)].map(([, path]) => `${method} ${path}`)
  );
  const served = adminFixture().app.routes.filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(documented.sort(), [...new Set(served)].sort());
});

test("the table of events names the events of the stream and what is in them", () => {
  const documented = rows.filter(([name]) => /^`\w+:\w+`$/.test(name ?? ""));
  assert.deepEqual(documented.map(([name]) => name?.replaceAll("`", "")), [...eventNames]);
  for (const [name = "", fields = ""] of documented) {
    const shown = [...fields.replace(/\(.*?\)/g, "").matchAll(/`(\w+)`/g)].map(([, field]) => field);
    const schema = eventSchemas[name.replaceAll("`", "") as keyof typeof eventSchemas];
    assert.deepEqual(shown, Object.keys(schema.shape), name);
  }
});

test("the table of drops names every reason, with what it means in the description of the API too", () => {
  const [, , section = ""] = /\n## (Drops)\n(.*?)\n## /s.exec(text) ?? [];
  const documented = [...section.matchAll(/^\| `(\w+)` +\| (.+?) +\|$/gm)].map((
    [, name, meaning],
  ) => [name, meaning]);
  assert.deepEqual(documented, Object.entries(dropMeanings));
  assert.deepEqual(Object.keys(dropMeanings), dropNames.filter((name) => name !== "none"));
});

test("the sample of a token is a whole token, under its own id and with its own end", () => {
  const sample = blocks.map(({ language, code }) => language === "json" ? JSON.parse(code) : {})
    .find((document) => "token" in document);
  const { id, expires } = parseToken(sample.token);
  assert.deepEqual([encodeHex(id), new Date(expires * 1000).toISOString()], [sample.id, sample.expires]);
  assert.equal(sample.join, `selvage join ${sample.token}`);
});

test("the event of the document is one as the node sends it", async () => {
  const shown = blocks.find(({ language }) => language === "text")?.code ?? "";
  const fixture = adminFixture();
  const response = await fixture.request("GET", "/v1/events");
  const reader = response.body?.getReader();
  await reader?.read();
  const data = JSON.parse(/^data: (.*)$/m.exec(shown)?.[1] ?? "");
  const endpoint = { host: "192.0.2.9", port: 6783 };
  fixture.node.events.emit("peer:up", { peer: data.peer, name: data.name, endpoint });
  fixture.clock.advance(gatherMillis);
  assert.equal(new TextDecoder().decode((await reader?.read())?.value), `${shown}\n`);
  await reader?.cancel();
});

/** Files and packages that a module loads when it runs: imports of types alone are erased. */
function loaded(file: URL, seen: Set<string> = new Set()): Set<string> {
  const source = readFileSync(file, "utf8");
  for (const [, specifier = ""] of source.matchAll(/^(?:import|export) (?!type )[^;]*? from "(.+?)";$/gm)) {
    const name = specifier.startsWith(".") ? new URL(specifier, file).href : specifier;
    if (seen.has(name)) continue;
    seen.add(name);
    if (specifier.startsWith(".")) loaded(new URL(name), seen);
  }
  return seen;
}

test("the client loads nothing of the server, so that a command line answers at once", () => {
  const packages = [...loaded(new URL("../admin/client.ts", import.meta.url))].filter((name) =>
    !name.startsWith("file:")
  );
  assert.deepEqual(packages, ["hono/client"]);
  for (const client of ["./unix_http_client.ts", "./loopback_http_client.ts"]) {
    const transport = [...loaded(new URL(client, import.meta.url))];
    assert.deepEqual(transport.filter((name) => !name.startsWith("file:")), ["node:process"]);
  }
});
