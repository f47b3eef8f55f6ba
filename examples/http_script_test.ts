import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveAdmin } from "selvage";
import { SimWorld, test } from "selvage/testing";
import { call, untilUp } from "./http_script.ts";

test("a script makes a token over HTTP and hears when the host that used it is up", async () => {
  const directory = mkdtempSync(join(tmpdir(), "selvage-example-"));
  try {
    await using world = new SimWorld(1);
    const founder = await world.found("a");
    const tokenFile = join(directory, "admin.token");
    const tcp = { listen: "127.0.0.1:0", tokenFile };
    await using server = await serveAdmin(founder.node, { socket: join(directory, "admin.sock"), tcp });
    const api = { url: server.url!, token: readFileSync(tokenFile, "utf8").trim() };
    const { token } = await call<{ token: string }>(api, "POST", "/v1/tokens", { lifetimeSeconds: 600 });
    const listening = new AbortController();
    const up = untilUp(api, "b", listening.signal);
    await world.start("b", { join: { token } });
    await world.settle();
    await up;
    listening.abort();
    await assert.rejects(call({ ...api, token: "wrong" }, "GET", "/v1/status"), /wrong token/);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("a script does not take the admission of one host and the arrival of another for what it waits for", async () => {
  const events = 'event: peer:admitted\ndata: {"name":"b"}\n\nevent: peer:up\ndata: {"name":"c"}\n\n';
  const node = createServer((request, response) => {
    response.end(request.url === "/v1/events" ? events : '{"peers":[]}');
  });
  await once(node.listen(0, "127.0.0.1"), "listening");
  try {
    const api = { url: `http://127.0.0.1:${(node.address() as AddressInfo).port}`, token: "any" };
    const { signal } = new AbortController();
    await assert.rejects(untilUp(api, "b", signal), /stopped before b came up/);
    await untilUp(api, "c", signal);
  } finally {
    node.closeAllConnections();
    await once(node.close(), "close");
  }
});
