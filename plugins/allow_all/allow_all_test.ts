import assert from "node:assert/strict";
import type { Flow } from "../../core/contracts/policy.ts";
import { testPolicy } from "../../tests/conformance/policy.ts";
import { test } from "../../tests/harness.ts";
import { allowAll } from "./mod.ts";

const create = () => allowAll({}).create(undefined as never);
const address = { family: 4, bytes: Uint8Array.of(10, 32, 0, 1) } as const;

testPolicy({
  name: "allow_all",
  create,
  endpoint: { owner: "web", namespace: "default", labels: {}, addresses: [address] },
});

test("allow_all allows, says so, and takes no options", () => {
  const flow: Flow = {
    direction: "ingress",
    protocol: 6,
    source: address,
    destination: address,
    sourcePort: 1,
    destinationPort: 2,
  };
  assert.deepEqual(create().evaluate(flow), { allow: true, because: "allow_all" });
  assert.throws(() => allowAll({ strict: true } as never), { code: "CONFIG_INVALID", message: /strict/ });
});
