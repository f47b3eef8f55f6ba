/**
 * Fuzz targets of the admin API: documents for every route that takes one, and whole requests. No socket: what a server
 * refuses before it has a Request is not the API's, and 10⁶ connections would measure the kernel.
 *
 * A document goes through what the API makes of a body and nothing around it, which is many times faster than a request;
 * one in {@link wholeOneIn} is sent as a request too and must get the same answer.
 */
import assert from "node:assert/strict";
import { z } from "@hono/zod-openapi";
import { adminFixture } from "../../core/admin/admin_fixture.ts";
import { type AdminDoor, tcpDoor, unixDoor } from "../../core/admin/door.ts";
import { httpProblem, type Problem, problemOf } from "../../core/admin/problem.ts";
import { jsonText } from "../../core/admin/request_guards.ts";
import { problem } from "../../core/admin/schemas.ts";
import { invalidRequest } from "../../core/admin/validation.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { asBytes, asText, isSampled } from "./promises.ts";

const token = "t".repeat(43);
const tcpHost = "127.0.0.1:6784";
const tcp = tcpDoor({ host: "127.0.0.1", port: 6784 }, (shown) => shown === token);
/** More than the longest answer, which is the API's own description. */
const longestAnswer = 128 * 1024;
/** Above the longest delay of a refusal. */
const patienceMillis = 30_000;

/** One document in so many goes through the whole API as well. */
const wholeOneIn = 64;

/** One for all inputs: the API keeps nothing of a request, and so nothing may grow. */
const { app, node, clock, log } = adminFixture();

interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

async function ask(door: AdminDoor, request: Request, input: Uint8Array): Promise<Answer> {
  const answering = Promise.resolve(app.fetch(request, { door, source: "127.0.0.1" }));
  // A delayed refusal goes out now.
  clock.advance(patienceMillis);
  const response = await answering;
  // And so does the stop that the request may have asked for.
  clock.advance(0);
  const text = await plannedText(response, isSampled(input, 64));
  assert.equal(clock.pending, 0, "a timer is left");
  node.calls.length = 0;
  log.entries.length = 0;
  return { ok: response.ok, text };
}

/** The text of an answer as it may be; that of an event stream is empty. */
async function plannedText(response: Response, isThorough: boolean): Promise<string> {
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    await response.body?.cancel();
    return "";
  }
  const text = await response.text();
  assert.ok(text.length < longestAnswer, `an answer of ${text.length} characters`);
  assert.equal(response.headers.get("cache-control"), "no-store");
  if (response.status < 400) return text;
  // What scripts for Weave Net are told is a line of text.
  if (response.headers.get("content-type")?.startsWith("text/plain")) {
    assert.ok([400, 404].includes(response.status), `${response.status}: ${text}`);
    return text;
  }
  // The fixture's node has one address that never answers.
  assert.ok(response.status < 500 || JSON.parse(text).code === "TIMEOUT", `${response.status}: ${text}`);
  if (!isThorough || text === "") return text;
  assert.equal(problem.parse(JSON.parse(text)).status, response.status);
  assert.doesNotMatch(text, /\bat .*\.(ts|js):\d+/, "a stack");
  return text;
}

const json = `host: localhost\ncontent-type: application/json\n\n`;
const requests = [
  "GET /v1/status\nhost: localhost\n\n",
  "HEAD /v1/health\nhost: selvage\n\n",
  `GET /v1/drops?x=1#y\nhost: ${tcpHost}\nauthorization: Bearer ${token}\n\n`,
  `DELETE /v1/members/web-2\nhost: ${tcpHost}\nauthorization: Bearer ${token}\norigin: http://${tcpHost}\n\n`,
  "DELETE /v1/tokens/%36f1d0c8a92b34e57a0c1d2e3f4a5b697\nhost: localhost\nsec-fetch-site: same-origin\n\n",
  `POST /v1/tokens\n${json}{"lifetimeSeconds":60}`,
  `POST /v1/connect\n${json}{"endpoints":["192.0.2.9:6783"],"replace":true}`,
  `POST /v1/ping\n${json}{"to":"web-2","size":8,"timeoutMillis":5,"family":6}`,
  `PUT /v1/log\n${json}{"level":"debug","scopes":{"noise":"warn"}}`,
  `POST /v1/stop\nhost: localhost\ncontent-type: application/json; charset=utf-8\ncontent-length: 2\n\n{}`,
  "POST /ip/web/10.32.2.0/24?check-alive=true\nhost: localhost\n\n",
  "PUT /ip/_/192.0.2.1/24?noErrorOnUnknown=true\nhost: localhost\n\n",
  "DELETE /ip/nobody\nhost: localhost\n\n",
  "OPTIONS /v1/events\nhost: localhost\naccess-control-request-method: GET\n\n",
];

/** `METHOD /target`, header lines, an empty line, the body. The TCP door where the request names its port. */
const requestTarget: FuzzTarget = {
  name: "api-request",
  seeds: requests.map(asBytes),
  words: [
    ...[
      "/v1/",
      "..",
      "%2e%2e%2f",
      "%00",
      "%",
      "?",
      "#",
      "//",
      "\\",
      ";",
      "/openapi.json",
      "/events",
      "/admin",
    ],
    ...["host: ", "evil.example", tcpHost, "localhost:80", "[::1]:6784", "authorization: Bearer ", token],
    ...[
      "origin: null\n",
      "sec-fetch-site: cross-site\n",
      "content-length: 99999999\n",
      "content-type: text/plain\n",
    ],
    ...["\n\n", "\n", ": ", "GET ", "POST ", "PUT ", "DELETE ", "PATCH ", "QUERY "],
  ].map(asBytes),
  run: async (input) => {
    const request = requestOf(asText(input));
    if (request === undefined) return false;
    const door = request.headers.get("host")?.endsWith(":6784") ? tcp : unixDoor;
    return (await ask(door, request, input)).ok;
  },
};

function requestOf(text: string): Request | undefined {
  const end = text.indexOf("\n\n");
  const [first = "", ...lines] = (end < 0 ? text : text.slice(0, end)).split("\n");
  const [method = "", target = ""] = first.split(" ");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  try {
    const host = headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "localhost";
    const body = end < 0 || /^(GET|HEAD)$/i.test(method) ? null : text.slice(end + 2);
    return new Request(`http://${host}${target}`, { method, headers, body });
  } catch {
    // No URL, no method or no header: the server answers 400 and the API never hears of it.
    return undefined;
  }
}

/** A document for each route that takes one. */
const documents: Readonly<Record<string, string>> = {
  "/v1/tokens": '{"lifetimeSeconds":3600}',
  "/v1/connect": '{"endpoints":["192.0.2.9:6783","[2001:db8::1]:6783"],"replace":true}',
  "/v1/forget": '{"endpoints":["192.0.2.9:6783"]}',
  "/v1/ping": '{"to":"10.32.0.7","size":100,"timeoutMillis":500,"family":4}',
  "/v1/log": '{"level":"info","scopes":{"mesh":"debug","noise.link":"error"}}',
  "/v1/endpoints":
    '{"where":{"netns":"web"},"addresses":["ip:10.32.1.5/24"],"name":"web","labels":{"a":"b"},"mtu":1300}',
  "/v1/host/expose": '{"addresses":["net:10.32.2.0/24"],"name":"gateway","masquerade":false}',
  "/v1/host/hide": '{"addresses":["10.32.0.9"]}',
  "/v1/host/services": '{"kind":"export","listen":"0.0.0.0:8080","target":"10.32.0.5:80","rebind":true}',
  "/v1/bridges": '{"device":"br0"}',
  "/v1/ipam/addresses": '{"owner":"job-7","subnet":"10.32.2.0/24","waitSeconds":5}',
  "/v1/ipam/keep": '{"owners":["job-7","docker:web"]}',
  "/v1/ipam/move": '{"address":"10.32.0.7","peer":"web-2"}',
  "/v1/ipam/takeover": '{"peer":"web-2"}',
  "/v1/stop": "{}",
};

interface Write {
  readonly method: string;
  readonly path: string;
  readonly schema: z.ZodType;
}

/** As the API itself lists them, with the schemas that it holds documents against. */
const writes = app.openAPIRegistry.definitions.flatMap((definition): Write[] => {
  if (definition.type !== "route") return [];
  const { method, path, request } = definition.route;
  const content = request?.body?.content["application/json"] ?? {};
  const schema = "schema" in content ? content.schema : undefined;
  return schema instanceof z.ZodType ? [{ method: method.toUpperCase(), path, schema }] : [];
});
assert.deepEqual(writes.map(({ path }) => path).toSorted(), Object.keys(documents).toSorted());

export const apiBodyTargets: readonly FuzzTarget[] = writes.map((write) => ({
  name: `api-body${write.path.slice("/v1".length).replace("/", "-")}`,
  seeds: [asBytes(documents[write.path]!)],
  words: [
    ...['"endpoints":', '"replace":', '"to":', '"size":', '"level":', '"scopes":', '"lifetimeSeconds":'],
    ...['"__proto__":', '"constructor":', '"toJSON":', "null", "true", "-1", "1e999", "0.1", '""', "[", "]"],
    ...["{", "}", ",", ":", '"', "\\u0000", "\\ud800", "\u2028", "[[[[[[[[", '{"a":{"a":'],
  ].map(asBytes),
  maxBytes: 4_096,
  run(input) {
    const refusal = refusalOf(input, write.schema);
    const text = JSON.stringify(refusal) ?? "";
    assert.ok(text.length < longestAnswer, `a refusal of ${text.length} characters`);
    assert.ok(refusal === undefined || refusal.status === 400 || refusal.status === 422, text);
    if (isSampled(input, wholeOneIn)) return assertAnswered(write, input, refusal);
    return refusal === undefined;
  },
}));

/** What the API says to a body; undefined if the route takes it. Parsing is the router's, and so is its refusal. */
function refusalOf(input: Uint8Array, schema: z.ZodType): Problem | undefined {
  let document: unknown;
  try {
    document = JSON.parse(jsonText(input));
  } catch (error) {
    return error instanceof SyntaxError
      ? httpProblem(400, "Malformed JSON in request body")
      : problemOf(error);
  }
  const { success, data, error } = schema.safeParse(document);
  if (!success) return problemOf(invalidRequest(error.issues));
  assertPlain(data);
  return undefined;
}

/** A key `__proto__` is a key like any other, or none. */
function assertPlain(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const plain = Array.isArray(value) ? Array.prototype : Object.prototype;
  assert.equal(Object.getPrototypeOf(value), plain, "a document brought its own prototype");
  for (const inner of Object.values(value)) assertPlain(inner);
}

async function assertAnswered(
  { method, path }: Write,
  input: Uint8Array,
  refusal: Problem | undefined,
): Promise<boolean> {
  const headers = { host: "localhost", "content-type": "application/json" };
  const request = new Request(`http://localhost${path}`, { method, headers, body: input.slice() });
  const { ok, text } = await ask(unixDoor, request, input);
  if (refusal !== undefined) assert.deepEqual(JSON.parse(text), refusal);
  // What the route then says to a document that it was given is its own.
  else assert.ok(ok || !/^(Cannot (take|read) the request|Malformed)/.test(JSON.parse(text).detail), text);
  return refusal === undefined;
}

export const apiRequestTargets: readonly FuzzTarget[] = [requestTarget];
