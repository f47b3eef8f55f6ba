/** What every port must do, whatever is behind it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Drop, dropNames } from "../../core/contracts/drop.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Attachment, Port } from "../../core/contracts/port.ts";
import type { Address } from "../../core/contracts/values.ts";
import { parseAddress, sameAddress } from "../../core/wire/address.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { decodeIp } from "../../core/wire/ip.ts";
import { decodeUdp, encodeUdp } from "../../core/wire/udp.ts";
import { test } from "../harness.ts";

/** The UDP port at both ends of what endpoints exchange in these tests. */
export const portUnderTest = 4000;

/** A port, and hands on the endpoints behind it. */
export interface PortSubject {
  readonly port: Port & Lifecycle;
  /** The local endpoint at `from` sends UDP from port 4000 to port 4000 of `to`; the reason it went no further. */
  send(from: Address, to: Address, payload: Uint8Array): Drop;
  /** Called once the endpoint is attached: UDP payloads that reach port 4000 there, growing as they come. */
  listen(at: Address): { received(): readonly Uint8Array[] };
}

export interface PortKit {
  /** Begins the tests' names. */
  readonly name: string;
  readonly create: () => PortSubject;
}

export function testPort(kit: PortKit): void {
  testGate(kit);
  testPackets(kit);
  testAttachments(kit);
  testHostilePackets(kit);
}

const signal = new AbortController().signal;
const [web4, web6, db4, far4, far6] = ["10.32.0.1", "fd00::1", "10.32.0.2", "10.40.0.9", "fd00::9"].map((
  text,
) => parseAddress(text)!) as [Address, Address, Address, Address, Address];
const web = attachment("web", web4, web6);
const db = attachment("db", db4);

function attachment(owner: string, ...addresses: Address[]): Attachment {
  const leases = addresses.map((address) => ({ owner, address, bits: address.family === 4 ? 12 : 48 }));
  return { owner, name: owner, leases, mtu: 1400 };
}

function testGate({ name, create }: PortKit): void {
  test(`${name}: an attached endpoint is shut both ways until it is opened`, () =>
    withPort(create, async ({ port, send, listen }) => {
      const sent = recorded(port);
      const endpoint = await port.attach(web, signal);
      const inbox = listen(web4);
      assert.equal(port.deliver(udpTo(web4, 1)), Drop.denied);
      assert.equal(send(web4, far4, Uint8Array.of(1)), Drop.denied);
      assert.deepEqual([inbox.received(), sent], [[], []]);
      await endpoint.open();
      await endpoint.open();
      assert.equal(port.deliver(udpTo(web4, 2)), Drop.none);
      assert.equal(send(web4, far4, Uint8Array.of(2)), Drop.none);
      assert.deepEqual(inbox.received(), [Uint8Array.of(2)]);
      assert.equal(sent.length, 1);
    }));

  test(`${name}: opening one endpoint opens no other`, () =>
    withPort(create, async ({ port }) => {
      await (await port.attach(web, signal)).open();
      await port.attach(db, signal);
      assert.equal(port.deliver(udpTo(db4, 1)), Drop.denied);
    }));
}

function testPackets({ name, create }: PortKit): void {
  test(`${name}: packets of both families reach the endpoint and leave it, from its own addresses`, () =>
    withPort(create, async ({ port, send, listen }) => {
      const sent = recorded(port);
      await (await port.attach(web, signal)).open();
      const inboxes = [listen(web4), listen(web6)];
      assert.equal(port.deliver(udpTo(web4, 4)), Drop.none);
      assert.equal(port.deliver(udpTo(web6, 6)), Drop.none);
      assert.deepEqual(inboxes.map((inbox) => inbox.received()), [[Uint8Array.of(4)], [Uint8Array.of(6)]]);
      assert.equal(send(web4, far4, Uint8Array.of(44)), Drop.none);
      assert.equal(send(web6, far6, Uint8Array.of(66)), Drop.none);
      assert.deepEqual(sent.map(({ protocol }) => protocol), [GreProtocol.ipv4, GreProtocol.ipv6]);
      const [first, second] = sent.map(decoded);
      assert.ok(sameAddress(first!.source, web4) && sameAddress(first!.destination, far4));
      assert.ok(sameAddress(second!.source, web6) && sameAddress(second!.destination, far6));
      assert.deepEqual([first!.payload, second!.payload], [Uint8Array.of(44), Uint8Array.of(66)]);
    }));

  test(`${name}: the memory of a delivered packet is free on return and was not written to`, () =>
    withPort(create, async ({ port, listen }) => {
      await (await port.attach(web, signal)).open();
      const inbox = listen(web4);
      const packet = udpTo(web4, 1, 2, 3);
      const before = new Uint8Array(packet.payload);
      assert.equal(port.deliver(packet), Drop.none);
      assert.deepEqual(packet.payload, before);
      packet.payload.fill(0xff);
      assert.deepEqual(inbox.received(), [Uint8Array.of(1, 2, 3)]);
    }));

  test(`${name}: what the node says of a packet is what its sender hears`, () =>
    withPort(create, async ({ port, send }) => {
      port.receive(() => Drop.noSession);
      await (await port.attach(web, signal)).open();
      assert.equal(send(web4, far4, Uint8Array.of(1)), Drop.noSession);
    }));
}

function testAttachments({ name, create }: PortKit): void {
  test(`${name}: attaching again is the same endpoint, still open`, () =>
    withPort(create, async ({ port }) => {
      await (await port.attach(web, signal)).open();
      const again = await port.attach({ ...web, leases: [...web.leases] }, signal);
      assert.deepEqual([again.owner, again.leases, again.mtu], [web.owner, web.leases, web.mtu]);
      assert.equal(port.deliver(udpTo(web4, 1)) === Drop.denied, false);
      assert.deepEqual([...port.attached()].map(({ owner }) => owner), ["web"]);
    }));

  test(`${name}: an address that another endpoint holds is ADDRESS_TAKEN, and nothing is half-made`, () =>
    withPort(create, async ({ port }) => {
      await port.attach(db, signal);
      const clash = attachment("web", web4, db4);
      await assert.rejects(port.attach(clash, signal), { code: "ADDRESS_TAKEN" });
      assert.deepEqual([...port.attached()].map(({ owner }) => owner), ["db"]);
      assert.equal(port.deliver(udpTo(web4, 1)), Drop.noListener);
      await port.attach(web, signal);
    }));

  test(`${name}: no address, or an owner that comes back with others, is INVALID_ARGUMENT`, () =>
    withPort(create, async ({ port }) => {
      await assert.rejects(port.attach(attachment("web"), signal), { code: "INVALID_ARGUMENT" });
      await port.attach(web, signal);
      await assert.rejects(port.attach(attachment("web", far4), signal), { code: "INVALID_ARGUMENT" });
      assert.deepEqual([...port.attached()].map(({ leases }) => leases), [web.leases]);
    }));

  test(`${name}: an aborted attach rejects and leaves nothing`, () =>
    withPort(create, async ({ port }) => {
      await assert.rejects(port.attach(web, AbortSignal.abort()));
      assert.deepEqual([...port.attached()], []);
    }));

  test(`${name}: a detached endpoint hears nothing, and its addresses are free for another`, () =>
    withPort(create, async ({ port, listen }) => {
      await (await port.attach(web, signal)).open();
      const inbox = listen(web4);
      assert.equal(await port.detach("web"), true);
      assert.equal(await port.detach("web"), false);
      assert.equal(port.deliver(udpTo(web4, 1)), Drop.noListener);
      assert.deepEqual([...port.attached()], []);
      await port.attach(attachment("other", web4), signal);
      assert.equal(port.deliver(udpTo(web4, 1)), Drop.denied);
      assert.deepEqual(inbox.received(), []);
    }));

  test(`${name}: it can be disposed twice, and without a start`, async () => {
    const { port } = create();
    await port[Symbol.asyncDispose]?.();
    await port[Symbol.asyncDispose]?.();
    assert.deepEqual([...port.attached()], []);
  });
}

function testHostilePackets({ name, create }: PortKit): void {
  test(`${name}: a packet for an address that nobody holds is noListener`, () =>
    withPort(create, async ({ port }) => {
      await (await port.attach(web, signal)).open();
      assert.equal(port.deliver(udpTo(far4, 1)), Drop.noListener);
      assert.equal(port.deliver(udpTo(far6, 1)), Drop.noListener);
    }));

  test(`${name}: no bytes under any protocol make deliver throw`, () =>
    withPort(create, async ({ port }) => {
      port.receive(() => Drop.none);
      await (await port.attach(web, signal)).open();
      const deliver = (protocol: number, payload: Uint8Array) => {
        const untouched = new Uint8Array(payload);
        const drop = port.deliver({ protocol, payload, forwarded: false });
        assert.ok(dropNames[drop] !== undefined);
        assert.deepEqual(payload, untouched);
      };
      const protocols = fc.oneof(
        fc.constantFrom<number>(GreProtocol.ipv4, GreProtocol.ipv6),
        fc.integer({ min: 0, max: 0xffff }),
      );
      fc.assert(fc.property(protocols, fc.uint8Array({ maxLength: 100 }), deliver), {
        seed: 1,
        numRuns: 2000,
      });
      const samples = [web4, web6].map((to) => udpTo(to, 1, 2, 3, 4, 5, 6, 7, 8));
      fc.assert(
        fc.property(mutants(samples), ({ protocol, payload }) => deliver(protocol, payload)),
        { seed: 2, numRuns: 3000 },
      );
    }));
}

/** Up to 4 bytes changed, and perhaps cut. */
function mutants(samples: readonly OverlayPacket[]): fc.Arbitrary<OverlayPacket> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  return fc.tuple(fc.constantFrom(...samples), changes, fc.nat(20)).map(([sample, list, cut]) => {
    const payload = sample.payload.slice(0, sample.payload.length - Math.max(0, cut - 15));
    for (const [at, value] of list) payload[at % payload.length] = value;
    return { ...sample, payload };
  });
}

/** UDP from a far peer's address to port 4000 of `to`. */
function udpTo(to: Address, ...payload: number[]): OverlayPacket {
  const source = to.family === 4 ? parseAddress("10.33.0.5")! : parseAddress("fd00::5")!;
  const datagram = {
    sourcePort: portUnderTest,
    destinationPort: portUnderTest,
    payload: Uint8Array.from(payload),
  };
  const protocol = to.family === 4 ? GreProtocol.ipv4 : GreProtocol.ipv6;
  return { protocol, payload: encodeUdp({ source, destination: to }, datagram), forwarded: false };
}

interface Sent {
  readonly source: Address;
  readonly destination: Address;
  readonly payload: Uint8Array;
}

function decoded({ payload }: OverlayPacket): Sent {
  const packet = decodeIp(payload);
  assert.ok(typeof packet === "object");
  const datagram = decodeUdp(packet);
  assert.ok(typeof datagram === "object");
  return { source: packet.source, destination: packet.destination, payload: datagram.payload };
}

/** Copies of what leaves the port, which the node takes. */
function recorded(port: Port): OverlayPacket[] {
  const sent: OverlayPacket[] = [];
  port.receive((packet) => {
    sent.push({ ...packet, payload: new Uint8Array(packet.payload) });
    return Drop.none;
  });
  return sent;
}

async function withPort(
  create: () => PortSubject,
  body: (subject: PortSubject) => Promise<void>,
): Promise<void> {
  const subject = create();
  try {
    await subject.port.start?.(signal);
    await body(subject);
  } finally {
    await subject.port[Symbol.asyncDispose]?.();
  }
}
