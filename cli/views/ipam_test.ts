import assert from "node:assert/strict";
import type { IpamStatus } from "../../core/contracts/node.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { ipamText, originText, pictureOf } from "./ipam.ts";

type Share = IpamStatus["shares"][number];

const share = (name: string, ranges: readonly string[], more: Partial<Share> = {}): Share => ({
  peer: name.repeat(32).slice(0, 32) as PeerId,
  name,
  ranges,
  share4: 0.5,
  share6: 0.25,
  reachable: true,
  liveness: null,
  active: null,
  ...more,
});

test("the picture of a range shows who owns the middle of each 64th, grants inside grants too", () => {
  const shares = [share("a", ["10.32.0.0/12", "10.44.0.0/15"]), share("b", ["10.40.0.0/13"])];
  const bar = `${"A".repeat(32)}${"B".repeat(16)}${"A".repeat(8)}${"B".repeat(8)}`;
  assert.equal(pictureOf("10.32.0.0/12", shares), `10.32.0.0/12\n[${bar}]\n`);
});

test("a small range has a letter for each address, and a dot for what nobody owns", () => {
  assert.equal(pictureOf("10.0.0.0/29", [share("a", ["10.0.0.2/31"])]), "10.0.0.0/29\n[..AA....]\n");
});

test("an IPv6 range is drawn by its parts, and ranges of the other family are left out", () => {
  const shares = [
    share("a", ["10.32.0.0/12", "fd5a:1b2c:3d4e::/48"]),
    share("b", ["fd5a:1b2c:3d4e:8000::/49"]),
  ];
  const bar = `${"A".repeat(32)}${"B".repeat(32)}`;
  assert.equal(pictureOf("fd5a:1b2c:3d4e::/48", shares), `fd5a:1b2c:3d4e::/48\n[${bar}]\n`);
});

test("peers beyond the letters share a sign", () => {
  const shares = Array.from({ length: 54 }, (_, i) => share(`n${i}`, [`10.0.0.${i}/32`]));
  assert.match(pictureOf("10.0.0.0/26", shares), /\[ABC.*xyz\+\+\.{10}\]/);
});

test("the table says how many addresses a peer has, and whether it is there", () => {
  const text = ipamText({
    state: "waiting",
    ranges: ["10.32.0.0/12"],
    leases: [{ owner: "node", address: "10.32.0.1/12" }],
    shares: [
      share("a", ["10.32.0.0/13"], { active: 1 }),
      share("b", ["10.40.0.0/13"], { reachable: false, liveness: "dead" }),
      share("c", [], { reachable: false, liveness: "alive" }),
      share("d", []),
      share("e", [], { reachable: false }),
    ],
    waiting: [{ owner: "web", subnet: "10.32.9.0/30", since: "2026-11-23T00:00:00.000Z" }],
  });
  assert.match(text, /^A +a+\(a\) +524288 \(50\.0%\) +25\.0% +1 +self +10\.32\.0\.0\/13$/m);
  for (const state of ["b.*dead", "c.* alive", "d.* active", "e.* unreachable"]) {
    assert.match(text, new RegExp(state));
  }
  assert.match(text, /^web +10\.32\.9\.0\/30 +2026-11-23T00:00:00\.000Z$/m);
});

test("the story of an address names its owner, its grants and the way there", () => {
  const [a, b] = ["a".repeat(32), "b".repeat(32)] as [PeerId, PeerId];
  const way = {
    way: "relayed",
    via: [{ peer: a, name: "edge" }],
    hops: 2,
    rttMillis: 3,
    reason: "no way",
  } as const;
  const text = originText({
    address: "10.40.0.7",
    peer: b,
    name: "web-2",
    owner: null,
    steps: [
      { range: "10.32.0.0/12", peer: a, name: "web-1", grantedBy: null },
      { range: "10.40.0.0/20", peer: b, name: "web-2", grantedBy: { peer: a, name: "web-1" } },
    ],
    way,
  });
  assert.match(text, /^10\.40\.0\.7 belongs to b+\(web-2\); relayed over edge\n/);
  assert.match(text, /^10\.40\.0\.0\/20 +b+\(web-2\) +granted by web-1$/m);
  assert.match(text, /^10\.32\.0\.0\/12 +a+\(web-1\) +without a grant$/m);
  const nobody = originText({
    address: "10.40.0.7",
    peer: null,
    name: null,
    owner: "web",
    steps: [],
    way: null,
  });
  assert.match(nobody, /^10\.40\.0\.7 belongs to nobody; held here by web\n/);
});
