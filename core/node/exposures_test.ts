import assert from "node:assert/strict";
import { ExposureRig as Rig } from "../../tests/sim/exposure_rig.ts";
import { test } from "../../tests/harness.ts";
import { memoryPort, PacketTap } from "../../plugins/memory_port/mod.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";

const { signal } = new AbortController();

const steps = [
  "lease 10.32.0.10",
  "lease fd00::b",
  "attach netns:host 10.32.0.10,fd00::b",
  "gate",
  "rules mesh0 0",
  "commit node/host",
  "open netns:host",
];

test("a host is exposed step by step, and lets nothing through before the last one", async () => {
  const rig = new Rig();
  const status = await rig.exposures.expose({ name: "gateway" }, signal);
  assert.deepEqual(rig.history, steps);
  assert.deepEqual(status.addresses, ["10.32.0.10/12", "fd00::b/48"]);
  assert.deepEqual([status.name, status.device, status.masquerade], ["gateway", "mesh0", true]);
  assert.deepEqual(rig.exposures.gateways().map(formatAddress), ["10.32.0.10", "fd00::b"]);
  const { link } = rig.host.interfaces.get("netns:host")!.request;
  assert.deepEqual([link?.multicastRoute, link?.forwards?.length], [false, 2]);
});

test("the same again touches no interface, and more addresses come to those that there are", async () => {
  const rig = new Rig();
  const first = await rig.exposures.expose({}, signal);
  rig.history.length = 0;
  assert.deepEqual(await rig.exposures.expose({}, signal), first);
  assert.deepEqual(rig.history.filter((step) => /lease|attach/.test(step)), []);
  const { addresses } = await rig.exposures.expose({ addresses: ["ip:10.32.9.9/24"] }, signal);
  assert.deepEqual(addresses, ["10.32.0.10/12", "fd00::b/48", "10.32.9.9/24"]);
});

test("a step that fails leaves what was before, first of all nothing", async () => {
  for (const failing of ["attach", "rules mesh0", "open"]) {
    const rig = new Rig();
    let isArmed = true;
    rig.host.before = (step) => {
      if (isArmed && step.startsWith(failing)) throw new Error(`no ${step}`);
    };
    await assert.rejects(rig.exposures.expose({}, signal), { message: new RegExp(`^no ${failing}`) });
    isArmed = false;
    assert.deepEqual(rig.state, { addresses: [], services: [], held: [] }, failing);
    assert.deepEqual([[...rig.store.content], [...rig.host.interfaces]], [[], []], failing);
    assert.deepEqual(rig.exposures.gateways(), []);
    assert.equal(rig.rules.plans.at(-1)?.device, undefined, "no rules for an interface that is gone");
  }
});

test("a further address that fails leaves the host with those that it had, open", async () => {
  const rig = new Rig();
  await rig.exposures.expose({}, signal);
  const before = rig.state;
  let failures = 1;
  rig.host.before = (step) => {
    if (step.startsWith("rules") && failures-- > 0) throw new Error("no rules");
  };
  await assert.rejects(rig.exposures.expose({ addresses: ["10.32.9.9"] }, signal), { message: "no rules" });
  assert.deepEqual(rig.state, before);
  const made = rig.host.interfaces.get("netns:host")!;
  assert.deepEqual([made.request.leases.length, made.isOpen], [2, true]);
});

test("addresses are hidden one by one or all, and given back", async () => {
  const rig = new Rig();
  await rig.exposures.expose({ addresses: ["net:default", "net:10.32.2.0/24"] }, signal);
  assert.deepEqual(await rig.exposures.hide(["ip:fd00::b"], signal), ["fd00::b/48"]);
  assert.deepEqual(await rig.exposures.hide(["10.32.77.7"], signal), [], "not what it has");
  assert.deepEqual(await rig.exposures.hide([], signal), ["10.32.0.10/12", "10.32.2.12/24"]);
  assert.deepEqual(await rig.exposures.hide([], signal), []);
  assert.deepEqual(rig.state, { addresses: [], services: [], held: [] });
  assert.equal(rig.rules.plans.at(-1)?.device, undefined);
  assert.deepEqual([...rig.store.content], []);
});

test("the next start adopts the interface, sets the rules, and tells the rules what it was told", async () => {
  const rig = new Rig();
  await rig.exposures.expose({ randomFully: true, name: "gateway" }, signal);
  await rig.exposures.putService({ listen: "0.0.0.0:8080", target: "10.32.0.5:80" }, signal);
  const before = rig.exposures.status();
  await rig.restart();
  assert.deepEqual(rig.history.filter((step) => /attach|adopt|rules/.test(step)), [
    "adopt netns:host 10.32.0.10,fd00::b",
    "rules mesh0 1",
  ]);
  assert.deepEqual(rig.exposures.status(), before);
  assert.deepEqual(rig.rules.plans.at(-1)?.masquerade, { randomFully: true, unmasked: [] });
});

test("a node that was never exposed closes its ports and nothing else", async () => {
  const rig = new Rig();
  await rig.restart();
  assert.deepEqual(rig.history, ["rules - 0"]);
  assert.deepEqual(rig.rules.plans[0]?.closed, [{ protocol: "udp", port: 6783 }]);
});

test("an address that somebody else has by the next start is an alert, and the record stays for a later one", async () => {
  const rig = new Rig();
  await rig.exposures.expose({ addresses: ["10.32.9.9"] }, signal);
  await rig.ipam.release("host");
  await rig.ipam.claim("netns:rival", rig.host.interfaces.get("netns:host")!.request.leases[0]!.address);
  await rig.restart();
  assert.match(
    rig.alerts.get("host-not-exposed") ?? "",
    /^The host cannot be exposed again: 10\.32\.9\.9 is taken/,
  );
  assert.deepEqual(rig.exposures.gateways(), []);
  assert.equal(rig.rules.plans.at(-1)?.device, undefined);
  await rig.ipam.release("netns:rival");
  rig.alerts.clear();
  await rig.restart();
  assert.deepEqual(rig.exposures.gateways().map(formatAddress), ["10.32.9.9"]);
  assert.deepEqual([...rig.alerts], []);
});

test("a damaged record is an alert, and one of a newer version ends the start", async () => {
  const rig = new Rig();
  rig.store.content.set("node/host", Uint8Array.of(0xff));
  await rig.restart();
  assert.match(rig.alerts.get("host-not-exposed") ?? "", /the record is damaged/);
  rig.store.content.set("node/host", Uint8Array.of(0xa1, 0x61, 0x76, 0x02));
  await assert.rejects(rig.restart(), { code: "UNSUPPORTED" });
});

test("a route of the host in the range refuses the first exposure, and says which", async () => {
  const rig = new Rig();
  rig.rules.found = ["10.40.0.0/16 dev eth0"];
  await assert.rejects(rig.exposures.expose({}, signal), {
    code: "INVALID_ARGUMENT",
    message: /10\.40\.0\.0\/16 dev eth0/,
  });
  assert.deepEqual(rig.ipam.held, []);
});

test("what the rules cannot put right is an alert until it is over", async () => {
  const rig = new Rig();
  await rig.restart();
  rig.rules.now = { changes: [], restored: 1, problems: ["A rule could not be set"] };
  rig.rules.changed();
  assert.equal(rig.alerts.get("host"), "A rule could not be set");
  rig.rules.now = { changes: [], restored: 1, problems: [] };
  rig.rules.changed();
  assert.deepEqual([...rig.alerts], []);
});

test("endpoints that are to see true sources are told to the rules as they come", async () => {
  const rig = new Rig();
  await rig.restart();
  await rig.exposures.expose({ noMasqLocal: true }, signal);
  assert.deepEqual(rig.rules.plans.at(-1)?.masquerade?.unmasked, [], "not the host itself");
  const place = { owner: "netns:web", path: "/run/netns/web" };
  const leases = [{ owner: "netns:web", address: parseAddress("10.32.0.77")!, bits: 12 }];
  await rig.port.attach({ owner: "netns:web", leases, mtu: 1400, place }, signal);
  rig.events.emit("endpoint:attached", { owner: "netns:web", addresses: [leases[0]!.address] });
  await rig.exposures.settled();
  assert.deepEqual(rig.rules.plans.at(-1)?.masquerade?.unmasked.map(formatAddress), ["10.32.0.77"]);
});

test("a service waits for the host to be exposed, and goes on waiting when it is hidden", async () => {
  const rig = new Rig();
  const put = () => rig.exposures.putService({ listen: "0.0.0.0:8080", target: "10.32.0.5:80" }, signal);
  assert.equal((await put()).state, "waiting");
  await rig.exposures.expose({}, signal);
  assert.equal(rig.rules.plans.at(-1)?.services.length, 1);
  assert.equal((await put()).state, "active");
  await rig.exposures.hide([], signal);
  assert.equal(rig.rules.plans.at(-1)?.services.length, 0);
  await rig.exposures.removeService("tcp", "0.0.0.0:8080", signal);
  await assert.rejects(rig.exposures.removeService("tcp", "0.0.0.0:8080", signal), { code: "NOT_FOUND" });
  assert.deepEqual([...rig.store.content], []);
});

test("a rootless node has no host to expose", async () => {
  const rig = new Rig();
  const rootless = rig.exposing(false);
  await rootless.restore();
  await rootless.enforce();
  assert.equal(rootless.status(), undefined);
  for (
    const refused of [
      rootless.expose({}, signal),
      rootless.hide([], signal),
      rootless.putService({ listen: "0.0.0.0:80", target: "10.32.0.5:80" }, signal),
    ]
  ) await assert.rejects(refused, { code: "UNSUPPORTED", message: /--host-mode/ });
});

test("the host is exposed or attached, and whichever came first is left alone", async () => {
  const rig = new Rig();
  const inside = memoryPort({ tap: new PacketTap() }).create(undefined as never);
  const endpoints = rig.on([inside, rig.port.link!]);
  await rig.exposures.expose({}, signal);
  const exposed = [...rig.port.attached()].find(({ owner }) => owner === "netns:host")!.leases;
  // A container with the host's network is found by its own words, and is the host all the same.
  const attaching = endpoints.attach({ where: { host: "" } }, signal);
  await assert.rejects(attaching, { code: "ADDRESS_TAKEN", message: /exposed/ });
  assert.deepEqual([...rig.port.attached()].find(({ owner }) => owner === "netns:host")?.leases, exposed);
  await rig.exposures.hide([], signal);
  const attached = await endpoints.attach({ where: { host: "" } }, signal);
  await assert.rejects(rig.exposures.expose({}, signal), {
    code: "ADDRESS_TAKEN",
    message: /detach it first/,
  });
  assert.deepEqual(endpoints.list().map(({ addresses }) => addresses), [attached.addresses]);
  assert.ok(rig.host.interfaces.get("netns:host")?.isOpen);
});

test("what is left of the host as an endpoint is forgotten without touching the host that is exposed since", async () => {
  const rig = new Rig();
  const inside = memoryPort({ tap: new PacketTap() }).create(undefined as never);
  const endpoints = rig.on([inside, rig.port.link!]);
  await endpoints.attach({ where: { host: "" } }, signal);
  rig.host.interfaces.delete("netns:host");
  await rig.port.link!.look();
  await endpoints.settled();
  const { addresses } = await rig.exposures.expose({}, signal);
  await rig.clock.advance(30_000);
  await endpoints.settled();
  assert.ok(rig.host.interfaces.get("netns:host")?.isOpen);
  assert.deepEqual(rig.state, {
    addresses,
    services: [],
    held: addresses.map((address) => address.split("/")[0]),
  });
});
