import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
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
