/** The host itself in the network, beside the firewalls of others: with the real program, and removed without a trace. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "../harness.ts";
import { isInstalled, until } from "../../examples/lab/lab.ts";
import type { Lab } from "../../examples/lab/lab.ts";
import type { Namespace } from "../../examples/lab/namespace.ts";
import { servicePort } from "../../examples/lab/container.ts";
import { inLab, limit, skip as skipLab } from "./lab_fixture.ts";

const skip = skipLab ?? (isInstalled("iptables") ? undefined : "needs iptables");

/** Who is on the underlay and in no network. */
function outside({ underlay }: Lab): Namespace & { readonly address4: string } {
  underlay.namespace.ip("addr add 198.51.100.254/24 dev under");
  return Object.assign(underlay.namespace, { address4: "198.51.100.254" });
}

/** Whether a TCP connection comes about. */
function reaches(from: Namespace, host: string, port: number): boolean {
  const [program, ...args] = from.command("timeout", "2", "bash", "-c", `exec 3<>/dev/tcp/${host}/${port}`);
  return spawnSync(program, args).status === 0;
}

function dropForwarded(host: Namespace): void {
  host.run("iptables", "-P", "FORWARD", "DROP");
  host.run("ip6tables", "-P", "FORWARD", "DROP");
}

test(
  "an exposed host is reached from other hosts, lets containers out past a firewall that drops, and outlives a flush",
  () =>
    inLab(async (lab) => {
      const world = outside(lab);
      const [a, b] = await lab.network("a", "b");
      const [far, early] = await Promise.all([b!.container(), a!.container()]);
      a!.namespace.set("ipv4/ip_forward", "0");
      dropForwarded(a!.namespace);

      const exposed = await a!.admin.expose({ name: "gateway" });
      assert.equal(exposed.device, "selvage0");
      assert.deepEqual(await a!.admin.expose({ name: "gateway" }), exposed, "the same again");
      const [own4, own6] = exposed.addresses.map((address) => address.split("/")[0]!);
      assert.ok(far.namespace.pings(own4!), "from another host, IPv4");
      assert.ok(far.namespace.pings(own6!), "from another host, IPv6");
      assert.ok(a!.namespace.pings(far.address4), "to another host");

      const near = await a!.container();
      assert.ok(near.namespace.pings(world.address4), "out");
      assert.ok(early.namespace.pings(world.address4), "out, attached before the host was exposed");
      const { host } = await a!.admin.status();
      const places = host!.changes.map(({ tool, place }) => `${tool} ${place}`);
      assert.ok(places.includes("iptables-nft FORWARD"), places.join());
      assert.ok(places.includes("sysctl net.ipv4.ip_forward"), places.join());
      const told = (await b!.admin.peers()).find(({ name }) => name === "a")?.endpoints ?? [];
      assert.ok(told.every((endpoint) => !endpoint.includes(own4!)), "its overlay address is no underlay");

      a!.namespace.run("nft", "flush", "ruleset");
      dropForwarded(a!.namespace);
      assert.equal(near.namespace.pings(world.address4, 1), false);
      await until(async () => (await a!.admin.host()).restored === 1);
      assert.ok(near.namespace.pings(world.address4), "out again");

      await a!.stop();
      assert.ok(near.namespace.pings(world.address4), "without the node");
      await a!.launch();
      assert.deepEqual((await a!.admin.host()).addresses, exposed.addresses);
      assert.ok(far.namespace.pings(own4!));
      assert.ok(near.namespace.pings(world.address4), "after a restart");
    }),
  { skip, limit },
);

test(
  "services lead from the outside to containers of any host, and from containers out, until they are bound elsewhere",
  () =>
    inLab(async (lab) => {
      const world = outside(lab);
      const [a, b] = await lab.network("a", "b");
      const { addresses: [own] } = await a!.admin.expose();
      const [near, far] = await Promise.all([a!.container(), b!.container()]);
      const listen = a!.cable.address4;
      for (const [port, { address4 }] of [[8080, near], [8081, far]] as const) {
        await a!.admin.putService({ listen: `${listen}:${port}`, target: `${address4}:${servicePort}` });
        assert.ok(reaches(world, listen, port), `${port}`);
      }
      const database = await a!.bare();
      const { address4 } = lab.underlay.connect(database.namespace);
      const gateway = own!.split("/")[0]!;
      const inside = `${gateway}:5432`;
      await a!.admin.putService({ kind: "import", listen: inside, target: `${address4}:${servicePort}` });
      assert.ok(reaches(far.namespace, gateway, 5432), "from another host's container");
      assert.ok(reaches(near.namespace, gateway, 5432), "from one of this host");

      const elsewhere = { listen: inside, target: `${address4}:9` };
      await assert.rejects(a!.admin.putService({ kind: "import", ...elsewhere }), { code: "ADDRESS_TAKEN" });
      await a!.admin.putService({ ...elsewhere, rebind: true });
      assert.equal(reaches(far.namespace, gateway, 5432), false);
      await a!.admin.removeService("tcp", `${listen}:8080`);
      assert.equal(reaches(world, listen, 8080), false);
      assert.ok(reaches(world, listen, 8081));
      assert.equal(reaches(near.namespace, gateway, 6783), false, "the node's own port");
    }),
  { skip, limit },
);

test(
  "hide, and reset of a node that was killed, leave the host as it was found",
  () =>
    inLab(async (lab) => {
      const host = lab.host("a");
      dropForwarded(host.namespace);
      const before = host.namespace.objects();
      await host.launch();
      await host.admin.expose({ addresses: ["net:10.32.2.0/24", "net:default"], masquerade: false });
      const hidden = await host.admin.hide();
      assert.equal(hidden.length, 3);
      assert.deepEqual(await host.admin.hide(), []);
      assert.ok(!host.namespace.interfaces().includes("selvage0"));
      await host.admin.expose({});
      await host.kill();
      assert.match(host.namespace.run("nft", "list", "ruleset"), /table inet selvage/);
      const { code, words } = host.cli("reset", "--force");
      assert.equal(code, 0, words);
      assert.deepEqual(host.namespace.objects(), before);
    }),
  { skip, limit },
);
