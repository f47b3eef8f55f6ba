/**
 * What every port of links must do, whatever carries its frames. A kernel takes its time and tells nobody, so that a
 * frame did not pass is seen from the next one that does: links keep the order of what they carry.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Drop, dropNames } from "../../core/contracts/drop.ts";
import type { AttachedPort } from "../../core/contracts/port.ts";
import { formatAddress, parseAddress } from "../../core/wire/address.ts";
import { encodeEthernet, EtherType } from "../../core/wire/ethernet.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { macOfAddress } from "../../core/wire/mac.ts";
import { encodeUdp } from "../../core/wire/udp.ts";
import { leasesOf, type LinkPortKit, onHost, requestFor, signal } from "./link_port_bed.ts";

export function testLinkPort(kit: LinkPortKit): void {
  testPlaces(kit);
  testFrames(kit);
  testAttachments(kit);
  testEnds(kit);
  testRestarts(kit);
}

const far = parseAddress("10.33.0.5")!;

function testPlaces(kit: LinkPortKit): void {
  onHost(kit, "every way to name a place gives one owner, and another place has another", async ({ bed }) => {
    const port = bed.make();
    const ways = [...bed.place(), ...bed.place()];
    const places = await Promise.all([...ways, ...ways].map((way) => port.locate(way, signal)));
    const owners = places.map(({ owner }) => owner);
    const half = ways.length / 2;
    assert.deepEqual(new Set(owners.slice(0, half)).size, 1);
    assert.deepEqual(new Set(owners).size, 2);
    assert.deepEqual(owners.slice(ways.length), owners.slice(0, ways.length));
  });

  onHost(
    kit,
    "a place that is gone or never was is NOT_FOUND, and unknown words are INVALID_ARGUMENT",
    async (
      { bed, port },
    ) => {
      const [where] = bed.place();
      await bed.end(where);
      for (const each of [where, bed.missing]) {
        await assert.rejects(port.locate(each, signal), { code: "NOT_FOUND" });
      }
      for (const each of [{}, { planet: "mars" }]) {
        await assert.rejects(port.locate(each, signal), { code: "INVALID_ARGUMENT" });
      }
      await assert.rejects(port.locate(bed.place()[0], AbortSignal.abort()));
    },
  );
}

function testFrames(kit: LinkPortKit): void {
  onHost(kit, "an attached endpoint is shut both ways until it is opened, then frames pass unchanged", async (
    rig,
  ) => {
    const { request, attached, inside } = await rig.attach("10.32.0.1");
    const [early, late] = [1, 2].map((number) => frameTo(attached, number)) as [Uint8Array, Uint8Array];
    const [first, second] = [3, 4].map((number) => frameFrom(attached, "10.32.0.1", number));
    rig.deliver(early);
    inside.send(first!);
    await attached.open();
    await attached.open();
    await rig.bed.settle();
    inside.send(second!);
    assert.equal(rig.deliver(late), Drop.none);
    await rig.until("both frames", () => has(inside.heard, late) && has(rig.frames, second!));
    assert.deepEqual([has(inside.heard, early), has(rig.frames, first!)], [false, false]);
    assert.deepEqual([attached.owner, attached.leases], [request.owner, request.leases]);
  });

  onHost(kit, "opening one endpoint opens no other, and a frame reaches its own alone", async (rig) => {
    const [web, db] = [await rig.attach("10.32.0.1"), await rig.attach("10.32.0.2")];
    await web.attached.open();
    await rig.bed.settle();
    const frames = [frameTo(db.attached, 1), frameTo(web.attached, 2), frameTo(db.attached, 3)];
    for (const frame of frames.slice(0, 2)) rig.deliver(frame);
    await rig.until("its frame", () => has(web.inside.heard, frames[1]!));
    await db.attached.open();
    await rig.bed.settle();
    rig.deliver(frames[2]!);
    await rig.until("its frame", () => has(db.inside.heard, frames[2]!));
    const heard = [web, db].map(({ inside }) => frames.map((frame) => has(inside.heard, frame)));
    assert.deepEqual(heard, [[false, true, false], [false, false, true]]);
  });

  onHost(kit, "a packet without Ethernet header is unsupported, and no bytes make deliver throw", async ({
    port,
    attach,
  }) => {
    await (await attach("10.32.0.1")).attached.open();
    const deliver = (protocol: number, payload: Uint8Array) => {
      const before = new Uint8Array(payload);
      const drop = port.deliver({ protocol, payload, forwarded: false });
      assert.ok(dropNames[drop] !== undefined);
      assert.deepEqual(payload, before);
      if (protocol !== GreProtocol.ethernet) assert.equal(drop, Drop.unsupported);
    };
    const protocols = fc.constantFrom<number>(GreProtocol.ethernet, GreProtocol.ipv4, GreProtocol.ipv6);
    const property = fc.property(protocols, fc.uint8Array({ maxLength: 100 }), deliver);
    fc.assert(property, { seed: 1, numRuns: 300 });
  });
}

function testAttachments(kit: LinkPortKit): void {
  onHost(kit, "attaching again is the same interface, still open, listed once", async (rig) => {
    const { request, attached, inside } = await rig.attach("10.32.0.1");
    await attached.open();
    const again = await rig.port.attach({ ...request, leases: [...request.leases] }, signal);
    assert.deepEqual(factsOf(again), factsOf(attached));
    assert.deepEqual(again.mac, macOfAddress(request.leases[0]!.address));
    await rig.attach("10.32.0.2");
    assert.deepEqual([...rig.port.attached()].map(addressesOf), [["10.32.0.1"], ["10.32.0.2"]]);
    await rig.bed.settle();
    const frame = frameTo(attached, 1);
    rig.deliver(frame);
    await rig.until("the frame", () => has(inside.heard, frame));
  });

  onHost(kit, "an endpoint attached with other leases has those addresses, and sends from no others", async (
    rig,
  ) => {
    const { where, request, attached, inside } = await rig.attach("10.32.0.1", "10.32.0.7");
    await attached.open();
    const next = { ...request, leases: leasesOf(request.owner, "10.32.0.1", "10.32.0.8") };
    const changed = await rig.port.attach(next, signal);
    assert.deepEqual(factsOf(changed), { ...factsOf(attached), leases: next.leases });
    assert.deepEqual([...rig.port.attached()].map(({ leases }) => leases), [next.leases]);
    assert.deepEqual(rig.bed.addresses(where).toSorted(), ["10.32.0.1", "10.32.0.8"]);
    await rig.bed.settle();
    const [old, added] = ["10.32.0.7", "10.32.0.8"].map((source, i) => frameFrom(changed, source, i));
    inside.send(old!);
    inside.send(added!);
    await rig.until("the frame from the new address", () => has(rig.frames, added!));
    assert.equal(has(rig.frames, old!), false);
  });

  for (const moment of ["before it begins", "at once", "half-way"] as const) {
    onHost(kit, `an attachment that is aborted ${moment} leaves nothing`, async ({ bed, port, restart }) => {
      const [where] = bed.place();
      const request = await requestFor(port, where, "10.32.0.1");
      const abort = new AbortController();
      if (moment === "before it begins") abort.abort();
      let isSettled = false;
      const attaching = port.attach(request, abort.signal).then(() => true, () => false);
      void attaching.finally(() => isSettled = true);
      while (moment === "half-way" && !isSettled && !bed.isBegun()) await bed.settle();
      abort.abort();
      // What was whole by then may stay, as a whole.
      if (await attaching) assert.ok(moment === "half-way" && await port.detach(request.owner));
      assert.deepEqual([[...port.attached()], bed.addresses(where)], [[], []]);
      assert.deepEqual([...(await restart()).remains()], []);
    });
  }
}

function testEnds(kit: LinkPortKit): void {
  onHost(kit, "a detached endpoint has no interface, and its address is free for another", async (rig) => {
    const { where, request, attached } = await rig.attach("10.32.0.1");
    await attached.open();
    assert.deepEqual(rig.bed.addresses(where), ["10.32.0.1"]);
    assert.equal(await rig.port.detach(request.owner), true);
    assert.equal(await rig.port.detach(request.owner), false);
    assert.deepEqual([[...rig.port.attached()], rig.bed.addresses(where)], [[], []]);
    const other = await rig.attach("10.32.0.1");
    assert.deepEqual([...rig.port.attached()].map(({ owner }) => owner), [other.request.owner]);
  });

  onHost(kit, "an endpoint that vanishes is told once, by the next look, and listed no more", async (rig) => {
    const told: [string, boolean][] = [];
    rig.port.watch((owner) => {
      told.push([owner, [...rig.port.attached()].some((each) => each.owner === owner)]);
    });
    const [web, db] = [await rig.attach("10.32.0.1"), await rig.attach("10.32.0.2")];
    await rig.port.look();
    assert.deepEqual(told, []);
    await rig.bed.end(web.where);
    await rig.port.look();
    await rig.port.look();
    assert.deepEqual(told, [[web.request.owner, false]]);
    assert.deepEqual([...rig.port.attached()].map(({ owner }) => owner), [db.request.owner]);
  });

  onHost(kit, "it can be disposed twice, and without a start", async ({ bed, port, attach }) => {
    await attach("10.32.0.1");
    for (const each of [port, port, bed.make()]) {
      await each[Symbol.asyncDispose]?.();
      await each[Symbol.asyncDispose]?.();
    }
  });
}

function testRestarts(kit: LinkPortKit): void {
  onHost(kit, "the next start adopts the interfaces that it finds, and forgets the rest", async (rig) => {
    const [kept, left] = [await rig.attach("10.32.0.1"), await rig.attach("10.32.0.2")];
    for (const { attached } of [kept, left]) await attached.open();
    const port = await rig.restart();
    assert.deepEqual([...port.attached()], []);
    assert.deepEqual(
      [...port.remains()].toSorted(),
      [kept, left].map((each) => each.request.owner).toSorted(),
    );
    const adopted = await port.attach(kept.request, signal);
    assert.deepEqual(factsOf(adopted), factsOf(kept.attached));
    await adopted.open();
    assert.deepEqual([...port.remains()], [left.request.owner]);
    await port.forgetRemains();
    assert.deepEqual([...port.remains()], []);
    assert.deepEqual([kept, left].map(({ where }) => rig.bed.addresses(where)), [["10.32.0.1"], []]);
    await rig.bed.settle();
    const [to, from] = [frameTo(adopted, 1), frameFrom(adopted, "10.32.0.1", 2)];
    port.deliver({ protocol: GreProtocol.ethernet, payload: to, forwarded: false });
    kept.inside.send(from);
    await rig.until("both frames", () => has(kept.inside.heard, to) && has(rig.frames, from));
  });

  onHost(kit, "a reset removes what an earlier run left, without a start", async ({ bed, port, attach }) => {
    const { where } = await attach("10.32.0.1");
    await port[Symbol.asyncDispose]?.();
    const next = bed.make();
    await next.reset();
    assert.deepEqual([[...next.remains()], bed.addresses(where)], [[], []]);
    await next.reset();
  });
}

function factsOf({ owner, leases, mtu, mac, device }: AttachedPort): Omit<AttachedPort, "open"> {
  return { owner, leases, mtu, mac: mac!, device: device! };
}

function addressesOf({ leases }: AttachedPort): string[] {
  return leases.map(({ address }) => formatAddress(address));
}

function frameTo({ mac, leases }: AttachedPort, number: number): Uint8Array {
  const packet = encodeUdp({ source: far, destination: leases[0]!.address }, datagram(number));
  return encodeEthernet(mac!, macOfAddress(far), EtherType.ipv4, packet);
}

function frameFrom({ mac }: AttachedPort, source: string, number: number): Uint8Array {
  const packet = encodeUdp({ source: parseAddress(source)!, destination: far }, datagram(number));
  return encodeEthernet(macOfAddress(far), mac!, EtherType.ipv4, packet);
}

function datagram(number: number) {
  return { sourcePort: 4000, destinationPort: 4000, payload: new Uint8Array(40).fill(number) };
}

function has(frames: readonly Uint8Array[], frame: Uint8Array): boolean {
  return frames.some((each) => each.length === frame.length && each.every((byte, i) => byte === frame[i]));
}
