import assert from "node:assert/strict";
import { silentLogger } from "../core/node/silent_logger.ts";
import { SimWorld, test } from "selvage/testing";
import { createSite } from "./embed_in_hono.ts";

const operator = { username: "operator", password: "correct horse" };
const authorization = `Basic ${btoa(`${operator.username}:${operator.password}`)}`;

test("an application tells of its node, and lets operators alone use the admin API", async () => {
  await using world = new SimWorld(1);
  const [a] = await world.mesh("a", "b");
  await world.settle();
  const site = createSite({ node: a!.node, log: silentLogger, operator, hosts: ["example.test"] });
  const get = (path: string, headers: Record<string, string> = {}) =>
    site.request(`http://example.test${path}`, { headers: { host: "example.test", ...headers } });
  assert.match(await (await get("/")).text(), /^a at 10\.\S+ and fd\S+, one of 2 nodes\n$/);
  assert.equal((await get("/mesh/v1/status")).status, 401);
  const status = await get("/mesh/v1/status", { authorization });
  assert.equal(status.status, 200);
  assert.equal((await status.json() as { name: string }).name, "a");
  const foreign = await get("/mesh/v1/status", { authorization, origin: "http://evil.test" });
  assert.equal(foreign.status, 403);
});
