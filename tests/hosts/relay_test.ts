/** Two hosts that do not reach each other, and a third one that reaches both: with the real program. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Lab, until } from "../../examples/lab/lab.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { Capture } from "../../examples/lab/underlay.ts";
import type { Container } from "../../examples/lab/container.ts";
import { test } from "../harness.ts";
import { inLab, limit, skip, skipCapture } from "./lab_fixture.ts";

interface Scene {
  readonly hub: LabHost;
  readonly a: LabHost;
  readonly b: LabHost;
}

/** Ports of a bridge that are isolated send to others alone: what the two say to each other goes nowhere, in silence. */
function part(lab: Lab, { a, b }: Scene, isApart: boolean): void {
  for (const { cable } of [a, b]) {
    lab.underlay.namespace.run(
      "bridge",
      "link",
      "set",
      "dev",
      cable.port,
      "isolated",
      isApart ? "on" : "off",
    );
  }
}

/** The hub founds, and the two others join it; that it leads from one to the other they find out by themselves. */
async function apart(lab: Lab): Promise<Scene> {
  const scene = { hub: lab.host("hub"), a: lab.host("a"), b: lab.host("b") };
  part(lab, scene, true);
  await scene.hub.launch();
  for (const host of [scene.a, scene.b]) await host.join((await scene.hub.admin.createToken()).token);
  await lab.meshed();
  return scene;
}

async function connectionOf(host: LabHost, to: LabHost) {
  return (await host.admin.connections()).find(({ name }) => name === to.name);
}

async function crossAll(from: Container, to: Container): Promise<void> {
  for (const address of [to.address4, to.address6]) {
    await until(() => from.namespace.pings(address));
    assert.equal((await from.transfer(address, 2, 2_000_000)).intact, 2, `TCP to ${address}`);
    assert.equal(await from.echo(address, 5, 1_200), 5, `UDP to ${address}`);
    // On a machine that is busy all five may lose one of their twenty fragments.
    await until(async () => await from.echo(address, 5, 30_000) > 0);
  }
}

test(
  "hosts without a way to each other talk through a third one, on all threads, and directly as soon as there is a way",
  () =>
    inLab(async (lab) => {
      const scene = await apart(lab);
      const { hub, a, b } = scene;
      for (const [host, other] of [[a, b], [b, a]] as const) {
        const connection = await connectionOf(host, other);
        assert.deepEqual([connection?.relay, connection?.encrypted], [hub.name, true]);
      }
      assert.ok(a.cli("status", "connections").out.includes(`path=relay ${hub.name}`));
      const [from, to] = await Promise.all([a.container(), b.container()]);
      await crossAll(from, to);
      const seen = (await connectionOf(hub, a))!;
      assert.ok(
        seen.relayed!.packets > 1_000 && seen.relayed!.bytes > 4_000_000,
        JSON.stringify(seen.relayed),
      );
      const { datapath } = await hub.admin.status();
      if (datapath.counters !== null) {
        // The hub's own threads have passed it on: the main thread has seen handshakes and the like.
        assert.ok(datapath.counters.left < seen.relayed!.packets / 2, `${datapath.counters.left}`);
      }

      const transfer = from.transfer(to.address4, 2, 20_000_000);
      part(lab, scene, false);
      assert.equal((await transfer).intact, 2);
      for (const [host, other] of [[a, b], [b, a]] as const) {
        await until(async () => (await connectionOf(host, other))?.relay === null);
      }
      await crossAll(from, to);

      part(lab, scene, true);
      for (const [host, other] of [[a, b], [b, a]] as const) {
        await until(async () => (await connectionOf(host, other))?.relay === hub.name);
      }
      await crossAll(from, to);
    }),
  { skip, limit },
);

test(
  "on neither cable of a relay can be read what others say through it, and its own program cannot read it either",
  () =>
    inLab(async (lab) => {
      const { hub, a, b } = await apart(lab);
      const [from, to] = await Promise.all([a.container(), b.container()]);
      await until(() => from.namespace.pings(to.address4));
      const words = randomBytes(16);
      const file = join(lab.directory, "relayed.pcap");
      const capture = await Capture.start(lab.underlay.namespace, hub.cable.port, file);
      from.namespace.run("ping", "-c", "5", "-i", "0.2", "-p", words.toString("hex"), to.address4);
      const seen = Buffer.from(await capture.end());
      assert.ok(seen.length > 2_000, `${seen.length}`);
      assert.ok(!seen.includes(words));
    }),
  { skip: skipCapture, limit, once: "what is on the cable is the same on both" },
);
