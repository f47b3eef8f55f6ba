/** Addresses that come and go on an interface in use, and endpoints that go by themselves. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import type { Attachment } from "../../core/contracts/port.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { test } from "../harness.ts";
import { type Container, interfacesIn, onBed, pings, run, runIn, skip, stateOf, withProgram } from "./bed.ts";

function withAddresses(request: Attachment, ...addresses: readonly string[]): Attachment {
  const leases = addresses.map((text) => {
    const address = parseAddress(text)!;
    return { owner: request.owner, address, bits: address.family === 4 ? 16 : 64 };
  });
  return { ...request, leases };
}

function addressesIn({ name }: Container): string[] {
  const lines = run("ip", "-n", name, "-o", "addr", "show", "dev", "mesh0").trim().split("\n");
  return lines.map((line) => line.split(/\s+/)[3]!).sort();
}

function macIn({ name }: Container): string {
  return JSON.parse(run("ip", "-n", name, "-j", "link", "show", "dev", "mesh0"))[0].address;
}

test(
  "an endpoint gets further addresses while it talks, on the same interface, and the next start adopts all",
  () =>
    onBed(async (bed) => {
      const { port, frames } = await bed.started();
      const [web, db] = [bed.container(), bed.container()];
      const request = await bed.join(port, web, "10.32.0.1");
      await bed.join(port, db, "10.32.0.2", "fd00:1::2");
      const [index, mac] = [run("ip", "-n", web.name, "-o", "link", "show", "mesh0"), macIn(web)];
      const more = withAddresses(request, "10.32.0.1", "10.32.0.7", "fd00:1::7");
      frames.length = 0;
      await (await port.attach(more, bed.signal)).open();
      assert.deepEqual(
        addressesIn(web),
        ["10.32.0.1/16", "10.32.0.7/16", "fd00:1::7/64", linkLocalIn(web)].sort(),
      );
      assert.deepEqual([run("ip", "-n", web.name, "-o", "link", "show", "mesh0"), macIn(web)], [index, mac]);
      for (const address of ["10.32.0.1", "10.32.0.7", "fd00:1::7"]) assert.ok(pings(db, address), address);
      const from = [
        "nsenter",
        `--net=${web.path}`,
        "ping",
        "-q",
        "-c",
        "1",
        "-W",
        "1",
        "-I",
        "10.32.0.7",
        "10.32.0.2",
      ];
      assert.equal(spawnSync(from[0]!, from.slice(1)).status, 0, "it may send from the new address");
      await port[Symbol.asyncDispose]();
      const { port: again } = await bed.started();
      await again.attach(more, bed.signal);
      assert.equal(run("ip", "-n", web.name, "-o", "link", "show", "mesh0"), index);
    }),
  { skip },
);

function linkLocalIn({ name }: Container): string {
  const text = run("ip", "-n", name, "-6", "-o", "addr", "show", "dev", "mesh0", "scope", "link");
  return text.trim().split(/\s+/)[3]!;
}

test(
  "an address that goes is gone for the endpoint and for its port, and the others and the routes stay",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const [web, db] = [bed.container(), bed.container()];
      const request = await bed.join(port, web, "10.32.0.1", "10.32.0.7", "fd00:1::1", "fd00:1::7");
      await bed.join(port, db, "10.32.0.2", "fd00:1::2");
      const routes = run("ip", "-n", web.name, "route").replaceAll("10.32.0.1 ", "10.32.0.7 ");
      const fewer = withAddresses(request, "10.32.0.7", "fd00:1::7");
      const attached = await port.attach(fewer, bed.signal);
      assert.deepEqual(attached.leases, fewer.leases);
      assert.deepEqual(addressesIn(web), ["10.32.0.7/16", "fd00:1::7/64", linkLocalIn(web)].sort());
      assert.equal(macIn(web), "0a:5e:0a:20:00:07", "it followed from an address that may be another's soon");
      assert.equal(linkLocalIn(web), "fe80::85e:aff:fe20:7/64");
      assert.equal(run("ip", "-n", web.name, "route"), routes);
      for (const address of ["10.32.0.7", "fd00:1::7"]) assert.ok(pings(db, address), address);
      run("ip", "-n", web.name, "addr", "add", "10.32.0.1/16", "dev", "mesh0");
      const from = [
        "nsenter",
        `--net=${web.path}`,
        "ping",
        "-q",
        "-c",
        "1",
        "-W",
        "1",
        "-I",
        "10.32.0.1",
        "10.32.0.2",
      ];
      assert.notEqual(spawnSync(from[0]!, from.slice(1)).status, 0, "what it keeps of it passes no more");
      await port.look();
      assert.deepEqual([...port.attached()].length, 2);
    }),
  { skip },
);

for (
  const [program, script] of [
    ["nft", "exit 1"],
    ["nsenter", 'case "$1" in --net=/proc/*) $real "$@"; exit 1;; esac; exec $real "$@"'],
  ] as const
) {
  test(`a change that fails at ${program} leaves the endpoint as it was`, () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const web = bed.container();
      const request = await bed.join(port, web, "10.32.0.1");
      const before = [stateOf(bed.namespace), stateOf(web.name), addressesIn(web)];
      const more = withAddresses(request, "10.32.0.1", "10.32.0.7");
      await withProgram(program, script, () => assert.rejects(port.attach(more, bed.signal)));
      assert.deepEqual([stateOf(bed.namespace), stateOf(web.name), addressesIn(web)], before);
      assert.deepEqual([...port.attached()][0]!.leases, request.leases);
      await port.attach(more, bed.signal);
      assert.deepEqual(addressesIn(web), ["10.32.0.1/16", "10.32.0.7/16", linkLocalIn(web)].sort());
    }), { skip });
}

test(
  "an endpoint whose namespace or interface is gone is told, once, and nothing is left of it",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const told: string[] = [];
      port.watch((owner) => {
        told.push(owner);
        assert.ok([...port.attached()].every((each) => each.owner !== owner));
      });
      const [ended, robbed, alive] = [bed.container(), bed.container(), bed.container()];
      const first = await bed.join(port, ended, "10.32.0.1");
      const second = await bed.join(port, robbed, "10.32.0.2");
      const third = await bed.join(port, alive, "10.32.0.3");
      await port.look();
      assert.deepEqual(told, []);
      run("ip", "netns", "del", ended.name);
      runIn(robbed.name, "ip", "link", "del", "mesh0");
      await port.look();
      await port.look();
      assert.deepEqual(told.toSorted(), [first.owner, second.owner].toSorted());
      assert.deepEqual([...port.attached()].map(({ owner }) => owner), [third.owner]);
      assert.deepEqual(interfacesIn(bed.namespace), ["lo", "mesh", "port3", "tap0"]);
    }),
  { skip },
);
