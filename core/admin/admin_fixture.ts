/** The API over a fixture node, called without a socket. */
import type { LogControl, LogSettings } from "../contracts/log.ts";
import { createAdminApp } from "./app.ts";
import type { AdminApp } from "./app.ts";
import type { FetchLike } from "./client.ts";
import type { AdminBindings } from "./door.ts";
import { FixtureClock, FixtureLog, FixtureNode } from "./mesh_node_fixture.ts";

export interface AdminFixture {
  readonly app: AdminApp;
  readonly node: FixtureNode;
  readonly clock: FixtureClock;
  readonly log: FixtureLog;
  readonly levels: LogControl;
  /** How often `stop` was called. */
  readonly stopped: () => number;
  /** A request as the unix client sends it: `Host: localhost`. Headers given replace these. */
  readonly request: (method: string, path: string, init?: RequestInit) => Promise<Response>;
  /** POST of a JSON document. */
  readonly post: (path: string, document: unknown) => Promise<Response>;
  readonly fetch: FetchLike;
}

/** `bindings` tell how every request comes in. */
export function adminFixture(node = new FixtureNode(), bindings: AdminBindings = {}): AdminFixture {
  const [clock, log, levels] = [new FixtureClock(), new FixtureLog(), fixtureLevels()];
  let stops = 0;
  const stop = () => {
    stops++;
  };
  const app = createAdminApp({ node, log, clock, stop, version: "0.1.0", levels });
  const fetch: FetchLike = (input, init) => app.fetch(withHost(new Request(input, init)), bindings);
  const request = async (method: string, path: string, init: RequestInit = {}) =>
    await fetch(`http://localhost${path}`, { ...init, method });
  const post = (path: string, document: unknown) =>
    request("POST", path, {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(document),
    });
  return { app, node, clock, log, levels, stopped: () => stops, request, post, fetch };
}

function fixtureLevels(): LogControl {
  let current: LogSettings = { level: "info", scopes: {} };
  const known = ["admin", "mesh", "node", "noise", "noise.link"];
  return { settings: () => current, known: () => known, change: (settings) => void (current = settings) };
}

function withHost(request: Request): Request {
  if (!request.headers.has("host")) request.headers.set("host", "localhost");
  return request;
}
