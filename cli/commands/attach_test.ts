import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import { placeOf } from "./attach.ts";
import { withNode } from "./command_fixture.ts";

test("a place is a path, a name, a process, a container or the host, and may say which it is", () => {
  const id = "3f2a".repeat(16);
  const places: Readonly<Record<string, object>> = {
    "/run/netns/web": { netns: "/run/netns/web" },
    web: { netns: "web" },
    "4711": { pid: "4711" },
    "0123456789ab": { container: "0123456789ab" },
    [id]: { container: id },
    host: { host: "" },
    "netns:4711": { netns: "4711" },
    "netns:host": { netns: "host" },
    "container:4711": { container: "4711" },
    "012": { netns: "012" },
  };
  for (const [text, where] of Object.entries(places)) assert.deepEqual(placeOf(text), where, text);
  assert.throws(() => placeOf(""), { code: "INVALID_ARGUMENT" });
});

test("attach asks for what its options say, and prints the addresses alone", () =>
  withNode(async (run, node) => {
    const { code, out, words } = await run("attach web");
    assert.deepEqual([code, out], [ExitCode.ok, "10.32.0.5/12\n"]);
    assert.equal(words, "selvage: web has mesh0\n");
    await run(
      "attach 4711 --ip 10.32.1.5 --ip net:10.32.2.0/24 --name shop --namespace prod --label app=shop --label x=a=b " +
        "--mtu 1300 --mac 02:00:00:00:00:01 --allow-l2 --no-default-route --no-multicast-route",
    );
    assert.deepEqual(node.calls, [
      'endpoints.attach({"where":{"netns":"web"}})',
      `endpoints.attach(${
        JSON.stringify({
          where: { pid: "4711" },
          addresses: ["10.32.1.5", "net:10.32.2.0/24"],
          name: "shop",
          namespace: "prod",
          labels: { app: "shop", x: "a=b" },
          mtu: 1300,
          mac: "02:00:00:00:00:01",
          allowLayer2: true,
          defaultRoute: false,
          multicastRoute: false,
        })
      })`,
    ]);
    assert.equal(JSON.parse((await run("attach host -o json")).out).mac, "0a:5e:0a:20:00:05");
  }));

test("attach refuses what cannot be before it asks a node", () =>
  withNode(async (run, node) => {
    for (const bad of ["attach web --label app", "attach web --mtu big", "attach web --mtu -1"]) {
      assert.equal((await run(bad)).code, ExitCode.usage, bad);
    }
    assert.equal((await run("attach")).code, ExitCode.usage);
    assert.deepEqual(node.calls, []);
  }));

test("detach takes an owner or a place", () =>
  withNode(async (run, node) => {
    assert.equal((await run("detach netns:4:4026532281")).words, "selvage: netns:4:4026532281 is detached\n");
    await run("detach netns:web");
    await run("detach /run/netns/web");
    await run("detach host");
    assert.deepEqual(node.calls, [
      'endpoints.detach("netns:4:4026532281")',
      'endpoints.detach({"netns":"web"})',
      'endpoints.detach({"netns":"/run/netns/web"})',
      'endpoints.detach({"host":""})',
    ]);
  }));

test("detach takes single addresses away, and says which", () =>
  withNode(async (run, node) => {
    const { words } = await run("detach shop --ip 10.32.1.5 --ip net:10.32.2.0/24");
    assert.equal(words, "selvage: shop has no address 10.32.1.5, net:10.32.2.0/24 any more\n");
    assert.deepEqual(node.calls, ['endpoints.detach({"netns":"shop"}, "10.32.1.5", "net:10.32.2.0/24")']);
  }));

test("ps lists the node and what is attached, as people say it and as data", () =>
  withNode(async (run, node) => {
    const { out } = await run("ps");
    assert.match(out, /^ENDPOINT +MAC +ADDRESSES +NAME\n/);
    assert.match(out, /^node +- +10\.32\.0\.1\/12 fd5a:1b2c:3d4e::1\/48 +web-1$/m);
    assert.match(out, /^shop +0a:5e:0a:20:00:05 +10\.32\.0\.5\/12 +shop$/m);
    assert.deepEqual(JSON.parse((await run("ps -o json")).out), { endpoints: node.endpoints.list() });
  }));
