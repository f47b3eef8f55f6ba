/** The host's interface while it is exposed: changed in place, taken away by others, a gateway for containers. */
import assert from "node:assert/strict";
import { ExposureRig as Rig, type HostLinks } from "../../tests/sim/exposure_rig.ts";
import { test } from "../../tests/harness.ts";
import { memoryPort, PacketTap } from "../../plugins/memory_port/mod.ts";

const { signal } = new AbortController();

test("addresses come and go while the interface is up, each known to the policy as long as it may pass", async () => {
  const rig = new Rig();
  await rig.exposures.expose({}, signal);
  rig.history.length = 0;
  await rig.exposures.expose({ addresses: ["10.32.9.9"] }, signal);
  await rig.exposures.hide(["10.32.0.10"], signal);
  assert.deepEqual(rig.history.filter((step) => /attach|detach|change|gate/.test(step)), [
    "gate",
    "change netns:host 10.32.0.10,fd00::b,10.32.9.9",
    "change netns:host fd00::b,10.32.9.9",
    "gate",
  ]);
  assert.ok(rig.host.interfaces.get("netns:host")?.isOpen);
});

test("an interface that somebody takes away is made anew, open, and counted", async () => {
  const rig = new Rig();
  const before = await rig.exposures.expose({}, signal);
  rig.history.length = 0;
  await rig.lose();
  await rig.exposures.settled();
  assert.deepEqual(rig.history.filter((step) => /attach|gate|open|rules/.test(step)), [
    "attach netns:host 10.32.0.10,fd00::b",
    "gate",
    "open netns:host",
    "rules mesh0 0",
  ]);
  assert.deepEqual(rig.exposures.status(), { ...before, restored: 1 });
  assert.ok(rig.log.messages.some((message) => message.includes("taken away by somebody else")));
  await rig.exposures.hide([], signal);
  await rig.lose();
  assert.equal(rig.exposures.status()?.restored, 1, "nothing to make anew");
});

test("an interface that cannot be made anew is an alert, and tried again every ten seconds", async () => {
  const rig = new Rig();
  await rig.exposures.expose({}, signal);
  let failures = 2;
  rig.host.before = (step) => {
    if (step.startsWith("attach") && failures-- > 0) throw new Error("its name is taken");
  };
  await rig.lose();
  assert.match(rig.alerts.get("host-not-exposed") ?? "", /cannot be made anew: its name is taken$/);
  assert.equal(rig.exposures.status()?.device, null);
  for (const isBack of [false, true]) {
    await rig.clock.advance(10_000);
    await rig.exposures.settled();
    await rig.exposures.settled();
    assert.equal(rig.alerts.has("host-not-exposed"), !isBack);
    assert.equal(rig.exposures.gateways().length, isBack ? 2 : 0);
  }
});

test("an interface that is lost when the node stops is left to the next start", async () => {
  const rig = new Rig();
  await rig.exposures.expose({}, signal);
  rig.stopping.abort();
  await rig.lose();
  assert.deepEqual([...rig.alerts], []);
  assert.equal(rig.exposures.status()?.device, null);
});

test("endpoints that were there before get a default route, and keep none through what is hidden", async () => {
  const rig = new Rig("web", "lost", "calm", "alone");
  const links = rig.port.link as HostLinks;
  const inside = memoryPort({ tap: new PacketTap() }).create(undefined as never);
  rig.endpoints = rig.on([inside, links], () => rig.exposures.gateways());
  rig.exposures.onMove(() => rig.endpoints.reroute());
  await rig.attach("web");
  await rig.attach("lost");
  await rig.attach("calm", { defaultRoute: false });
  await rig.attach("alone", { addresses: ["net:10.33.9.0/24"] });
  const { addresses } = await rig.exposures.expose({}, signal);
  const own = addresses.map((text) => text.split("/")[0]);
  assert.deepEqual(links.routes.splice(0).sort(), ["netns:alone", `netns:web ${own.join(" ")}`]);
  assert.ok(
    rig.log.messages.includes("The default route of an endpoint cannot be set"),
  );
  await rig.exposures.hide([own[0]!], signal);
  assert.deepEqual(links.routes.splice(0).sort(), ["netns:alone", `netns:web ${own[1]}`]);
  await rig.exposures.hide([], signal);
  assert.deepEqual(links.routes.sort(), ["netns:alone", "netns:web"]);
});
