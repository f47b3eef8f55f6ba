/** Ways by which traffic would come round for ever: what containers and routes of a host can do to the network. */
import assert from "node:assert/strict";
import type { Container } from "../../examples/lab/container.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { groupRate } from "../../plugins/tap/ingress_rules.ts";
import { test } from "../harness.ts";
import { countQuestions, questionsAt } from "./bridge_questions.ts";
import { inLab, limit, skip } from "./lab_fixture.ts";

/** A storm that nothing holds back is several hundred thousand frames a second. */
const mostFrames = 40_000;
/** In a loop that nothing ends it is ten megabytes a second. */
const mostBytes = 20_000;

/** As a program in a container does that wants its own bridge: nothing filters, and nothing breaks loops. */
function bridgeInside({ namespace }: Container, ...devices: readonly string[]): void {
  namespace.ip(
    "link add br0 type bridge mcast_snooping 0 stp_state 0",
    ...devices.map((device) => `link set dev ${device} master br0 up`),
    "link set dev br0 up",
  );
}

function cable(one: Container, other: Container, name: string): void {
  one.namespace.ip(`link add ${name} type veth peer name ${name} netns ${other.namespace.name}`);
}

/** By what the ports of containers have refused, and why. */
function refusedAt({ mesh }: LabHost): Record<string, number> {
  const text = mesh.run("nft", "list", "counters");
  return Object.fromEntries(
    [...text.matchAll(/counter (\w+) \{\s+packets (\d+)/g)].map(([, name, packets]) => [
      name,
      Number(packets),
    ]),
  );
}

function sentTo({ namespace }: LabHost, device: string): number {
  const text = namespace.run("ip", "-j", "-s", "link", "show", "dev", device);
  const [link] = JSON.parse(text) as [{ stats64: { tx: { bytes: number } } }];
  return link.stats64.tx.bytes;
}

test(
  "containers that bridge their interfaces to each other, on one host and on two, drown neither host nor network",
  () =>
    inLab(async (lab) => {
      const [a, b] = await lab.network("a", "b");
      const [one, two, three] = await Promise.all([a!.container(), a!.container(), b!.container()]);
      const [near, far] = await Promise.all([a!.container(), b!.container()]);
      countQuestions(b!);
      const begun = Date.now();
      cable(one, two, "cable1");
      cable(one, three, "cable2");
      bridgeInside(two, "mesh0", "cable1");
      bridgeInside(three, "mesh0", "cable2");
      bridgeInside(one, "mesh0", "cable1", "cable2");
      // What a bridge says for itself has the right MAC, each time that it comes round by the other container.
      one.namespace.ip(
        `link set dev br0 address ${one.attached!.mac}`,
        `addr del ${one.address4}/12 dev mesh0`,
        `addr add ${one.address4}/12 dev br0`,
      );
      one.namespace.run("sh", "-c", "ping -b -n -q -c 3 -i 0.2 -W 1 10.47.255.255 || true");
      for (const address of [far.address4, far.address6]) assert.ok(near.namespace.pings(address), address);
      assert.ok(far.namespace.pings(near.address4));
      assert.equal((await near.transfer(far.address4, 2, 200_000)).intact, 2);

      const [here, there] = [refusedAt(a!), refusedAt(b!)];
      assert.ok(here["storm"]! > 0 && here["badSource"]! > 0, "it went round, and was held back");
      assert.ok(there["badSource"]! > 0, "what comes by another host is not under its own MAC");
      assert.ok(here["badSource"]! + there["badSource"]! < mostFrames, JSON.stringify([here, there]));
      const [carried, seconds] = [questionsAt(b!)["frames"]!, (Date.now() - begun) / 1000];
      assert.ok(carried < groupRate * (2 + seconds), `${carried} frames in ${seconds} s`);
    }),
  { skip, limit, once: "the loop is the kernel's on both" },
);

test(
  "a peer whose own address is routed into the network is out of reach, and drowns nobody, until the route is gone",
  () =>
    inLab(async (lab) => {
      const [a, b] = await lab.network("a", "b");
      const far = await b!.container();
      const { device } = await a!.admin.expose();
      assert.ok(a!.namespace.pings(far.address4));
      const before = sentTo(a!, device!);
      const route = `${b!.cable.address4}/32 via ${far.address4} dev ${device}`;
      a!.namespace.ip(`route add ${route}`);
      assert.equal(a!.namespace.pings(far.address4, 2), false);
      assert.ok((await a!.admin.drops()).underlay > 0);
      assert.ok(sentTo(a!, device!) - before < mostBytes, `${sentTo(a!, device!) - before} bytes`);
      a!.namespace.ip(`route del ${route}`);
      assert.ok(a!.namespace.pings(far.address4, 1), "back at once");
    }),
  { skip, limit, once: "the loop is the kernel's on both" },
);
