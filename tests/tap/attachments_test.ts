import assert from "node:assert/strict";
import process from "node:process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Attachment, Where } from "../../core/contracts/port.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { tap } from "../../plugins/tap/mod.ts";
import { test } from "../harness.ts";
import { exists, interfacesIn, onBed, pings, run, runIn, skip, stateOf, until } from "./bed.ts";

test(
  "two containers of a node reach each other by both families, and go on when the node has stopped",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const [left, right] = [bed.container(), bed.container()];
      await bed.join(port, left, "10.32.0.1", "fd00:1::1");
      await bed.join(port, right, "10.32.0.2", "fd00:1::2");
      assert.deepEqual(["10.32.0.2", "fd00:1::2"].map((to) => pings(left, to)), [true, true]);
      await port[Symbol.asyncDispose]();
      assert.deepEqual(["10.32.0.1", "fd00:1::1"].map((to) => pings(right, to)), [true, true]);
    }),
  { skip },
);

test("an endpoint is shut both ways until it is opened", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const [left, right] = [bed.container(), bed.container()];
    await bed.join(port, left, "10.32.0.1");
    const attached = await port.attach(await bed.request(port, right, "10.32.0.2"), bed.signal);
    assert.match(runIn(right.name, "ip", "link", "show", "mesh0"), /NO-CARRIER/);
    await attached.open();
    await attached.open();
    assert.ok(pings(left, "10.32.0.2"));
  }), { skip });

test(
  "an interface has the MAC of its first address, its MTU, its addresses and the routes",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const web = bed.container();
      const request = await bed.request(port, web, "10.32.0.1", "10.33.0.9", "fd00:1::1");
      const gateways = [request.leases[1]!.address];
      const attached = await port.attach({ ...request, link: { gateways } }, bed.signal);
      await attached.open();
      assert.deepEqual([attached.device, attached.mtu], ["mesh0", 1400]);
      assert.deepEqual(attached.mac, Uint8Array.of(0x0a, 0x5e, 10, 32, 0, 1));
      const shown = run("ip", "-n", web.name, "addr", "show", "mesh0");
      for (const part of ["0a:5e:0a:20:00:01", "mtu 1400", "10.32.0.1/16", "10.33.0.9/16", "fd00:1::1/64"]) {
        assert.ok(shown.includes(part), part);
      }
      const routes = run("ip", "-n", web.name, "route");
      assert.match(routes, /default via 10\.33\.0\.9 dev mesh0/);
      assert.match(routes, /224\.0\.0\.0\/4 dev mesh0/);
      assert.match(
        run("ip", "-n", web.name, "-6", "route", "show", "table", "local"),
        /ff00::\/8 dev mesh0 metric 128/,
      );
      const sysctl = (name: string) => runIn(web.name, "cat", `/proc/sys/net/ipv6/conf/mesh0/${name}`).trim();
      assert.deepEqual([sysctl("accept_ra"), sysctl("autoconf")], ["0", "0"]);
    }),
  { skip },
);

test(
  "an interface takes packets 4 bytes longer than its MTU, which nodes send that keep no room for a key",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const [older, newer] = [bed.container(), bed.container()];
      for (const [container, mtu, last] of [[older, 1_416, 1], [newer, 1_412, 2]] as const) {
        const request = await bed.request(port, container, `10.32.0.${last}`, `fd00:1::${last}`);
        await (await port.attach({ ...request, mtu }, bed.signal)).open();
      }
      for (const [to, headers] of [["10.32.0.2", 28], ["fd00:1::2", 48]] as const) {
        assert.ok(pings(older, to));
        // Not cut by the sender; the answer may be. `ping` fails when none of them is answered.
        runIn(older.name, "ping", "-q", "-M", "do", "-c", "1", "-W", "2", "-s", `${1_416 - headers}`, to);
      }
    }),
  { skip },
);

test("routes that a container has are left as they are", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const web = bed.container();
    run("ip", "-n", web.name, "link", "add", "eth0", "up", "type", "bridge");
    for (const route of ["default", "224.0.0.0/4"]) {
      run("ip", "-n", web.name, "route", "add", route, "dev", "eth0");
    }
    const before = run("ip", "-n", web.name, "route");
    const request = await bed.request(port, web, "10.32.0.1");
    await port.attach({ ...request, link: { gateways: [request.leases[0]!.address] } }, bed.signal);
    const after = run("ip", "-n", web.name, "route").split("\n").filter((line) => !line.startsWith("10.32."));
    assert.equal(after.join("\n"), before);
  }), { skip });

test("without a multicast route there is none", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const web = bed.container();
    const request = await bed.request(port, web, "10.32.0.1", "fd00:1::1");
    await port.attach({ ...request, link: { multicastRoute: false } }, bed.signal);
    assert.doesNotMatch(run("ip", "-n", web.name, "route"), /224\.0\.0\.0/);
    assert.doesNotMatch(run("ip", "-n", web.name, "-6", "route", "show", "table", "local"), /metric 128/);
  }), { skip });

test("the same endpoint attached again, and at once, is attached once", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const web = bed.container();
    const request = await bed.request(port, web, "10.32.0.1");
    const attached = await Promise.all([port.attach(request, bed.signal), port.attach(request, bed.signal)]);
    assert.equal(attached[0], attached[1]);
    assert.equal(await port.attach(request, bed.signal), attached[0]);
    assert.deepEqual(interfacesIn(bed.namespace).filter((name) => name.startsWith("port")), ["port1"]);
    const second = await bed.request(port, bed.container(), "10.32.0.1");
    await assert.rejects(port.attach(second, bed.signal), { code: "ADDRESS_TAKEN" });
  }), { skip });

test(
  "every way to name a place gives one owner, and what is no place is refused",
  () =>
    onBed(async (bed) => {
      const { port } = bed.port();
      const web = bed.container();
      const places = await Promise.all([
        port.locate({ host: "" }, bed.signal),
        port.locate({ pid: `${process.pid}` }, bed.signal),
        port.locate({ netns: `/proc/${process.pid}/ns/net` }, bed.signal),
      ]);
      assert.match(places[0].owner, /^netns:[0-9]+:[0-9]+$/);
      assert.deepEqual(new Set(places.map(({ owner }) => owner)), new Set([places[0].owner]));
      const named = await port.locate({ netns: web.name }, bed.signal);
      assert.deepEqual(await port.locate({ netns: web.path }, bed.signal), named);
      assert.notEqual(named.owner, places[0].owner);
      const missing = [{ netns: "svt-none" }, { pid: "4000000000" }, { container: "0123456789ab" }];
      for (const where of [...missing, { netns: "/proc/version" }]) {
        await assert.rejects(port.locate(where, bed.signal), { code: "NOT_FOUND" });
      }
      const wrong = [{}, { pid: "x" }, { container: "web" }, { netns: "../x" }, { vm: "1" }, {
        pid: "1",
        host: "",
      }];
      for (const where of wrong) {
        await assert.rejects(port.locate(where as Where, bed.signal), { code: "INVALID_ARGUMENT" });
      }
    }),
  { skip },
);

test(
  "detaching removes the interface and its rules, and the address is free for another",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const [web, db] = [bed.container(), bed.container()];
      const { owner } = await bed.join(port, web, "10.32.0.1");
      assert.equal(await port.detach(owner), true);
      assert.equal(await port.detach(owner), false);
      assert.deepEqual(interfacesIn(web.name), ["lo"]);
      assert.deepEqual(interfacesIn(bed.namespace), ["lo", "mesh", "tap0"]);
      assert.doesNotMatch(runIn(bed.namespace, "nft", "list", "ruleset"), /port1/);
      await bed.join(port, db, "10.32.0.1");
    }),
  { skip },
);

test(
  "a namespace of our name that somebody else made is refused, and so is such a bridge; nothing is touched",
  () =>
    onBed(async (bed) => {
      run("ip", "netns", "add", bed.namespace);
      run("ip", "-n", bed.namespace, "link", "add", "mesh", "type", "bridge");
      const { port } = bed.port();
      const before = run("ip", "-n", bed.namespace, "-d", "link");
      await assert.rejects(port.start(bed.signal), { code: "NAME_TAKEN", message: /option namespace/ });
      run("ip", "-n", bed.namespace, "link", "set", "lo", "alias", "selvage:1");
      const marked = run("ip", "-n", bed.namespace, "-d", "link");
      await assert.rejects(port.start(bed.signal), { code: "NAME_TAKEN", message: /bridge "mesh"/ });
      await port.reset();
      assert.equal(run("ip", "-n", bed.namespace, "-d", "link"), marked);
      assert.equal(marked.replace("    alias selvage:1\n", ""), before);
      assert.equal(runIn(bed.namespace, "nft", "list", "ruleset"), "");
    }),
  { skip },
);

test("what is no namespace at all is refused and left alone", () =>
  onBed(async (bed) => {
    const path = `/run/netns/${bed.namespace}`;
    writeFileSync(path, "mine");
    try {
      await assert.rejects(bed.port().port.start(bed.signal), { code: "NAME_TAKEN" });
      await bed.port().port.reset();
      assert.equal(readFileSync(path, "utf8"), "mine");
    } finally {
      rmSync(path);
    }
  }), { skip });

test("neighbours that knew another MAC for an address learn the new one at once", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const [web, old, next] = [bed.container(), bed.container(), bed.container()];
    await bed.join(port, web, "10.32.0.1", "fd00:1::1");
    const { owner } = await bed.join(port, old, "10.32.0.2", "fd00:1::2");
    for (const to of ["10.32.0.2", "fd00:1::2"]) assert.ok(pings(web, to));
    await port.detach(owner);
    const request = await bed.request(port, next, "10.32.0.2", "fd00:1::2");
    const link = { mac: Uint8Array.of(2, 0, 0, 0, 0, 0x77) };
    const attached = await port.attach({ ...request, link }, bed.signal);
    const known = () =>
      run("ip", "-n", web.name, "neigh").split("\n").filter((line) => line.includes("00:00:00:77"));
    assert.deepEqual(known(), []);
    await attached.open();
    await until(() => known().length === 2);
  }), { skip });

test(
  "the host's interface has a name of its own, and no route for multicast by itself",
  () =>
    onBed((bed) => {
      const host = bed.container();
      const program = fileURLToPath(import.meta.resolve("./host_program.ts"));
      const flags = "Deno" in globalThis ? ["run", "-A", "--no-check"] : ["-C", "source"];
      const printed = runIn(host.name, process.execPath, ...flags, program, bed.namespace);
      const [device, route, left] = JSON.parse(printed.trim().split("\n").at(-1)!) as string[];
      assert.equal(device, "selvage0");
      assert.match(route!, /^10\.32\.0\.0\/16 dev selvage0 .*\n$/);
      assert.equal(left, "lo");
      return Promise.resolve();
    }),
  { skip },
);

test("an option that Linux would not take is CONFIG_INVALID", () => {
  for (const name of ["", ".", "..", "a/b", "a b", "-x", "x".repeat(64), "$(id)"]) {
    assert.throws(() => tap({ namespace: name }), { code: "CONFIG_INVALID" });
  }
  for (const name of ["", "a.b", "a%d", "x".repeat(16), "a/b"]) {
    assert.throws(() => tap({ interface: name }), { code: "CONFIG_INVALID" });
    assert.throws(() => tap({ hostInterface: name }), { code: "CONFIG_INVALID" });
  }
});

test("a request that no host could carry out is INVALID_ARGUMENT", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const request = await bed.request(port, bed.container(), "10.32.0.1");
    const { place: _place, ...placeless } = request;
    const wrong: Attachment[] = [
      placeless,
      { ...request, leases: [] },
      { ...request, mtu: 1279 },
      { ...request, mtu: 65_536 },
      { ...request, owner: "other" },
      { ...request, link: { mac: Uint8Array.of(1, 0, 0, 0, 0, 1) } },
      { ...request, link: { mac: new Uint8Array(6) } },
      { ...request, link: { mac: new Uint8Array(5) } },
      { ...request, link: { gateways: [parseAddress("224.0.0.1")!] } },
    ];
    for (const one of wrong) await assert.rejects(port.attach(one, bed.signal), { code: "INVALID_ARGUMENT" });
    await assert.rejects(bed.port().port.attach(request, bed.signal), { code: "NOT_RUNNING" });
  }), { skip });

test(
  "a second node cannot have the namespace of one that runs, nor reset it, and changes nothing there",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      await bed.join(port, bed.container(), "10.32.0.1");
      // As while the first one attaches: an alias comes last.
      run("ip", "-n", bed.namespace, "link", "add", "port9", "type", "bridge");
      const before = stateOf(bed.namespace);
      await assert.rejects(bed.port().port.start(bed.signal), { code: "ALREADY_RUNNING" });
      await assert.rejects(bed.port().port.reset(), { code: "ALREADY_RUNNING" });
      assert.deepEqual(stateOf(bed.namespace), before);
    }),
  { skip },
);

test("a reset takes interfaces of any name for nothing but names", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const name = "a;>&2$(id)`id`";
    run("ip", "-n", bed.namespace, "link", "add", name, "type", "bridge");
    await port.reset();
    assert.equal(exists(bed.namespace), false);
  }), { skip });

test("reset leaves nothing, also of a node that was killed", () =>
  onBed(async (bed) => {
    const { port } = await bed.started();
    const web = bed.container();
    await bed.join(port, web, "10.32.0.1");
    await port[Symbol.asyncDispose]();
    await bed.port().port.reset();
    assert.equal(exists(bed.namespace), false);
    assert.deepEqual(interfacesIn(web.name), ["lo"]);
    await bed.port().port.reset();
  }), { skip });
