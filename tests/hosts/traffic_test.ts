/** Containers of two hosts and a rootless node of a third one, with the real program and the kernel's own stack. */
import assert from "node:assert/strict";
import type { Container } from "../../examples/lab/container.ts";
import { until } from "../../examples/lab/lab.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { test } from "../harness.ts";
import { countQuestions, questionsAt } from "./bridge_questions.ts";
import { inLab, limit, skip } from "./lab_fixture.ts";

/** Two hosts with two containers each. */
async function containersOf(hosts: readonly LabHost[]): Promise<Container[]> {
  const made = hosts.flatMap((host) => [host.container(), host.container()]);
  return await Promise.all(made);
}

function bothOf({ address4, address6 }: Container): string[] {
  return [address4, address6];
}

test(
  "on one host and across hosts, ping, TCP and UDP work over both families and bytes arrive as they were sent",
  () =>
    inLab(async (lab) => {
      const [a, b] = await lab.network("a", "b");
      const [first, near, far] = await containersOf([a!, b!]);
      for (const address of [near!, far!].flatMap(bothOf)) {
        assert.ok(first!.namespace.pings(address), `ping ${address}`);
        const { intact } = await first!.transfer(address, 2, 1_000_000);
        assert.equal(intact, 2, `TCP to ${address}`);
        assert.equal(await first!.echo(address, 20, 1200), 20, `UDP to ${address}`);
        // Larger than the interface takes: the kernel of the sender cuts, and that of the receiver joins.
        assert.equal(await first!.echo(address, 5, 6000), 5, `UDP in fragments to ${address}`);
      }
      const many = await first!.transfer(far!.address4, 50, 40_000);
      assert.equal(many.intact, 50);
      assert.ok(many.longestStallMillis < 5000, `${many.longestStallMillis} ms without a byte`);
    }),
  { skip, limit },
);

test("a rootless node and a container reach each other", () =>
  inLab(async (lab) => {
    const [host, rootless] = [lab.host("a"), lab.host("c")];
    await host.launch();
    const { token } = await host.admin.createToken();
    await rootless.join(token, { rootless: true });
    await lab.meshed();
    const container = await host.container();
    for (const address of bothOf(container)) {
      assert.ok((await rootless.admin.ping(address)).rttMillis > 0, address);
    }
    const { addresses } = await rootless.admin.status();
    assert.equal(addresses.length, 2);
    for (const address of addresses) assert.ok(container.namespace.pings(address), address);
    await assert.rejects(rootless.admin.attach({ where: { netns: container.name } }), {
      code: "UNSUPPORTED",
    });
  }), { skip, limit });

test(
  "what one container says to a group all others hear, a broadcast is answered by all once, and no ARP request crosses",
  () =>
    inLab(async (lab) => {
      const [a, b] = await lab.network("a", "b");
      const [first, ...others] = await containersOf([a!, b!]);
      countQuestions(b!);
      for (const [group, port] of [["239.1.2.3", 9004], ["ff15::4711", 9006]] as const) {
        const place = { group, port, device: "mesh0" };
        await Promise.all(others.map((other) => other.order("hear", place)));
        await first!.order("say", { ...place, text: `hello ${group}` });
        const heard = `hello ${group} from ${port === 9004 ? first!.address4 : first!.address6}`;
        for (const other of others) {
          await until(async () => (await other.order("heard", {})).texts.includes(heard));
        }
      }
      for (const { namespace } of others) namespace.set("ipv4/icmp_echo_ignore_broadcasts", "0");
      // Who answers the first request after the first answer is listed as a duplicate, until the second one is answered.
      const words = ["-b", "-n", "-c", "2", "-i", "0.5", "-W", "1", "10.47.255.255"];
      const answers = first!.namespace.run("ping", ...words).split("\n").filter((line) =>
        /icmp_seq=1 /.test(line)
      );
      for (const { address4 } of others) {
        assert.equal(
          answers.filter((line) => line.includes(`from ${address4}:`)).length,
          1,
          answers.join("\n"),
        );
      }

      for (const address of others.flatMap(bothOf)) assert.ok(first!.namespace.pings(address), address);
      const { frames, ...questions } = questionsAt(b!);
      assert.ok(frames! > 0);
      assert.deepEqual(questions, { requests: 0, solicitations: 0 });
      assert.equal((await b!.admin.drops()).unsupported, 0);
    }),
  { skip, limit },
);

test(
  "an address passes duplicate detection, and a name, a MAC and fixed addresses are as asked for",
  () =>
    inLab(async (lab) => {
      const [a, b] = await lab.network("a", "b");
      const other = await b!.container();
      const wish = { name: "web", addresses: ["ip:10.32.0.77/12", "net:default"], mac: "02:00:00:00:00:4d" };
      const container = await a!.container(wish);
      assert.ok(container.attached!.addresses.includes("10.32.0.77/12"), `${container.attached!.addresses}`);
      assert.equal(container.attached!.mac, wish.mac);
      assert.ok(other.namespace.pings("10.32.0.77"));

      const own = `${container.address6}/48`;
      container.namespace.ip(`addr del ${own} dev mesh0`, `addr add ${own} dev mesh0`);
      const shown = () =>
        container.namespace.run("ip", "-6", "-o", "addr", "show", "dev", "mesh0", "scope", "global");
      await until(() => !shown().includes("tentative") || shown().includes("dadfailed"));
      assert.doesNotMatch(shown(), /dadfailed/);
      assert.ok(other.namespace.pings(container.address6));

      const listed = a!.cli("ps");
      assert.equal(listed.code, 0, listed.words);
      assert.match(listed.out, /02:00:00:00:00:4d +10\.32\.0\.77\/12 fd[0-9a-f:]+\/48 +web$/m);
    }),
  { skip, limit },
);
