import assert from "node:assert/strict";
import { FixtureNode } from "../../core/admin/mesh_node_fixture.ts";
import type { AdminClient } from "../../core/admin/client.ts";
import { test } from "../../tests/harness.ts";
import { dynamicValues } from "./dynamic_values.ts";

const never = new AbortController().signal;

function offered(names: readonly unknown[], state: unknown = "up") {
  const peers = names.map((name) => ({ ...new FixtureNode().peers()[0], name, state }));
  const client = { peers: () => Promise.resolve(peers) } as unknown as AdminClient;
  return dynamicValues(["ping"], () => Promise.resolve(client), never);
}

test("what could do something on a command line is not offered, whoever answers", async () => {
  const bad = [
    "$(reboot)",
    "`reboot`",
    "a b",
    "a\tb",
    "a\nb",
    "--yes",
    "~root",
    "a;b",
    "a&",
    "\u001b[2J",
    "",
  ];
  assert.deepEqual(
    await offered([...bad, "web-1"]),
    new Map([["ping", [{ value: "web-1", description: "up" }]]]),
  );
  assert.deepEqual(await offered(["web-1"], "up\n$(reboot)"), new Map([["ping", []]]));
});

test("names, tokens and endpoints of either family are offered", async () => {
  const good = [
    "web_1.example-2",
    "6f1d0c8a92b34e57a0c1d2e3f4a5b697",
    "198.51.100.7:6783",
    "[fe80::1%eth0]:6783",
  ];
  assert.deepEqual((await offered(good)).get("ping")?.map(({ value }) => value), good);
});

test("what is attached is offered to detach as it was called, or by its owner, and the node itself never", async () => {
  const [node, shop] = new FixtureNode().endpoints.list();
  const endpoints = [node, shop, { ...shop, where: { netns: "/run/netns/web" } }, {
    ...shop,
    where: { host: "" },
  }];
  const client = { endpoints: () => Promise.resolve(endpoints) } as unknown as AdminClient;
  const values = await dynamicValues(["detach"], () => Promise.resolve(client), never);
  assert.deepEqual(values.get("detach")?.map(({ value }) => value), ["shop", shop!.owner, shop!.owner]);
});
