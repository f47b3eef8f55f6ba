/** The API over a fixture node, called without a socket. */
import { createAdminApp } from "./app.ts";
import type { AdminApp } from "./app.ts";
import type { FetchLike } from "./client.ts";
import { FixtureClock, FixtureLog, FixtureNode } from "./mesh_node_fixture.ts";

export interface AdminFixture {
  readonly app: AdminApp;
  readonly node: FixtureNode;
  readonly clock: FixtureClock;
  readonly log: FixtureLog;
  /** How often `stop` was called. */
  readonly stopped: () => number;
  /** A request as the unix client sends it: `Host: localhost`. Headers given replace these. */
  readonly request: (method: string, path: string, init?: RequestInit) => Promise<Response>;
  /** POST of a JSON document. */
  readonly post: (path: string, document: unknown) => Promise<Response>;
  readonly fetch: FetchLike;
}

export function adminFixture(node: FixtureNode = new FixtureNode()): AdminFixture {
  const [clock, log] = [new FixtureClock(), new FixtureLog()];
  let stops = 0;
  const stop = () => {
    stops++;
  };
  const app = createAdminApp({ node, log, clock, stop, version: "0.1.0" });
  const fetch: FetchLike = (input, init) => app.fetch(withHost(new Request(input, init)));
  const request = async (method: string, path: string, init: RequestInit = {}) =>
    await fetch(`http://localhost${path}`, { ...init, method });
  const post = (path: string, document: unknown) =>
    request("POST", path, {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(document),
    });
  return { app, node, clock, log, stopped: () => stops, request, post, fetch };
}

function withHost(request: Request): Request {
  if (!request.headers.has("host")) request.headers.set("host", "localhost");
  return request;
}
