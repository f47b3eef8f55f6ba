/** What a program hears whose wish for an address cannot be met, from real endpoints behind the API. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { EndpointRig } from "../../tests/sim/endpoint_rig.ts";
import { adminFixture } from "./admin_fixture.ts";

test("an address outside the range, and one that is in use, are refused in words that say so", async () => {
  const rig = new EndpointRig("web", "db");
  const { node, post } = adminFixture();
  Object.assign(node.endpoints, { attach: rig.endpoints.attach.bind(rig.endpoints) });
  const attach = async (netns: string, ...addresses: string[]) => {
    const response = await post("/v1/endpoints", { where: { netns }, addresses });
    const { code, detail } = await response.json();
    return [response.status, code, detail];
  };
  assert.deepEqual(await attach("web", "ip:192.0.2.7/24"), [
    422,
    "INVALID_ARGUMENT",
    'Cannot attach with "ip:192.0.2.7/24": it is not inside the network\'s range 10.32.0.0/12 or fd00::/48, ' +
    "and no address of elsewhere is given",
  ]);
  assert.equal((await attach("db", "ip:10.32.1.5"))[0], 200);
  const [status, code, detail] = await attach("web", "ip:10.32.1.5");
  assert.deepEqual([status, code], [409, "ADDRESS_TAKEN"]);
  assert.match(detail, /10\.32\.1\.5/);
  assert.deepEqual(rig.endpoints.list().map(({ owner }) => owner), ["netns:db"]);
});
