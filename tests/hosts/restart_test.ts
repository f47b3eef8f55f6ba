/** What outlives a node that stops, restarts or is killed, and what is left when it is told to go. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "../harness.ts";
import { inLab, limit, skip } from "./lab_fixture.ts";

/** Goal 1 s; the rest is for machines that start a program slowly, which this one may be. */
const longestReturnMillis = 5000;

test(
  "local traffic outlives a stop, and a start brings the remote one back to untouched interfaces",
  () =>
    inLab(async (lab) => {
      const [a, b] = await lab.network("a", "b");
      const [far, one, two] = await Promise.all([a!.container(), b!.container(), b!.container()]);
      const before = [one, two].map((container) => container!.namespace.objects());
      const endpoints = await b!.admin.endpoints();
      await far!.order("watch", { to: one!.address4, port: 7000 });

      await b!.stop();
      assert.ok(one!.namespace.pings(two!.address4));
      assert.ok(one!.namespace.pings(two!.address6));
      await b!.launch();
      assert.ok(far!.namespace.pings(one!.address4));
      const { from, to } = await far!.order("watched", {});
      assert.ok(from < b!.started && to > b!.started, "it was silent in between");
      assert.ok(to - b!.started < longestReturnMillis, `${to - b!.started} ms after the start`);

      assert.deepEqual([one, two].map((container) => container!.namespace.objects()), before);
      assert.deepEqual(await b!.admin.endpoints(), endpoints);
      assert.equal((await one!.transfer(far!.address6, 4, 100_000)).intact, 4);
    }),
  { skip, limit },
);

test(
  "who is detached leaves no object, its address rests, and who stays does not notice",
  () =>
    inLab(async (lab) => {
      const [a] = await lab.network("a");
      const stays = await a!.container();
      const [bare, meshBefore] = [await a!.bare(), a!.mesh.objects()];
      const before = bare.namespace.objects();
      await a!.attach(bare);
      const { address4 } = bare;
      assert.ok(bare.namespace.pings(stays.address4));
      const detached = a!.cli("detach", bare.name);
      assert.equal(detached.code, 0, detached.words);
      assert.deepEqual(bare.namespace.objects(), before);
      assert.deepEqual(a!.mesh.objects(), meshBefore);
      assert.deepEqual((await a!.admin.endpoints()).map(({ owner }) => owner), [
        "node",
        stays.attached!.owner,
      ]);

      // Others may have it in their neighbour tables for a while.
      await assert.rejects(a!.attach(bare, { addresses: [`ip:${address4}`] }), { code: "ADDRESS_TAKEN" });
      await a!.attach(bare);
      assert.notEqual(bare.address4, address4);
      assert.ok(stays.namespace.pings(bare.address4));
    }),
  { skip, limit },
);

test("after a kill a start goes on where it was, and a reset leaves no object", () =>
  inLab(async (lab) => {
    const host = lab.host("a");
    const [bare, hostBefore] = [await host.bare(), host.namespace.objects()];
    const before = bare.namespace.objects();
    await host.launch();
    const other = await host.container();
    await host.attach(bare);
    const { addresses } = bare.attached!;
    await host.kill();
    assert.ok(bare.namespace.pings(other.address4));

    await host.launch();
    await host.attach(bare);
    assert.deepEqual(bare.attached!.addresses, addresses);
    await host.kill();
    const reset = host.cli("reset", "--force");
    assert.equal(reset.code, 0, reset.words);
    assert.deepEqual(bare.namespace.objects(), before);
    assert.deepEqual(host.namespace.objects(), hostBefore);
    assert.deepEqual([host.mesh.exists, existsSync(host.stateDir)], [false, false]);
  }), { skip, limit });

test(
  "a container that ends while its node is away is forgotten by the next start",
  () =>
    inLab(async (lab) => {
      const [a] = await lab.network("a");
      const [stays, goes] = await Promise.all([a!.container(), a!.container()]);
      await a!.stop();
      await goes.end();
      goes.namespace.remove();
      await a!.launch();
      assert.deepEqual((await a!.admin.endpoints()).map(({ owner }) => owner), [
        "node",
        stays.attached!.owner,
      ]);
      assert.ok((await a!.admin.ping("a")).rttMillis >= 0);
      assert.ok(stays.namespace.pings((await a!.admin.status()).addresses[0]!.split("/")[0]!));
    }),
  { skip, limit },
);
