/** That docs/api.md tells the truth: its tables name what there is, and its commands give the answers it shows. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "../../tests/harness.ts";
import { parseToken } from "../identity/token.ts";
import { adminFixture } from "../admin/admin_fixture.ts";
import { tcpDoor } from "../admin/door.ts";
import { dropMeanings } from "../admin/drop_meanings.ts";
import type { AdminFixture } from "../admin/admin_fixture.ts";
import { eventNames } from "../admin/event_documents.ts";
import { eventSchemas } from "../admin/event_schemas.ts";
import { dropNames } from "../contracts/drop.ts";
import { encodeHex } from "../wire/hex.ts";

const text = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");

interface Block {
  readonly language: string;
  readonly code: string;
}

const blocks: readonly Block[] = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(
  ([, language = "", code = ""]) => ({ language, code }),
);

/** Cells of the rows of every table, without heading and rule. */
const rows = text.split("\n").filter((line) => /^\| (?!-)/.test(line)).map((line) =>
  line.split("|").slice(1, -1).map((cell) => cell.trim())
);

/** The words of a command line, quotes taken off. */
function words(command: string): string[] {
  const form = /'([^']*)'|"([^"]*)"|(\S+)/g;
  return [...command.matchAll(form)].map(([, single, double, bare]) => single ?? double ?? bare ?? "");
}

const tcp = "127.0.0.1:6784";
const token = "t".repeat(43);
const door = tcpDoor({ host: "127.0.0.1", port: 6784 }, (shown) => shown === token);

/** Does what curl does with the options of the document; any other is a failure of this test. */
async function curl(command: string, { app }: AdminFixture): Promise<Response> {
  const [program, ...rest] = words(command);
  assert.equal(program, "curl");
  let [method, url, body]: [string | undefined, string, string | undefined] = [undefined, "", undefined];
  const headers = new Headers();
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--unix-socket") assert.equal(rest.shift(), "/run/selvage/admin.sock");
    else if (word === "-X") method = rest.shift();
    else if (word === "-H") {
      const [name = "", value = ""] = (rest.shift() ?? "").split(": ");
      headers.set(name, value.replace("$(cat /var/lib/selvage/admin.token)", token));
    } else if (word === "--json") {
      [body] = [rest.shift() ?? "", headers.set("content-type", "application/json")];
    } else if (word.startsWith("http://")) url = word;
    else assert.ok(["-f", "-N"].includes(word), `unknown option ${word}`);
  }
  const { host } = new URL(url);
  headers.set("host", host);
  const init = { method: method ?? (body === undefined ? "GET" : "POST"), headers, body: body ?? null };
  return await app.fetch(new Request(url, init), host === tcp ? { door } : {});
}

test("every command of the document works, and gives the answer shown beneath it", async () => {
  const fixture = adminFixture();
  let commands = 0;
  for (const [i, { language, code }] of blocks.entries()) {
    if (language !== "sh") continue;
    const next = blocks[i + 1];
    for (const line of code.trim().split("\n")) {
      const response = await curl(line, fixture);
      commands++;
      if (next?.language === "json") assert.deepEqual(await response.json(), JSON.parse(next.code), line);
      else assert.ok(response.ok, line);
      if (!response.bodyUsed) await response.body?.cancel();
    }
  }
  assert.ok(commands >= 10);
});

test("the table of routes names the routes of the app", () => {
  const documented = rows.filter(([, path]) => path?.startsWith("`/v1/")).map(([method, path = ""]) =>
    `${method} ${path.replaceAll("`", "")}`
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
    assert.deepEqual(transport.filter((name) => !name.startsWith("file:")), ["node:http"]);
  }
});
