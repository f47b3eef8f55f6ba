import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { type EndpointWish, isAnswered, wishOf } from "./endpoint_wish.ts";

const ranges = [parsePrefix("10.32.0.0/12")!, parsePrefix("fd00::/48")!];
const limits = { ranges, defaults: ranges, mtu: 1400 };
const where = { netns: "web" };

function textOf(request: Parameters<typeof wishOf>[0], mtu = limits.mtu): string {
  return wishOf(request, { ...limits, mtu }).text;
}

test("two ways to say one wish are one text, and two wishes are two", () => {
  const plain = textOf({ where });
  assert.equal(textOf({ where: { pid: "1" }, addresses: ["net:default", "net:10.32.0.0/12"] }), plain);
  assert.equal(textOf({ where, allowLayer2: false, defaultRoute: true, namespace: "default" }), plain);
  assert.equal(textOf({ where }, 1300), plain, "the network carries less by now");
  const ordered = textOf({ where, labels: { a: "1", b: "2" } });
  assert.equal(textOf({ where, labels: { b: "2", a: "1" } }), ordered);
  assert.equal(textOf({ where, mac: "02:00:00:00:00:0A" }), textOf({ where, mac: "02:00:00:00:00:0a" }));
  const others = [
    textOf({ where, name: "web" }),
    textOf({ where, namespace: "web" }),
    textOf({ where, mtu: 1400 }),
    textOf({ where, mac: "02:00:00:00:00:01" }),
    textOf({ where, allowLayer2: true }),
    textOf({ where, defaultRoute: false }),
    textOf({ where, multicastRoute: false }),
    ordered,
  ];
  assert.equal(new Set([plain, ...others]).size, 1 + others.length);
});

test("what a wish does not say it does not ask for, and what it says has to be so", () => {
  const before = textOf({
    where,
    name: "web",
    labels: { a: "1", b: "2" },
    mac: "02:00:00:00:00:01",
    mtu: 1300,
  });
  const isIt = (request: object) => isAnswered(wishOf({ where, ...request }, limits), before);
  for (
    const same of [{}, { name: "web" }, { labels: { b: "2", a: "1" } }, { addresses: ["10.32.0.9"] }, {
      mtu: 1300,
    }]
  ) {
    assert.ok(isIt(same), JSON.stringify(same));
  }
  for (
    const other of [{ name: "db" }, { labels: {} }, { mtu: 1400 }, { defaultRoute: false }, {
      allowLayer2: true,
    }]
  ) {
    assert.equal(isIt(other), false, JSON.stringify(other));
  }
});

test("where nothing is asked addresses come from the default subnets, and elsewhere from what is asked", () => {
  const defaults = [parsePrefix("10.32.64.0/18")!, ranges[1]!];
  const subnets = (...addresses: string[]) => wishOf({ where, addresses }, { ...limits, defaults }).addresses;
  const usual = defaults.map((subnet) => ({ kind: "allocate", subnet }));
  assert.deepEqual(subnets(), usual);
  assert.deepEqual(subnets("net:default"), usual);
  assert.deepEqual(subnets("net:10.32.0.0/24"), [{ kind: "allocate", subnet: parsePrefix("10.32.0.0/24") }]);
});

test("an address outside the range is refused as such, and what is no address as that", () => {
  for (const text of ["ip:192.0.2.1", "192.0.2.1/24", "net:192.0.2.0/24", "10.32.1.5/8", "fd01::1"]) {
    assert.throws(() => wishOf({ where, addresses: [text] }, limits), {
      code: "INVALID_ARGUMENT",
      message:
        `Cannot attach with "${text}": it is not inside the network's range 10.32.0.0/12 or fd00::/48, ` +
        "and no address of elsewhere is given",
    });
  }
  assert.throws(() => wishOf({ where, addresses: ["10.32.0.300"] }, limits), {
    message: /write 10\.32\.1\.5/,
  });
});

test("the host keeps its own routes unless somebody asks for others", () => {
  const routes = ({ defaultRoute, multicastRoute }: EndpointWish) => [defaultRoute, multicastRoute];
  assert.deepEqual(routes(wishOf({ where }, limits)), [true, true]);
  assert.deepEqual(routes(wishOf({ where: { host: "" } }, limits)), [false, false]);
  assert.deepEqual(routes(wishOf({ where: { host: "" }, multicastRoute: true }, limits)), [false, true]);
});
