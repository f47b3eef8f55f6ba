import assert from "node:assert/strict";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import { defaultsIn, parseSubnets } from "./default_subnets.ts";
import { ring } from "./mod.ts";

const [four, six] = [parsePrefix("10.32.0.0/12")!, parsePrefix("fd00::/48")!];

test("default subnets are one of each family at most, and prefixes", () => {
  assert.deepEqual(parseSubnets("10.32.64.0/18"), [parsePrefix("10.32.64.0/18")]);
  assert.deepEqual(parseSubnets("fd00::/64, 10.32.64.0/18"), ["fd00::/64", "10.32.64.0/18"].map(parsePrefix));
  for (
    const text of ["", ",", "10.32.64.1/18", "10.32.64.0", "10.32.0.0/16,10.33.0.0/16", "10.32.64.0/18,"]
  ) {
    assert.equal(parseSubnets(text), undefined, text);
    assert.ok("issues" in Object(ring.config["~standard"].validate({ defaultSubnet: text })), text);
  }
});

test("a range without a default subnet is one itself, and a subnet of no range ends the start", () => {
  const small = parsePrefix("10.32.64.0/18")!;
  assert.deepEqual(defaultsIn([four, six], [small]), [small, six]);
  assert.deepEqual(defaultsIn([four], [four]), [four]);
  for (const stray of ["10.0.0.0/8", "10.64.0.0/16", "fd00::/64"]) {
    assert.throws(() => defaultsIn([four], [small, parsePrefix(stray)!]), {
      code: "CONFIG_INVALID",
      message: `ipam.defaultSubnet: ${stray} is not inside the network's range, which is 10.32.0.0/12`,
    });
  }
});
