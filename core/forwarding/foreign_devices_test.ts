import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { Address, PeerId } from "../contracts/values.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { formatMac } from "../wire/mac.ts";
import { ForeignClaims } from "./foreign_claims.ts";
import { deviceAge, ForeignDevices, mostDeviceAddresses, mostDevices } from "./foreign_devices.ts";

const ip = (text: string): Address => parseAddress(text)!;
const mac = (number: number): Uint8Array =>
  Uint8Array.of(0x52, 0x54, 0, number >>> 16, (number >>> 8) & 0xff, number & 0xff);
const us = "us" as PeerId;
const other = "other" as PeerId;

function shown(devices: ForeignDevices): string[] {
  return [...devices.devices()].map(({ mac, since, addresses }) =>
    [formatMac(mac), since, ...addresses.map(formatAddress)].join(" ")
  );
}

test("a device is news once, and so is each of its addresses", () => {
  const devices = new ForeignDevices();
  const sighting = { mac: mac(1), addresses: [ip("192.168.50.1")] };
  assert.equal(devices.learn({ ...sighting, addresses: [] }, 0, 1000), true);
  assert.equal(devices.learn(sighting, 1, 1001), true);
  assert.equal(devices.learn(sighting, 2, 1002), false);
  assert.deepEqual(shown(devices), ["52:54:00:00:00:01 1000 192.168.50.1"]);
});

test("a device that is silent for ten minutes is forgotten, and an address that it names no more", () => {
  const devices = new ForeignDevices();
  devices.learn({ mac: mac(1), addresses: [ip("192.168.50.1")] }, 0, 0);
  devices.learn({ mac: mac(1), addresses: [ip("2001:db8::1")] }, 1, 0);
  assert.equal(devices.age(deviceAge - 1), false);
  assert.equal(devices.age(deviceAge), true);
  assert.deepEqual(shown(devices), ["52:54:00:00:00:01 0 2001:db8::1"]);
  devices.learn({ mac: mac(1), addresses: [] }, deviceAge, 0);
  assert.equal(devices.age(deviceAge + 1), true);
  assert.deepEqual(shown(devices), ["52:54:00:00:00:01 0"]);
  assert.equal(devices.age(2 * deviceAge), true);
  assert.equal(devices.size, 0);
});

test("an address belongs to who named it last, and the stalest one of a device makes room", () => {
  const devices = new ForeignDevices();
  devices.learn({ mac: mac(1), addresses: [ip("192.168.50.1")] }, 0, 0);
  devices.learn({ mac: mac(2), addresses: [ip("192.168.50.1")] }, 1, 0);
  assert.deepEqual(shown(devices), ["52:54:00:00:00:01 0", "52:54:00:00:00:02 0 192.168.50.1"]);
  for (let i = 1; i <= mostDeviceAddresses; i++) {
    devices.learn({ mac: mac(2), addresses: [ip(`192.168.51.${i}`)] }, 1 + i, 0);
  }
  assert.deepEqual(shown(devices)[1]!.split(" ").slice(2), [1, 2, 3, 4].map((i) => `192.168.51.${i}`));
});

test("a full table takes no more devices and loses none", () => {
  const devices = new ForeignDevices();
  for (let i = 1; i <= mostDevices; i++) assert.ok(devices.learn({ mac: mac(i), addresses: [] }, 0, 0));
  assert.equal(devices.learn({ mac: mac(99_999), addresses: [] }, 0, 0), false);
  assert.equal(devices.learn({ mac: mac(1), addresses: [ip("192.168.50.1")] }, 0, 0), true);
  assert.equal(devices.size, mostDevices);
});

test("of two claims the earlier one counts, then the smaller id, and the later one's addresses go with its MAC", () => {
  const one = { mac: mac(1), since: 10, addresses: [ip("192.168.50.1")] };
  const two = { mac: mac(1), since: 20, addresses: [ip("192.168.50.2")] };
  const later = new ForeignClaims([{ owner: us, device: two }, { owner: other, device: one }]);
  assert.equal(later.ofMac(mac(1))?.owner, other);
  assert.equal(later.ofAddress(ip("192.168.50.1"))?.owner, other);
  assert.equal(later.ofAddress(ip("192.168.50.2")), undefined);
  assert.deepEqual(later.clashes, [{ what: "52:54:00:00:00:01", kept: other, refused: us }]);
  const even = new ForeignClaims([{ owner: us, device: one }, { owner: other, device: one }]);
  assert.equal(even.ofMac(mac(1))?.owner, other);
});

test("one address at two members is a clash, and at two devices of one member none", () => {
  const device = (number: number) => ({ mac: mac(number), since: number, addresses: [ip("192.168.50.1")] });
  const far = new ForeignClaims([{ owner: us, device: device(1) }, { owner: other, device: device(2) }]);
  assert.deepEqual(far.clashes, [{ what: "192.168.50.1", kept: us, refused: other }]);
  const near = new ForeignClaims([{ owner: us, device: device(1) }, { owner: us, device: device(2) }]);
  assert.deepEqual(near.clashes, []);
  assert.equal(near.ofAddress(ip("192.168.50.1"))?.device.since, 1);
});

test("claims come to the same end in whatever order they are heard, and nobody has what was refused", () => {
  const anyClaim = fc.record({
    owner: fc.constantFrom(us, other, "third" as PeerId),
    device: fc.record({
      mac: fc.integer({ min: 1, max: 4 }).map(mac),
      since: fc.integer({ min: 0, max: 3 }),
      addresses: fc.subarray(["192.168.50.1", "192.168.50.2", "2001:db8::1"].map(ip)),
    }),
  });
  const claims = fc.uniqueArray(anyClaim, {
    maxLength: 8,
    selector: ({ owner, device }) => `${owner} ${formatMac(device.mac)}`,
  });
  const accepts = (owner: PeerId, { family }: Address) => family === 4 || owner !== other;
  const property = fc.property(claims, fc.infiniteStream(fc.nat()), (all, chance) => {
    const shuffled = all.map((claim) => ({ claim, at: chance.next().value })).sort((a, b) => a.at - b.at);
    const [one, two] = [all, shuffled.map(({ claim }) => claim)].map((each) =>
      new ForeignClaims(each, accepts)
    );
    for (const { device } of all) {
      assert.equal(one!.ofMac(device.mac)?.owner, two!.ofMac(device.mac)?.owner);
      for (const address of device.addresses) {
        assert.equal(one!.ofAddress(address)?.owner, two!.ofAddress(address)?.owner);
      }
    }
    for (const { address, owner } of one!.addresses()) {
      const claim = one!.ofAddress(address)!;
      assert.equal(one!.ofMac(claim.device.mac)?.owner, owner);
      assert.ok(accepts(owner, address));
      assert.ok(
        !all.some(({ owner: rival, device }) =>
          rival !== owner && device.since < claim.device.since && accepts(rival, address) &&
          device.addresses.some((each) => formatAddress(each) === formatAddress(address)) &&
          one!.ofMac(device.mac)?.owner === rival
        ),
      );
    }
  });
  fc.assert(property, { seed: 1, numRuns: 500 });
});
