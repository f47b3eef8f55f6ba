/** One answer on every runtime, where libraries differ: a record that one node takes and another refuses parts a mesh. */
import assert from "node:assert/strict";
import { quickenSignatures, verifyPortably, verifySignature } from "../../core/identity/signature.ts";
import { platformVerifies } from "../../core/runtime/ed25519.ts";
import { test } from "../harness.ts";
import { edgeCases } from "./ed25519_edges.ts";

const judged = edgeCases().map((edge) => {
  const { publicKey, message, signature } = edge;
  return {
    ...edge,
    portably: verifyPortably(publicKey, message, signature),
    platform: platformVerifies(publicKey, message, signature),
  };
});

test("with the platform's check or without it, every edge case of Ed25519 gets the same answer", () => {
  assert.ok(quickenSignatures(platformVerifies), "the platform knows Ed25519");
  for (const { name, publicKey, message, signature, portably } of judged) {
    assert.equal(verifySignature(publicKey, message, signature), portably, name);
  }
});

test("among the edge cases are good and bad ones, and good ones that the platform alone would refuse", () => {
  const count = (of: (edge: (typeof judged)[number]) => boolean) => judged.filter(of).length;
  assert.ok(count(({ portably }) => portably) > 20);
  assert.ok(count(({ portably }) => !portably) > 20);
  assert.ok(count(({ portably, platform }) => portably && !platform) > 20);
  const honest = judged.find(({ name }) => name === "honest")!;
  assert.ok(honest.platform && honest.portably);
});
