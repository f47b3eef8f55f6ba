/** What is read from the kernel and written to it, without a kernel. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Drop } from "../../core/contracts/drop.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { test } from "../../tests/harness.ts";
import { AttachedLink } from "./attached_link.ts";
import { DropReadings } from "./drop_readings.ts";
import { linkLocalOf } from "./ingress_rules.ts";
import { diagnose, isBridgeWhole, parseInspection } from "./inspection.ts";
import { digestOf, formatAlias, isOwner, parseAlias } from "./port_alias.ts";

const owner = "netns:4:4026532246";
const [four, six] = [["10.32.0.1", 16], ["fd00::1", 64]].map(([text, bits]) => ({
  owner,
  address: parseAddress(text as string)!,
  bits: bits as number,
}));
const mac = Uint8Array.of(0x0a, 0x5e, 10, 32, 0, 1);

test("an alias is read as it was written, and fits in what the kernel keeps", () => {
  const alias = { owner: "x".repeat(160), number: 65_535, mtu: 65_535, digest: digestOf([four!], mac) };
  assert.ok(formatAlias(alias).length < 256);
  assert.deepEqual(parseAlias(formatAlias(alias)), alias);
});

test("an alias that somebody else wrote is none of ours", () => {
  assert.equal(parseAlias(undefined), undefined);
  const texts = fc.oneof(fc.string(), fc.string().map((text) => `selvage ${text}`));
  fc.assert(fc.property(texts, (text) => parseAlias(text) === undefined), { seed: 1 });
  for (
    const text of [
      "selvage a 0 1400 0123456789abcdef",
      "selvage a 1 1400 0123",
      "selvage a b 1 1400 0123456789abcdef",
    ]
  ) {
    assert.equal(parseAlias(text), undefined);
  }
});

test("a digest stands for addresses in any order, their lengths and the MAC", () => {
  const digest = digestOf([four!, six!], mac);
  assert.equal(digestOf([six!, four!], mac), digest);
  const others = [
    digestOf([four!], mac),
    digestOf([{ ...four!, bits: 17 }, six!], mac),
    digestOf([four!, six!], Uint8Array.of(0x0a, 0x5e, 10, 32, 0, 2)),
  ];
  assert.equal(new Set([digest, ...others]).size, 4);
});

test("an owner that a shell could read otherwise is no owner", () => {
  assert.ok(isOwner(owner));
  for (const text of ["", "a b", 'a"', "$(id)", "`id`", "a\\", "a'", "a#b", "a\n", "é", "x".repeat(161)]) {
    assert.equal(isOwner(text), false, text);
  }
});

test("the link-local address of an interface has its MAC as identifier", () => {
  assert.equal(formatAddress(linkLocalOf(mac)), "fe80::85e:aff:fe20:1");
});

test("what the kernel counts is counted once, from the start of the node on, also when a counter begins again", () => {
  const counted: [Drop, number][] = [];
  const drops = { count: (drop: Drop, times = 1) => void counted.push([drop, times]) };
  const readings = new DropReadings();
  readings.begin(new Map([["badSource", 5]]));
  readings.read(new Map([["badSource", 5]]), drops);
  readings.read(new Map([["badSource", 7], ["unsupported", 1]]), drops);
  readings.read(new Map([["badSource", 2], ["unsupported", 1], ["other", 9]]), drops);
  assert.deepEqual(counted, [[Drop.badSource, 2], [Drop.unsupported, 1], [Drop.badSource, 2]]);
});

const link = new AttachedLink(
  { owner, leases: [four!], mtu: 1400 },
  { number: 1, index: 7, mtu: 1400, device: "mesh0", isUp: true },
  () => Promise.resolve(),
);

function inspection(changes: Record<string, unknown> = {}, chain = "port1") {
  const port = { ifindex: 7, ifname: "port1", flags: ["UP"], master: "mesh", ...changes };
  const tap = { ifindex: 3, ifname: "tap0", flags: ["UP"], master: "mesh" };
  const chains = { nftables: [{ metainfo: {} }, { chain: { name: chain, table: "selvage" } }] };
  const links = [{ ifindex: 2, ifname: "mesh", flags: ["UP"] }, {}, tap, port];
  return parseInspection([links, chains].map((part) => JSON.stringify(part)).join("\n"));
}

test("a port is judged by its index: gone, renamed, off the bridge, down, or without rules", () => {
  link.isOpen = true;
  const fit = { isGone: false, isUnfit: false };
  assert.deepEqual(diagnose(inspection(), link), fit);
  assert.deepEqual(diagnose(inspection({ ifindex: 8 }), link), { isGone: true, isUnfit: false });
  assert.deepEqual(diagnose(inspection({ ifname: "x" }), link), {
    isGone: false,
    isUnfit: true,
    renamed: "x",
  });
  for (
    const found of [inspection({ master: undefined }), inspection({ flags: [] }), inspection({}, "port2")]
  ) {
    assert.deepEqual(diagnose(found, link), { isGone: false, isUnfit: true });
  }
  link.isOpen = false;
  assert.deepEqual(diagnose(inspection({ flags: [] }), link), fit);
});

test("the bridge is whole with its TAP device on it", () => {
  assert.ok(isBridgeWhole(inspection()));
  assert.equal(isBridgeWhole(parseInspection("[]")), false);
  assert.throws(() => parseInspection("no JSON"));
});
