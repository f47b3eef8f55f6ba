/**
 * A script that drives a node over HTTP, with nothing but `fetch`: it makes a token for each new host and waits until
 * that host is there. The node serves the API on TCP with `admin: { listen: "127.0.0.1:6784" }`.
 *
 *     SELVAGE_ADMIN_TOKEN=$(cat ~/.local/state/selvage/admin.token) node examples/http_script.ts web-2 web-3
 *
 * `SELVAGE_ADMIN` names another URL than http://127.0.0.1:6784. Needs Node 24.2 or later; Deno runs it with `run -A`.
 */
import process from "node:process";

export interface Api {
  /** `http://127.0.0.1:6784` */
  readonly url: string;
  readonly token: string;
}

/** One call. Rejects with what the node says is wrong: its problems (RFC 9457) are sentences. */
export async function call<T>({ url, token }: Api, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(new URL(path, url), {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...body === undefined ? {} : { body: JSON.stringify(body) },
  });
  if (response.ok) return await response.json() as T;
  const { detail } = await response.json() as { detail?: string };
  throw new Error(`${method} ${path}: ${detail ?? response.status}`);
}

/** Resolves once the host has a session with the node. Reads the event stream: server-sent events, one JSON each. */
export async function untilUp({ url, token }: Api, name: string, signal: AbortSignal): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(new URL("/v1/events", url), { headers, signal });
  const { peers } = await call<{ peers: { name: string; state: string }[] }>(
    { url, token },
    "GET",
    "/v1/peers",
  );
  if (peers.some((peer) => peer.name === name && peer.state === "up")) return;
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    // An event ends with an empty line, and may come in pieces.
    const events = (text + chunk).split("\n\n");
    text = events.pop()!;
    if (events.some((event) => event.includes("event: peer:up\n") && event.includes(`"name":"${name}"`))) {
      return;
    }
  }
  throw new Error(`the node stopped before ${name} came up`);
}

async function main(names: readonly string[]): Promise<void> {
  const api = {
    url: process.env["SELVAGE_ADMIN"] ?? "http://127.0.0.1:6784",
    token: process.env["SELVAGE_ADMIN_TOKEN"] ?? "",
  };
  for (const name of names) {
    const { join } = await call<{ join: string }>(api, "POST", "/v1/tokens", { lifetimeSeconds: 600 });
    console.log(`on ${name}, run: ${join} --name ${name}`);
    await untilUp(api, name, AbortSignal.timeout(600_000));
    console.log(`${name} is up`);
  }
}

if (import.meta.main) await main(process.argv.slice(2));
