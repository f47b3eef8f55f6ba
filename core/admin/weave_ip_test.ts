/** Addresses as scripts for Weave Net ask for them, and as this API has them itself. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { adminFixture } from "./admin_fixture.ts";
import { takenOver } from "./addresses_fixture.ts";
import { other } from "./mesh_node_fixture.ts";

type Fixture = ReturnType<typeof adminFixture>;

async function words({ request }: Fixture, method: string, path: string): Promise<readonly [number, string]> {
  const response = await request(method, path);
  return [response.status, await response.text()];
}

test("a script for Weave Net gets its address as one word, of the default subnet or of another", async () => {
  const fixture = adminFixture();
  assert.deepEqual(await words(fixture, "POST", "/ip/web"), [200, "10.32.0.9/12"]);
  assert.deepEqual(await words(fixture, "POST", "/ip/web/10.32.2.0/24"), [200, "10.32.2.1/24"]);
  assert.deepEqual(await words(fixture, "GET", "/ip/web"), [200, "10.32.0.9/12 10.32.2.1/24"]);
  assert.deepEqual(await words(fixture, "GET", "/ip/web/10.32.2.0/24"), [200, "10.32.2.1/24"]);
  assert.deepEqual(await words(fixture, "GET", "/ipinfo/defaultsubnet"), [200, "10.32.0.0/12"]);
  assert.deepEqual(await words(fixture, "GET", "/ip"), [
    200,
    '{"owned":[{"containerid":"web","addrs":["10.32.0.9/12"]}]}',
  ]);
  assert.deepEqual(fixture.node.calls, [
    'addresses.allocate({"owner":"web"})',
    'addresses.allocate({"owner":"web","subnet":"10.32.2.0/24"})',
    "addresses.list()",
  ]);
});

test("addresses are claimed and released under an owner, or under themselves for nobody", async () => {
  const fixture = adminFixture();
  assert.deepEqual(await words(fixture, "PUT", "/ip/web/10.32.0.9/12"), [204, ""]);
  assert.deepEqual(await words(fixture, "PUT", "/ip/_/10.32.0.8/12?noErrorOnUnknown=true"), [204, ""]);
  assert.deepEqual(await words(fixture, "DELETE", "/ip/web"), [204, ""]);
  assert.deepEqual(await words(fixture, "DELETE", "/ip/_/10.32.0.8"), [204, ""]);
  assert.deepEqual(fixture.node.calls, [
    'addresses.claim("web", "10.32.0.9")',
    'addresses.claim("10.32.0.8", "10.32.0.8")',
    'addresses.release("web", )',
    'addresses.release("10.32.0.8", "10.32.0.8")',
  ]);
});

test("a length that no prefix of the family has is refused, in every request", async () => {
  const fixture = adminFixture();
  for (const method of ["GET", "PUT", "POST"]) {
    for (const path of ["/ip/web/10.32.9.12/33", "/ip/web/fd5a:1b2c:3d4e::/129", "/ip/web/10.32.9.12/999"]) {
      assert.equal(
        (await words(fixture, method, path))[0],
        method === "GET" ? 404 : 400,
        `${method} ${path}`,
      );
    }
  }
  assert.deepEqual(fixture.node.calls, []);
});

test("refusals are a line of text, under the code that Weave Net gave", async () => {
  const fixture = adminFixture();
  assert.deepEqual(await words(fixture, "GET", "/ip/nobody"), [404, '"nobody" has no addresses\n']);
  assert.deepEqual(await words(fixture, "DELETE", "/ip/nobody"), [
    400,
    'Cannot release: "nobody" has no addresses\n',
  ]);
  assert.deepEqual(await words(fixture, "PUT", "/ip/web/10.32.0.1/12"), [
    400,
    "Cannot claim 10.32.0.1: it is in use\n",
  ]);
  assert.equal((await words(fixture, "PUT", "/ip/web/192.0.2.1/24"))[0], 400);
  assert.equal((await words(fixture, "PUT", "/ip/web/192.0.2.1/24?noErrorOnUnknown=true"))[0], 204);
  const refused = fixture.log.entries.filter(({ fields }) => fields["result"] === "failed");
  assert.equal(refused.length, 3, "refusals are in the audit log");
});

test("nothing is given to a container that is gone, and that is no failure", async () => {
  const fixture = adminFixture();
  assert.deepEqual(await words(fixture, "POST", "/ip/gone?check-alive=true"), [200, "cancelled"]);
  assert.deepEqual(await words(fixture, "PUT", "/ip/gone/10.32.0.9/12?check-alive=true"), [204, ""]);
  assert.deepEqual(fixture.node.calls, []);
  assert.deepEqual(await words(fixture, "POST", "/ip/gone"), [200, "10.32.0.9/12"]);
});

test("a request that its sender has given up is answered as cancelled", async () => {
  const { app } = adminFixture();
  const request = new Request("http://localhost/ip/web", {
    method: "POST",
    signal: AbortSignal.abort(),
    headers: { host: "localhost" },
  });
  assert.equal(await (await app.fetch(request)).text(), "cancelled");
});

test("an owner of 64 kB is refused and asks nothing of the node", async () => {
  const fixture = adminFixture();
  for (const method of ["GET", "POST", "DELETE"]) {
    assert.ok([400, 404, 422].includes((await words(fixture, method, `/ip/${"x".repeat(65_536)}`))[0]));
  }
  assert.equal((await fixture.post("/v1/ipam/addresses", { owner: "x".repeat(65_536) })).status, 422);
  assert.deepEqual(fixture.node.calls, []);
  assert.equal((await words(fixture, "POST", `/ip/${encodeURIComponent("..\u0000 ü/\n")}`))[0], 200);
});

test("an address is given, explained, moved and taken over with what was asked", async () => {
  const fixture = adminFixture();
  const { post, request, node } = fixture;
  assert.deepEqual(await (await post("/v1/ipam/addresses", { owner: "web", waitSeconds: 1 })).json(), {
    owner: "web",
    address: "10.32.0.9/12",
  });
  await post("/v1/ipam/addresses", { owner: "web", address: "10.32.0.7" });
  const both = { owner: "web", address: "10.32.0.7", subnet: "10.32.0.0/24" };
  assert.equal((await post("/v1/ipam/addresses", both)).status, 422);
  await request("DELETE", "/v1/ipam/addresses/web?address=10.32.0.7");
  assert.deepEqual(await (await post("/v1/ipam/keep", { owners: ["db"] })).json(), { released: ["web"] });
  assert.equal((await (await request("GET", "/v1/ipam/why/10.40.0.7")).json()).name, "web-2");
  assert.equal((await post("/v1/ipam/move", { address: "10.32.0.7", peer: "web-2" })).status, 204);
  const over = await (await post("/v1/ipam/takeover", { peer: "web-2" })).json();
  assert.deepEqual(over, { peer: other, ...takenOver });
  assert.equal(fixture.clock.pending, 0);
  assert.deepEqual(node.calls, [
    'addresses.allocate({"owner":"web"})',
    'addresses.claim("web", "10.32.0.7")',
    'addresses.release("web", "10.32.0.7")',
    'addresses.keep(["db"])',
    'addresses.why("10.40.0.7")',
    'addresses.move("10.32.0.7", "web-2")',
    'addresses.takeOver("web-2", false)',
  ]);
});
