import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { Address } from "../contracts/values.ts";
import { parseAddress } from "../wire/address.ts";
import { macOfAddress, parseMac } from "../wire/mac.ts";
import { mostNeighbours, Neighbours } from "./neighbours.ts";

const host = (n: number): Address => parseAddress(`fd00::${n.toString(16)}`)!;

test("an IPv4 address is read from its MAC and takes no memory", () => {
  const neighbours = new Neighbours();
  const address = parseAddress("10.32.0.7")!;
  neighbours.remember(address);
  assert.equal(neighbours.size, 0);
  assert.deepEqual(neighbours.addressOf(macOfAddress(address)), address);
});

test("an IPv6 address is known once it was remembered, and no other MAC leads anywhere", () => {
  const neighbours = new Neighbours();
  assert.equal(neighbours.addressOf(macOfAddress(host(1))), undefined);
  neighbours.remember(host(1));
  assert.deepEqual(neighbours.addressOf(macOfAddress(host(1))), host(1));
  for (const mac of ["02:42:ac:11:00:02", "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"]) {
    assert.equal(neighbours.addressOf(parseMac(mac)!), undefined);
  }
});

test("no more than 4,096 are kept", () => {
  const neighbours = new Neighbours();
  for (let n = 1; n <= 5_000; n++) neighbours.remember(host(n));
  assert.equal(mostNeighbours, 4_096);
  assert.equal(neighbours.size, 4_096);
  const none = new Neighbours(0);
  none.remember(host(1));
  assert.equal(none.size, 0);
});

test("the table keeps what a list of the last ones in use keeps", () => {
  const step = fc.record({ n: fc.integer({ min: 1, max: 9 }), isQuestion: fc.boolean() });
  const property = fc.property(
    fc.array(step, { maxLength: 60 }),
    fc.integer({ min: 1, max: 5 }),
    (steps, most) => {
      const neighbours = new Neighbours(most);
      let list: number[] = [];
      for (const { n, isQuestion } of steps) {
        const isKnown = list.includes(n);
        if (isQuestion) {
          assert.deepEqual(
            neighbours.addressOf(macOfAddress(host(n))),
            isKnown ? host(n) : undefined,
          );
        } else neighbours.remember(host(n));
        if (isKnown || !isQuestion) list = [...list.filter((other) => other !== n), n].slice(-most);
        assert.equal(neighbours.size, list.length);
      }
    },
  );
  fc.assert(property, { seed: 1, numRuns: 1000 });
});
