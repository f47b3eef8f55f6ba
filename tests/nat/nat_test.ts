/** Real nodes behind the kernel's own translators. All kinds of pairs: `npm run prove -- nat-grid`. */
import assert from "node:assert/strict";
import { inLab, limit, skip } from "../hosts/lab_fixture.ts";
import { test } from "../harness.ts";
import { meetsDirectly, meshes, networks, runGrid } from "./grid.ts";

test(
  "two nodes behind routers that filter by port meet directly, and one behind a symmetric router through a relay",
  () =>
    inLab(async (lab) => {
      for (const { pair: [one, other], direct } of await runGrid(lab, ["port", "port", "symmetric"])) {
        assert.equal(direct, meetsDirectly(one, other), `${one} and ${other}`);
      }
    }),
  { skip, limit, once: "it is about the kernel's translators, and says the same on both" },
);

test("the meshes of the proof hold every pair of networks", () => {
  const pairs = new Set(
    meshes.flatMap((mesh) =>
      mesh.flatMap((one, index) =>
        mesh.slice(index + 1).flatMap((other) => [`${one}/${other}`, `${other}/${one}`])
      )
    ),
  );
  const missing = networks.flatMap((one) => networks.map((other) => `${one}/${other}`))
    .filter((pair) => !pairs.has(pair));
  assert.deepEqual(missing, []);
});
