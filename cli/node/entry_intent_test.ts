import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import { rangeInVain } from "./entry_intent.ts";

const configured = (options: Record<string, unknown>) =>
  ({ chosen: [{ slot: "ipam", options }] }) as unknown as Pick<ResolvedConfig, "chosen">;
const network = ["10.32.0.0/12", "fd5a:1b2c:3d4e::/48"];

test("a configured range that the network does not have is in vain, its own and none are not", () => {
  assert.equal(rangeInVain(configured({ range: "10.64.0.0/12" }), network), "10.64.0.0/12");
  assert.equal(rangeInVain(configured({ range: "10.32.0.0/12" }), network), undefined);
  assert.equal(rangeInVain(configured({}), network), undefined);
  assert.equal(rangeInVain({ chosen: [] } as unknown as ResolvedConfig, network), undefined);
});
