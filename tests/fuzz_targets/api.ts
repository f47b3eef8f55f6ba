/**
 * Fuzz targets of the admin API: whole requests, and documents for every route that takes one. No socket: what a server
 * refuses before it has a Request is not the API's, and 10⁶ connections would measure the kernel.
 */
import assert from "node:assert/strict";
import { adminFixture } from "../../core/admin/admin_fixture.ts";
import { type AdminDoor, tcpDoor, unixDoor } from "../../core/admin/door.ts";
import { problem } from "../../core/admin/schemas.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { asBytes, asText, isSampled } from "./promises.ts";

const token = "t".repeat(43);
const tcpHost = "127.0.0.1:6784";
const tcp = tcpDoor({ host: "127.0.0.1", port: 6784 }, (shown) => shown === token);
/** More than the longest answer, which is the API's own description. */
const longestAnswer = 128 * 1024;
/** Above the longest delay of a refusal. */
const patienceMillis = 30_000;

/** One for all inputs: the API keeps nothing of a request, and so nothing may grow. */
const { app, node, clock, log } = adminFixture();

async function ask(door: AdminDoor, request: Request, input: Uint8Array): Promise<boolean> {
  const answering = Promise.resolve(app.fetch(request, { door, source: "127.0.0.1" }));
  // A delayed refusal goes out now.
  clock.advance(patienceMillis);
  const response = await answering;
  // And so does the stop that the request may have asked for.
  clock.advance(0);
  await assertPlanned(response, isSampled(input, 64));
  assert.equal(clock.pending, 0, "a timer is left");
  node.calls.length = 0;
  log.entries.length = 0;
  return response.ok;
}

async function assertPlanned(response: Response, isThorough: boolean): Promise<void> {
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    return await response.body?.cancel();
  }
  const text = await response.text();
  assert.ok(text.length < longestAnswer, `an answer of ${text.length} characters`);
  assert.equal(response.headers.get("cache-control"), "no-store");
  if (response.status < 400) return;
  // The fixture's node has one address that never answers.
  assert.ok(response.status < 500 || JSON.parse(text).code === "TIMEOUT", `${response.status}: ${text}`);
  if (!isThorough || text === "") return;
  assert.equal(problem.parse(JSON.parse(text)).status, response.status);
  assert.doesNotMatch(text, /\bat .*\.(ts|js):\d+/, "a stack");
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
  run: (input) => {
    const request = requestOf(asText(input));
    if (request === undefined) return false;
    return ask(request.headers.get("host")?.endsWith(":6784") ? tcp : unixDoor, request, input);
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

const writes = [
  ["POST", "/v1/tokens", '{"lifetimeSeconds":3600}'],
  ["POST", "/v1/connect", '{"endpoints":["192.0.2.9:6783","[2001:db8::1]:6783"],"replace":true}'],
  ["POST", "/v1/forget", '{"endpoints":["192.0.2.9:6783"]}'],
  ["POST", "/v1/ping", '{"to":"10.32.0.7","size":100,"timeoutMillis":500,"family":4}'],
  ["PUT", "/v1/log", '{"level":"info","scopes":{"mesh":"debug","noise.link":"error"}}'],
  ["POST", "/v1/stop", "{}"],
] as const;

const bodyTargets: readonly FuzzTarget[] = writes.map(([method, path, body]) => ({
  name: `api-body${path.slice("/v1".length).replace("/", "-")}`,
  seeds: [asBytes(body)],
  words: [
    ...['"endpoints":', '"replace":', '"to":', '"size":', '"level":', '"scopes":', '"lifetimeSeconds":'],
    ...['"__proto__":', '"constructor":', '"toJSON":', "null", "true", "-1", "1e999", "0.1", '""', "[", "]"],
    ...["{", "}", ",", ":", '"', "\\u0000", "\\ud800", "\u2028", "[[[[[[[[", '{"a":{"a":'],
  ].map(asBytes),
  maxBytes: 4_096,
  run: (input) => {
    const headers = { host: "localhost", "content-type": "application/json" };
    return ask(
      unixDoor,
      new Request(`http://localhost${path}`, { method, headers, body: input.slice() }),
      input,
    );
  },
}));

export const apiTargets: readonly FuzzTarget[] = [requestTarget, ...bodyTargets];
