/** What goes wrong half-way, and what others change behind the node's back. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { Drop } from "../../core/contracts/drop.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { test } from "../harness.ts";
import { exists, interfacesIn, onBed, pings, run, runIn, skip, stateOf, until, withProgram } from "./bed.ts";

/** Programs that the scripts call, each failing in its place. */
const failing = "exit 1";

for (
  const [program, script] of [["nft", failing], [
    "ip",
    '[ "$1" != -batch ] || exit 1; exec $real "$@"',
  ]] as const
) {
  test(`a start that fails at ${program} leaves no namespace`, () =>
    onBed(async (bed) => {
      const { port } = bed.port();
      await withProgram(program, script, () =>
        assert.rejects(port.start(bed.signal), { code: "PLUGIN_FAILED" }));
      assert.equal(exists(bed.namespace), false);
      await port.start(bed.signal);
      assert.deepEqual(interfacesIn(bed.namespace), ["lo", "mesh", "tap0"]);
    }), { skip });
}

test("a start without the programs says which, and what installs them", () =>
  onBed(async (bed) => {
    const { port } = bed.port();
    const shell = 'case "$*" in *"command -v"*) echo nft; exit 0;; esac; exec $real "$@"';
    await withProgram("sh", shell, () =>
      assert.rejects(port.start(bed.signal), { code: "UNSUPPORTED", message: /without nft.*nftables/ }));
    assert.equal(exists(bed.namespace), false);
  }), { skip });

for (
  const [program, script] of [
    ["nft", failing],
    ["bridge", failing],
    ["ip", 'case "$*" in *"-j -batch"*) exit 1;; esac; exec $real "$@"'],
    ["nsenter", 'case "$1" in --net=/proc/*) exit 1;; esac; exec $real "$@"'],
    ["nsenter", 'case "$1" in --net=/proc/*) $real "$@"; exit 1;; esac; exec $real "$@"'],
  ] as const
) {
  test(`an attach that fails at ${program} (${script}) leaves nothing`, () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const web = bed.container();
      const request = await bed.request(port, web, "10.32.0.1");
      const before = [stateOf(bed.namespace), stateOf(web.name)];
      await withProgram(program, script, () => assert.rejects(port.attach(request, bed.signal)));
      assert.deepEqual([stateOf(bed.namespace), stateOf(web.name)], before);
      assert.deepEqual([...port.attached()], []);
      await port.attach(request, bed.signal);
    }), { skip });
}

test("an attach that is aborted half-way leaves nothing", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const web = bed.container();
    const request = await bed.request(port, web, "10.32.0.1");
    const before = [stateOf(bed.namespace), stateOf(web.name)];
    const controller = new AbortController();
    await withProgram("bridge", "sleep 600", async () => {
      const attaching = port.attach(request, controller.signal);
      const rejected = assert.rejects(attaching, { name: "AbortError" });
      await until(() => interfacesIn(bed.namespace).includes("port1"));
      controller.abort();
      await rejected;
    });
    assert.deepEqual([stateOf(bed.namespace), stateOf(web.name)], before);
  }), { skip });

test("an interface of our name in the container is refused and left alone", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const web = bed.container();
    run("ip", "-n", web.name, "link", "add", "mesh0", "type", "bridge");
    const before = stateOf(web.name);
    const request = await bed.request(port, web, "10.32.0.1");
    await assert.rejects(port.attach(request, bed.signal), { code: "NAME_TAKEN", message: /mesh0/ });
    assert.deepEqual(stateOf(web.name), before);
  }), { skip });

test("a gateway that is not on the link is INVALID_ARGUMENT and leaves nothing", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const web = bed.container();
    const request = await bed.request(port, web, "10.32.0.1");
    const gateways = [{ family: 4, bytes: Uint8Array.of(192, 0, 2, 1) } as const];
    await assert.rejects(port.attach({ ...request, link: { gateways } }, bed.signal), {
      code: "INVALID_ARGUMENT",
    });
    assert.deepEqual(interfacesIn(web.name), ["lo"]);
  }), { skip });

test(
  "a namespace that is gone is NOT_FOUND, and one that goes during attach leaves nothing",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const [web, db] = [bed.container(), bed.container()];
      const gone = await bed.request(port, web, "10.32.0.1");
      run("ip", "netns", "del", web.name);
      await assert.rejects(port.attach(gone, bed.signal), { code: "NOT_FOUND" });
      const before = stateOf(bed.namespace);
      const going = await bed.request(port, db, "10.32.0.2");
      const script = `ip netns del ${db.name}; exec $real "$@"`;
      await withProgram("nft", script, () => port.attach(going, bed.signal).then(() => {}, () => {}));
      await until(() => !interfacesIn(bed.namespace).some((name) => name.startsWith("port")));
      await port.look();
      assert.deepEqual([...port.attached()], []);
      assert.deepEqual(stateOf(bed.namespace), before);
    }),
  { skip },
);

test(
  "an interface that somebody deletes is not attached any more, and an alert names it until it is attached again",
  () =>
    onBed(async (bed) => {
      const { port, host } = await bed.started();
      const alerts: string[] = [];
      host.events.on("alert:raised", ({ alert, detail }) =>
        void alerts.push(`${alert}: ${detail}`), bed.signal);
      host.events.on("alert:cleared", ({ alert }) =>
        void alerts.push(`${alert} is over`), bed.signal);
      const web = bed.container();
      const request = await bed.join(port, web, "10.32.0.1");
      run("ip", "-n", web.name, "link", "del", "mesh0");
      await host.clock.advance(10_000);
      await until(() =>
        alerts.length > 0
      );
      assert.deepEqual([...port.attached()], []);
      assert.deepEqual(alerts, [
        `interface-lost: deleted by somebody else: mesh0 of ${request.owner}; attach again, or detach`,
      ]);
      await port.attach(request, bed.signal);
      assert.deepEqual(alerts.slice(1), ["interface-lost is over"]);
    }),
  { skip },
);

test("a container that ends is not attached any more, and raises no alert", () =>
  onBed(async (bed) => {
    const { port, host } = await bed.started();
    host.events.on("alert:raised", ({ alert }) => assert.fail(alert), bed.signal);
    const web = bed.container();
    await bed.join(port, web, "10.32.0.1");
    run("ip", "netns", "del", web.name);
    await until(() => !interfacesIn(bed.namespace).includes("port1"));
    await port.look();
    assert.deepEqual([...port.attached()], []);
    assert.doesNotMatch(runIn(bed.namespace, "nft", "list", "ruleset"), /port1/);
  }), { skip });

test(
  "a port that was renamed, taken off the bridge or robbed of its rules is set right",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const [left, right] = [bed.container(), bed.container()];
      await bed.join(port, left, "10.32.0.1");
      await bed.join(port, right, "10.32.0.2");
      const rules = runIn(bed.namespace, "nft", "list", "ruleset");
      runIn(
        bed.namespace,
        "sh",
        "-c",
        "ip link set port1 down; ip link set port1 name odd; ip link set odd up",
      );
      run("ip", "-n", bed.namespace, "link", "set", "port2", "nomaster");
      runIn(bed.namespace, "nft", "flush", "ruleset");
      await port.look();
      assert.ok(pings(left, "10.32.0.2"));
      assert.equal(runIn(bed.namespace, "nft", "list", "ruleset"), rules);
      assert.deepEqual(interfacesIn(bed.namespace), ["lo", "mesh", "port1", "port2", "tap0"]);
    }),
  { skip },
);

for (const device of ["tap0", "mesh"]) {
  test(`${device} that somebody deletes is made anew`, () =>
    onBed(async (bed) => {
      const { port, host, frames } = await bed.started();
      const [left, right] = [bed.container(), bed.container()];
      await bed.join(port, left, "10.32.0.1");
      await bed.join(port, right, "10.32.0.2");
      run("ip", "-n", bed.namespace, "link", "del", device);
      const frame = new Uint8Array(60).fill(0xff, 0, 6);
      if (device === "tap0") {
        assert.notEqual(
          port.deliver({ protocol: GreProtocol.ethernet, payload: frame, forwarded: false }),
          Drop.none,
        );
        await host.clock.advance(1_000);
      }
      await port.look();
      assert.ok(pings(left, "10.32.0.2"));
      frames.length = 0;
      spawnSync("nsenter", [`--net=${left.path}`, "ping", "-c", "1", "-W", "1", "10.32.9.9"]);
      await until(() => frames.length > 0);
    }), { skip });
}

test(
  "a namespace that somebody deletes is made anew, and its interfaces are reported as lost",
  () =>
    onBed(async (bed) => {
      const { port, host } = await bed.started();
      const alerts: string[] = [];
      host.events.on("alert:raised", ({ alert }) => void alerts.push(alert), bed.signal);
      const web = bed.container();
      const request = await bed.join(port, web, "10.32.0.1");
      run("ip", "netns", "del", bed.namespace);
      await port.look();
      assert.deepEqual([...port.attached()], []);
      assert.deepEqual(alerts, ["interface-lost"]);
      await until(() => !interfacesIn(web.name).includes("mesh0"));
      await port.attach(request, bed.signal);
      assert.deepEqual(interfacesIn(bed.namespace), ["lo", "mesh", "port1", "tap0"]);
    }),
  { skip },
);

test(
  "a look that fails for want of a program leaves the way to other hosts open, and an alert until one succeeds",
  () =>
    onBed(async (bed) => {
      const { port, host, frames } = await bed.started();
      const alerts: string[] = [];
      host.events.on("alert:raised", ({ alert }) => void alerts.push(alert), bed.signal);
      host.events.on("alert:cleared", ({ alert }) => void alerts.push(`${alert} is over`), bed.signal);
      const web = bed.container();
      await bed.join(port, web, "10.32.0.1");
      await withProgram("nft", failing, () => port.look());
      frames.length = 0;
      spawnSync("nsenter", [`--net=${web.path}`, "ping", "-c", "1", "-W", "1", "10.32.9.9"]);
      await until(() => frames.length > 0);
      await port.look();
      assert.deepEqual(alerts, ["bridge-lost", "bridge-lost is over"]);
    }),
  { skip },
);

test("a port that cannot be set right keeps no other one from it", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const [left, right] = [bed.container(), bed.container()];
    await bed.join(port, left, "10.32.0.1");
    await bed.join(port, right, "10.32.0.2");
    const text = "ip link set port1 down; ip link set port1 name odd; ip link add port1 type bridge";
    runIn(bed.namespace, "sh", "-euc", text);
    run("ip", "-n", bed.namespace, "link", "set", "port2", "nomaster");
    await port.look();
    assert.match(run("ip", "-n", bed.namespace, "link", "show", "port2"), /master mesh/);
  }), { skip });

test(
  "an attach after which the rules of joined bridges cannot be set leaves nothing",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const web = bed.container();
      const request = await bed.request(port, web, "10.32.0.1");
      const before = [stateOf(bed.namespace), stateOf(web.name)];
      const { refit } = port.bridges;
      port.bridges.refit = () => Promise.reject(new Error("nft"));
      await assert.rejects(port.attach(request, bed.signal), /nft/);
      assert.deepEqual([stateOf(bed.namespace), stateOf(web.name)], before);
      assert.deepEqual([...port.attached()], []);
      port.bridges.refit = refit;
      await port.attach(request, bed.signal);
    }),
  { skip },
);

test(
  "the rules of joined bridges are set again after every endpoint that comes, changes or goes",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const held: number[] = [];
      port.bridges.refit = () => {
        held.push([...port.attached()].flatMap(({ leases }) => leases).length);
        return Promise.resolve();
      };
      const web = bed.container();
      await bed.join(port, web, "10.32.0.1");
      const { owner } = await bed.join(port, web, "10.32.0.1", "10.32.0.2");
      await port.detach(owner);
      assert.deepEqual(held, [1, 2, 0]);
    }),
  { skip },
);

test("the namespace of the bridge is no place for an endpoint", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const own = { name: bed.namespace, path: `/run/netns/${bed.namespace}` };
    const before = stateOf(bed.namespace);
    const request = await bed.request(port, own, "10.32.0.1");
    await assert.rejects(port.attach(request, bed.signal), { code: "INVALID_ARGUMENT", message: /bridge/ });
    assert.deepEqual(stateOf(bed.namespace), before);
  }), { skip });
