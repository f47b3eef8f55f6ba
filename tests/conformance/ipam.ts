/** What every ipam must do, whoever decides about space. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { AllocationRequest, Ipam, Lease } from "../../core/contracts/ipam.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Address, PeerId, Prefix } from "../../core/contracts/values.ts";
import { addressFromBigInt, addressToBigInt, formatAddress, sameAddress } from "../../core/wire/address.ts";
import { contains, formatPrefix, lastAddress, overlaps } from "../../core/wire/prefix.ts";
import { test } from "../harness.ts";

/** A node that may give addresses of every range, and whose state outlives the plugins on it. */
export interface IpamBed {
  create(): Ipam & Lifecycle;
  /** Lets time pass until the promise is settled. */
  complete<T>(promise: Promise<T>): Promise<T>;
  /** Lets this many milliseconds pass. */
  advance(duration: number): Promise<void>;
}

export interface IpamKit {
  /** Begins the tests' names. */
  readonly name: string;
  readonly bed: () => IpamBed;
  /** How long a released address is not given again, in milliseconds. */
  readonly quarantine: number;
}

/** What an ipam may carry in a handshake. */
const maxCredentials = 600;

interface Given {
  readonly ipam: Ipam;
  readonly bed: IpamBed;
  allocate(owner: string, subnet: Prefix): Promise<Lease>;
  claim(owner: string, address: Address): Promise<Lease>;
  /** All at once. */
  allocateAll(requests: readonly AllocationRequest[]): Promise<readonly Lease[]>;
}

export function testIpam(kit: IpamKit): void {
  testAllocating(kit);
  testRefusing(kit);
  testReleasing(kit);
  testClaiming(kit);
  testRoutes(kit);
  testLife(kit);
}

function testAllocating({ name, bed }: IpamKit): void {
  test(`${name}: the ranges are one per family, IPv4 first`, () =>
    onIpam(bed(), ({ ipam }) => {
      const families = ipam.ranges().map(({ address }) => address.family);
      assert.ok(families.length >= 1);
      assert.deepEqual(families, [4 as const, 6 as const].filter((family) => families.includes(family)));
    }));

  test(`${name}: an address lies in its subnet, is none of the reserved ones, and carries the subnet's length`, () =>
    onIpam(bed(), async ({ ipam, allocate }) => {
      for (const subnet of ipam.ranges()) {
        const { address, bits, owner } = await allocate("web", subnet);
        assert.deepEqual([bits, owner], [subnet.bits, "web"]);
        assert.ok(contains(subnet, address));
        assert.ok(!sameAddress(address, subnet.address));
        assert.ok(address.family === 6 || !sameAddress(address, lastAddress(subnet)));
      }
    }));

  test(`${name}: an owner gets the same lease again, also when asked for twice at once`, () =>
    onIpam(bed(), async ({ ipam, allocate, allocateAll }) => {
      const request = { owner: "web", subnet: ipam.ranges()[0]! };
      const [first, second] = await allocateAll([request, request]);
      assert.deepEqual(first, second);
      assert.deepEqual(await allocate("web", request.subnet), first);
      assert.deepEqual([...ipam.leases()], [first]);
    }));

  test(`${name}: owners share no address, also when they ask at once`, () =>
    onIpam(bed(), async ({ ipam, allocateAll }) => {
      const owners = Array.from({ length: 30 }, (_, i) => `owner-${i}`);
      const requests = owners.flatMap((owner) => ipam.ranges().map((subnet) => ({ owner, subnet })));
      const leases = await allocateAll(requests);
      assert.equal(new Set(leases.map(({ address }) => formatAddress(address))).size, leases.length);
      assert.equal([...ipam.leases()].length, leases.length);
    }));

  test(`${name}: one owner may have leases in several subnets`, () =>
    onIpam(bed(), async ({ ipam, allocateAll }) => {
      const [range] = ipam.ranges();
      const subnets = [24, 25, 26].map((bits, i) => subnetOf(range!, bits, BigInt(i)));
      const leases = await allocateAll(subnets.map((subnet) => ({ owner: "web", subnet })));
      for (const [i, lease] of leases.entries()) {
        assert.ok(contains(subnets[i]!, lease.address));
        assert.equal(lease.bits, subnets[i]!.bits);
      }
      assert.equal(new Set(leases.map(({ address }) => formatAddress(address))).size, 3);
    }));
}

function testRefusing({ name, bed }: IpamKit): void {
  test(`${name}: a subnet outside the ranges and an owner without a name are refused`, () =>
    onIpam(bed(), async ({ ipam, allocate }) => {
      const outside = { address: { family: 4, bytes: Uint8Array.of(203, 0, 113, 0) }, bits: 24 } as const;
      await assert.rejects(allocate("web", outside), { code: "INVALID_ARGUMENT" });
      await assert.rejects(allocate("", ipam.ranges()[0]!), { code: "INVALID_ARGUMENT" });
      assert.deepEqual([...ipam.leases()], []);
    }));

  test(`${name}: a full subnet ends with POOL_EXHAUSTED and takes an owner again when one has left`, () =>
    onIpam(bed(), async ({ ipam, bed, allocate }) => {
      const subnet = subnetOf(ipam.ranges()[0]!, 30, 1n);
      await allocate("a", subnet);
      await allocate("b", subnet);
      await assert.rejects(allocate("c", subnet), { code: "POOL_EXHAUSTED" });
      await bed.complete(ipam.release("a"));
      await bed.advance(120_000);
      assert.ok(contains(subnet, (await allocate("c", subnet)).address));
    }));

  test(`${name}: an allocation whose signal has aborted is a TIMEOUT and leaves no lease`, () =>
    onIpam(bed(), async ({ ipam }) => {
      const request = { owner: "web", subnet: ipam.ranges()[0]! };
      await assert.rejects(ipam.allocate(request, AbortSignal.abort()), { code: "TIMEOUT" });
      assert.deepEqual([...ipam.leases()], []);
    }));
}

function testReleasing({ name, bed, quarantine }: IpamKit): void {
  test(`${name}: releasing counts, ends the leases, and is harmless when there are none`, () =>
    onIpam(bed(), async ({ ipam, bed, allocate, allocateAll }) => {
      const leases = await allocateAll(ipam.ranges().map((subnet) => ({ owner: "web", subnet })));
      const other = await allocate("db", ipam.ranges()[0]!);
      assert.equal(await bed.complete(ipam.release("nobody")), 0);
      assert.equal(await bed.complete(ipam.release("web", other.address)), 0);
      assert.equal(await bed.complete(ipam.release("web", leases[0]!.address)), 1);
      assert.equal(await bed.complete(ipam.release("web")), leases.length - 1);
      assert.deepEqual([...ipam.leases()], [other]);
    }));

  test(`${name}: a released address rests before anybody gets it again, over a restart too`, async () => {
    const place = bed();
    let released: Address | undefined;
    await onIpam(place, async ({ ipam, bed, allocate, claim }) => {
      released = (await allocate("web", ipam.ranges()[0]!)).address;
      await bed.complete(ipam.release("web"));
      assert.ok(!sameAddress((await allocate("other", ipam.ranges()[0]!)).address, released));
      await assert.rejects(claim("third", released), { code: "ADDRESS_TAKEN" });
    });
    await onIpam(place, async ({ bed, claim }) => {
      await assert.rejects(claim("third", released!), { code: "ADDRESS_TAKEN" });
      await bed.advance(quarantine + 1);
      assert.ok(sameAddress((await claim("third", released!)).address, released!));
    });
  });
}

function testClaiming({ name, bed }: IpamKit): void {
  test(`${name}: a free address can be claimed, by the same owner again, by nobody else`, () =>
    onIpam(bed(), async ({ ipam, claim }) => {
      const wanted = nth(ipam.ranges()[0]!, 77n);
      const lease = await claim("web", wanted);
      assert.deepEqual([lease.owner, formatAddress(lease.address)], ["web", formatAddress(wanted)]);
      assert.deepEqual(await claim("web", wanted), lease);
      await assert.rejects(claim("db", wanted), { code: "ADDRESS_TAKEN" });
      assert.deepEqual([...ipam.leases()], [lease]);
    }));

  test(`${name}: claims at once leave one winner, and no allocation gets a claimed address`, () =>
    onIpam(bed(), async ({ ipam, bed, allocate }) => {
      const range = ipam.ranges()[0]!;
      const wanted = nth(range, 1n);
      const { signal } = new AbortController();
      const outcomes = await bed.complete(
        Promise.allSettled(["a", "b", "c"].map((owner) => ipam.claim(owner, wanted, signal))),
      );
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      for (const owner of ["d", "e", "f"]) {
        assert.ok(!sameAddress((await allocate(owner, range)).address, wanted));
      }
    }));

  test(`${name}: an address outside the ranges or reserved in them cannot be claimed`, () =>
    onIpam(bed(), async ({ ipam, claim }) => {
      const outside: Address = { family: 4, bytes: Uint8Array.of(203, 0, 113, 1) };
      await assert.rejects(claim("web", outside), { code: "INVALID_ARGUMENT" });
      for (const range of ipam.ranges()) {
        await assert.rejects(claim("web", range.address), { code: "INVALID_ARGUMENT" });
      }
      await assert.rejects(claim("web", lastAddress(ipam.ranges()[0]!)), { code: "INVALID_ARGUMENT" });
    }));
}

function testRoutes({ name, bed }: IpamKit): void {
  test(`${name}: every lease lies in a route, routes nest or are apart, and all lie in the ranges`, () =>
    onIpam(bed(), async ({ ipam, allocateAll }) => {
      await allocateAll(ipam.ranges().map((subnet) => ({ owner: "web", subnet })));
      const routes = [...ipam.routes.routes()];
      for (const { address } of ipam.leases()) {
        assert.ok(routes.some(({ prefix }) => contains(prefix, address)));
      }
      for (const { prefix } of routes) assert.ok(ipam.ranges().some((range) => overlaps(range, prefix)));
      const texts = routes.map(({ prefix }) => formatPrefix(prefix));
      assert.equal(new Set(texts).size, texts.length);
    }));

  test(`${name}: credentials fit a handshake`, () =>
    onIpam(bed(), ({ ipam }) => {
      assert.ok(ipam.routes.credentials().length <= maxCredentials);
    }));

  test(`${name}: bytes that are no credentials teach nothing and change nothing`, () =>
    onIpam(bed(), ({ ipam }) => {
      const from = "b".repeat(32) as PeerId;
      const before = [[...ipam.routes.routes()], ipam.routes.version()];
      const samples = fc.oneof(
        fc.uint8Array({ maxLength: 80 }),
        fc.tuple(fc.nat(), fc.nat(255)).map(([at, value]) => {
          const bytes = ipam.routes.credentials().slice();
          if (bytes.length > 0) bytes[at % bytes.length] = value;
          return bytes;
        }),
      );
      const learns = (bytes: Uint8Array) => assert.equal(ipam.routes.learn(from, bytes), false);
      fc.assert(fc.property(samples, learns), { seed: 3, numRuns: 300 });
      assert.deepEqual([[...ipam.routes.routes()], ipam.routes.version()], before);
    }));
}

function testLife({ name, bed }: IpamKit): void {
  test(`${name}: after a restart every owner has the addresses it had`, async () => {
    const place = bed();
    const before: string[] = [];
    await onIpam(place, async ({ ipam, allocate, claim }) => {
      for (const range of ipam.ranges()) {
        for (const owner of ["web", "db"]) await allocate(owner, range);
        await claim("fixed", nth(range, 99n));
      }
      before.push(...[...ipam.leases()].map(textOf).sort());
    });
    await onIpam(place, async ({ ipam, allocate, claim }) => {
      const again: Lease[] = [];
      for (const range of ipam.ranges()) {
        for (const owner of ["web", "db"]) again.push(await allocate(owner, range));
        again.push(await claim("fixed", nth(range, 99n)));
      }
      assert.deepEqual(again.map(textOf).sort(), before);
      assert.deepEqual([...ipam.leases()].map(textOf).sort(), before);
    });
  });

  test(`${name}: after its end nothing is given any more; ending twice and without a start is harmless`, async () => {
    const place = bed();
    await onIpam(place, async ({ ipam, allocate }) => {
      await (ipam as Lifecycle)[Symbol.asyncDispose]?.();
      await assert.rejects(allocate("web", ipam.ranges()[0]!), { code: "NOT_RUNNING" });
    });
    await bed().create()[Symbol.asyncDispose]?.();
  });
}

async function onIpam(place: IpamBed, body: (given: Given) => Promise<void> | void): Promise<void> {
  const ipam = place.create();
  const life = new AbortController();
  try {
    await ipam.start?.(life.signal);
    await body({
      ipam,
      bed: place,
      allocate: (owner, subnet) => place.complete(ipam.allocate({ owner, subnet }, life.signal)),
      claim: (owner, address) => place.complete(ipam.claim(owner, address, life.signal)),
      allocateAll: (requests) =>
        place.complete(Promise.all(requests.map((request) => ipam.allocate(request, life.signal)))),
    });
  } finally {
    life.abort();
    await ipam[Symbol.asyncDispose]?.();
  }
}

function subnetOf(range: Prefix, bits: number, index: bigint): Prefix {
  const size = 1n << BigInt(8 * range.address.bytes.length - bits);
  const value = addressToBigInt(range.address) + index * size;
  return { address: addressFromBigInt(range.address.family, value), bits };
}

function nth(range: Prefix, index: bigint): Address {
  return addressFromBigInt(range.address.family, addressToBigInt(range.address) + index);
}

function textOf({ owner, address, bits }: Lease): string {
  return `${owner} ${formatAddress(address)}/${bits}`;
}
