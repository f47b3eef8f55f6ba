/** docs/api.md as programs read it, for the tests that hold it against the API. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { AdminApp } from "../core/admin/app.ts";
import { tcpDoor } from "../core/admin/door.ts";

export const text = readFileSync(new URL("../docs/api.md", import.meta.url), "utf8");

export interface Block {
  readonly language: string;
  readonly code: string;
}

export const blocks: readonly Block[] = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(
  ([, language = "", code = ""]) => ({ language, code }),
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
export async function curl(command: string, app: Pick<AdminApp, "fetch">): Promise<Response> {
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

/** A command, and the block beneath it: its answer, where that is JSON. */
export interface Command {
  readonly line: string;
  readonly shown: Block | undefined;
}

export const commands: readonly Command[] = blocks.flatMap(({ language, code }, i) =>
  language !== "sh" ? [] : code.trim().split("\n").map((line) => ({ line, shown: blocks[i + 1] }))
);
