import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { Address } from "../contracts/values.ts";
import { parseAddress, sameAddress } from "../wire/address.ts";
import { macOfAddress, parseMac, sameMac } from "../wire/mac.ts";
import type { LinkHolder } from "./link.ts";
import { LinkTable } from "./link_table.ts";

const ip = (text: string) => parseAddress(text)!;
const fixed = parseMac("02:42:ac:11:00:02")!;

interface FakePort {
  readonly leases: { readonly owner: string; readonly bits: number; readonly address: Address }[];
  readonly mac?: Uint8Array;
}

function port(addresses: readonly string[], mac?: Uint8Array): FakePort {
  const leases = addresses.map((address) => ({ owner: "any", bits: 24, address: ip(address) }));
  return mac === undefined ? { leases } : { leases, mac };
}

test("an address is held by an interface, inside the process, or by nobody", () => {
  const table = new LinkTable([port(["10.32.0.1", "fd00::1"]), port(["10.32.0.2", "fd00::2"], fixed)]);
  assert.equal(table.linkOf(ip("10.32.0.1")), "inside");
  assert.equal(table.linkOf(ip("fd00::1")), "inside");
  assert.equal(table.linkOf(ip("10.32.0.2")), fixed);
  assert.equal(table.linkOf(ip("fd00::2")), fixed);
  assert.equal(table.linkOf(ip("10.32.0.3")), undefined);
  assert.equal(new LinkTable().linkOf(ip("10.32.0.1")), undefined);
});

test("an interface is reached by its own MAC and by those of its addresses, and only the first is a local one", () => {
  const table = new LinkTable([port(["10.32.0.2", "fd00::2"], fixed), port(["10.32.0.1"])]);
  for (const mac of [fixed, macOfAddress(ip("10.32.0.2")), macOfAddress(ip("fd00::2"))]) {
    assert.equal(table.holderOf(mac), fixed);
  }
  assert.equal(table.holderOf(macOfAddress(ip("10.32.0.1"))), "inside");
  assert.equal(table.holderOf(macOfAddress(ip("10.32.0.9"))), undefined);
  assert.ok(table.localMac(fixed));
  assert.ok(!table.localMac(macOfAddress(ip("10.32.0.2"))) && !table.localMac(macOfAddress(ip("10.32.0.1"))));
});

test("the MAC that an interface has goes before the same MAC derived from another's address", () => {
  const taken = macOfAddress(ip("10.32.0.1"));
  const table = new LinkTable([port(["10.32.0.1"], fixed), port(["10.32.0.2"], taken)]);
  assert.equal(table.holderOf(taken), taken);
  assert.equal(table.linkOf(ip("10.32.0.1")), fixed);
});

test("the table answers as a search through the ports does", () => {
  const texts = ["10.32.0.1", "10.32.0.2", "255.255.255.255", "fd00::1", "fd00::2", "::ffff:10.32.0.1"];
  const macs = [fixed, ...texts.slice(0, 4).map((text) => macOfAddress(ip(text)))];
  const anyPort = fc.record({
    addresses: fc.array(fc.constantFrom(...texts), { maxLength: 3 }),
    mac: fc.option(fc.constantFrom(...macs), { nil: undefined }),
  });
  const property = fc.property(fc.array(anyPort, { maxLength: 5 }), (specs) => {
    const ports = specs.map(({ addresses, mac }) => port(addresses, mac));
    const table = new LinkTable(ports);
    for (const address of texts.map(ip)) assert.deepEqual(table.linkOf(address), search(ports, address));
    for (const mac of macs) {
      assert.equal(table.localMac(mac), ports.some((one) => one.mac !== undefined && sameMac(one.mac, mac)));
      const derived = texts.map(ip).find((address) => sameMac(macOfAddress(address), mac));
      const expected = table.localMac(mac) ? mac : derived && search(ports, derived);
      assert.deepEqual(table.holderOf(mac), expected);
    }
  });
  fc.assert(property, { seed: 1, numRuns: 1000 });
});

function search(ports: readonly FakePort[], address: Address): LinkHolder | undefined {
  const holder = ports.find(({ leases }) => leases.some((lease) => sameAddress(lease.address, address)));
  return holder && (holder.mac ?? "inside");
}
