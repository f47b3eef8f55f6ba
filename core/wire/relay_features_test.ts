import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { relayAlwaysFeature, relayedFeature, relayFeature, willingnessIn } from "./relay_features.ts";

test("who offers to pass messages on is willing, with the wish to be asked first always, and all others never", () => {
  assert.equal(willingnessIn([relayedFeature, relayFeature]), "willing");
  assert.equal(willingnessIn([relayAlwaysFeature, relayFeature, "another"]), "always");
  assert.equal(willingnessIn([relayedFeature, relayAlwaysFeature]), "never");
});
