import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { type LinkScope, linkScopeOf } from "./link_scope.ts";

test("link state covers the mesh up to 500 members, and again when they are 450", () => {
  const counts = [3, 500, 501, 480, 451, 450, 500, 501];
  let scope: LinkScope | undefined;
  const scopes = counts.map((members) => scope = linkScopeOf(members, scope));
  assert.deepEqual(scopes, ["mesh", "mesh", "local", "local", "local", "mesh", "mesh", "local"]);
});

test("a smaller bound has its own way back, a tenth below", () => {
  const scopes = [[5, "mesh"], [6, "mesh"], [5, "local"], [4, "local"]] as const;
  assert.deepEqual(scopes.map(([members, before]) => linkScopeOf(members, before, 5)), [
    "mesh",
    "local",
    "local",
    "mesh",
  ]);
});
