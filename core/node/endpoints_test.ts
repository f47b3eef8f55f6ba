import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { EndpointRig } from "../../tests/sim/endpoint_rig.ts";
import { memoryPort, PacketTap } from "../../plugins/memory_port/mod.ts";
import { type ErrorCode, MeshError } from "../contracts/errors.ts";
import type { AttachRequest } from "../contracts/node.ts";

const { signal } = new AbortController();

const whole = [
  "lease 10.32.0.10",
  "lease fd00::b",
  "attach netns:web 10.32.0.10,fd00::b",
  "commit node/endpoint",
  "gate",
  "open netns:web",
];

test("a namespace has its leases, interface, record and policy before a packet may pass", async () => {
  const rig = new EndpointRig("web");
  const attached = await rig.attach("web", { name: "web-1", labels: { app: "web" } });
  assert.deepEqual(rig.history, whole);
  assert.deepEqual(attached, {
    owner: "netns:web",
    where: { netns: "web" },
    name: "web-1",
    namespace: "default",
    labels: { app: "web" },
    addresses: ["10.32.0.10/12", "fd00::b/48"],
    mac: "0a:5e:0a:20:00:0a",
    device: "mesh0",
    mtu: 1400,
  });
  assert.deepEqual(rig.endpoints.list(), [attached]);
});

test("whatever fails, each step before it is undone in reverse and nothing is left", async () => {
  const undone: Readonly<Record<string, readonly string[]>> = {
    [whole[2]!]: ["release fd00::b", "release 10.32.0.10"],
    [whole[4]!]: [
      "forget policy",
      "commit node/endpoint",
      "detach netns:web",
      "release fd00::b",
      "release 10.32.0.10",
    ],
    [whole[5]!]: [
      "forget policy",
      "commit node/endpoint",
      "detach netns:web",
      "release fd00::b",
      "release 10.32.0.10",
    ],
  };
  for (const [fails, steps] of Object.entries(undone)) {
    const rig = new EndpointRig("web");
    const fail = (step: string) => {
      if (step === fails) throw new MeshError("PLUGIN_FAILED", `${step} failed`);
    };
    rig.host.before = fail;
    rig.gate = () => fail("gate");
    await assert.rejects(rig.attach("web"), { code: "PLUGIN_FAILED" }, fails);
    const before = whole.slice(0, whole.indexOf(fails) + (fails === "gate" ? 1 : 0));
    assert.deepEqual(rig.history, [...before, ...steps], fails);
    rig.expectNothing();
  }
});

test("a record that cannot be written leaves neither interface nor addresses", async () => {
  const rig = new EndpointRig("web");
  rig.store.isFull = true;
  await assert.rejects(rig.attach("web"), { code: "DISK_FULL" });
  rig.expectNothing();
});

test("an attachment that is called off, or whose node stops, leaves nothing, however far it was", async () => {
  for (const step of [whole[2]!, "gate", whole[5]!]) {
    for (const isStop of [false, true]) {
      const rig = new EndpointRig("web");
      const caller = new AbortController();
      const abort = (each: string) => {
        if (each === step) (isStop ? rig.stopping : caller).abort(new MeshError("NOT_RUNNING", "stop"));
      };
      rig.host.before = abort;
      rig.gate = () => {
        abort("gate");
      };
      const attaching = rig.endpoints.attach({ where: { netns: "web" } }, caller.signal);
      if (step === whole[5]) {
        assert.equal((await attaching).owner, "netns:web", "it was open before anybody knew");
        continue;
      }
      await assert.rejects(attaching, { code: "NOT_RUNNING" });
      rig.expectNothing();
    }
  }
});

test("what takes more than 30 s is given up", async () => {
  const rig = new EndpointRig("web");
  const { promise, resolve } = Promise.withResolvers<void>();
  rig.gate = () => promise;
  const attaching = rig.attach("web");
  await rig.clock.advance(29_999);
  assert.equal(rig.host.interfaces.size, 1);
  await rig.clock.advance(1);
  resolve();
  await assert.rejects(attaching, { code: "TIMEOUT" });
  rig.expectNothing();
  assert.equal(rig.clock.pending, 0);
});

test("the same once more has the same answer, at once or while the first is under way; another wish is refused", async () => {
  const rig = new EndpointRig("web");
  const [first, second] = await Promise.all([rig.attach("web"), rig.attach("web")]);
  assert.deepEqual(second, first);
  assert.deepEqual(await rig.attach("web", { addresses: ["net:default"] }), first, "said in other words");
  assert.deepEqual(rig.history, whole);
  assert.deepEqual(await rig.attach("web", { addresses: ["10.32.0.10"] }), first, "it has that one");
  for (const other of [{ name: "x" }, { mtu: 1300 }, { labels: { a: "b" } }]) {
    await assert.rejects(rig.attach("web", other), { code: "INVALID_ARGUMENT", message: /detach it first/ });
  }
  assert.deepEqual(rig.history, whole);
});

test("two namespaces do not wait for each other", async () => {
  const rig = new EndpointRig("a", "b");
  const { promise, resolve } = Promise.withResolvers<void>();
  rig.gate = () => rig.history.includes("open netns:b") ? undefined : promise;
  const first = rig.attach("a");
  rig.gate = () => {};
  const second = await rig.attach("b");
  assert.equal(second.owner, "netns:b");
  resolve();
  await first;
});

test("addresses are what was asked for: one of a range, of a subnet, or a given one with its own length", async () => {
  const asked: readonly (readonly [readonly string[], readonly string[]])[] = [
    [["10.32.1.5"], ["10.32.1.5/12"]],
    [["ip:10.32.1.5/24"], ["10.32.1.5/24"]],
    [["net:10.32.2.0/24"], ["10.32.2.10/24"]],
    [["net:default", "ip:fd00::7/64"], ["10.32.0.10/12", "fd00::b/48", "fd00::7/64"]],
    [["10.32.1.5", "ip:10.32.1.5/24"], ["10.32.1.5/12"]],
  ];
  for (const [addresses, given] of asked) {
    assert.deepEqual((await new EndpointRig("web").attach("web", { addresses })).addresses, given);
  }
});

test("what cannot be meant is refused before anything is touched", async () => {
  const rig = new EndpointRig("web");
  const long = "a".repeat(64);
  const bad: readonly Omit<AttachRequest, "where">[] = [
    ...[
      "",
      "10.99.0.0/8",
      "10.32.1.5/8",
      "10.32.1.5/33",
      "192.0.2.1",
      "net:10.32.0.1/24",
      "net:0.0.0.0/0",
      "x:1",
    ]
      .map((address) => ({ addresses: [address] })),
    { addresses: Array.from({ length: 17 }, () => "net:default") },
    { name: long },
    { namespace: "" },
    { labels: { "": "x" } },
    { labels: { a: long } },
    { mtu: 1279 },
    { mtu: 1401 },
    { mtu: 1300.5 },
    ...["01:00:00:00:00:01", "00:00:00:00:00:00", "02:00:00:00:00", "0a:5e:0a:20:00:01", "x"]
      .map((mac) => ({ mac })),
  ];
  for (const request of bad) {
    await assert.rejects(rig.attach("web", request), { code: "INVALID_ARGUMENT" }, JSON.stringify(request));
  }
  await assert.rejects(rig.attach("nobody"), { code: "NOT_FOUND" });
  assert.deepEqual(rig.history, []);
});

test("a MAC that another interface here has is refused", async () => {
  const rig = new EndpointRig("a", "b");
  assert.equal((await rig.attach("a", { mac: "02:00:00:00:00:01" })).mac, "02:00:00:00:00:01");
  await assert.rejects(rig.attach("b", { mac: "02:00:00:00:00:01" }), { code: "ADDRESS_TAKEN" });
});

test("detach takes the interface first and gives the addresses back last, by owner or by place", async () => {
  for (const which of ["netns:web", { netns: "web" }]) {
    const rig = new EndpointRig("web");
    await rig.attach("web");
    rig.history.length = 0;
    await rig.endpoints.detach(which, signal);
    assert.deepEqual(rig.history, [
      "detach netns:web",
      "forget policy",
      "commit node/endpoint",
      "release 10.32.0.10,fd00::b",
    ]);
    rig.expectNothing();
    await assert.rejects(rig.endpoints.detach("netns:web", signal), { code: "NOT_FOUND" });
    assert.equal((await rig.attach("web")).owner, "netns:web");
  }
});

test("a namespace that is gone is detached by what it was called", async () => {
  const rig = new EndpointRig("web");
  await rig.attach("web");
  rig.host.namespaces.delete("web");
  await assert.rejects(rig.endpoints.detach({ netns: "db" }, signal), { code: "NOT_FOUND" });
  await rig.endpoints.detach({ netns: "web" }, signal);
  rig.expectNothing();
});

test("a rootless node attaches nothing, says how to, and keeps what host mode has remembered", async () => {
  const rig = new EndpointRig("web");
  await rig.attach("web");
  const rootless = rig.on([memoryPort({ tap: new PacketTap() }).create(undefined as never)]);
  await rootless.restore();
  assert.equal(rig.store.content.size, 1);
  const code: ErrorCode = "UNSUPPORTED";
  const message = "This node runs rootless; start it with --host-mode";
  await assert.rejects(rootless.attach({ where: { netns: "web" } }, signal), { code, message });
  await assert.rejects(rootless.detach("netns:web", signal), { code, message });
});
