import assert from "node:assert/strict";
import { openCertificate } from "../../core/voters/certificate.ts";
import { decodeVoterList } from "../../core/voters/voter_list.ts";
import { test } from "../harness.ts";
import { SimWorld } from "./world.ts";

const minute = 60_000;

/** How many keys the lists on this disk have, in order of their epochs. */
function listsOf(world: SimWorld, name: string): readonly number[] {
  return [...world.disk(name).image.entries("node/voters/record/")].map(([, record]) =>
    openCertificate(record)
  )
    .toSorted((left, right) => left!.motion.epoch - right!.motion.epoch)
    .map((certificate) => decodeVoterList(certificate!.motion.payload)!.length);
}

test(
  "three nodes that stay become voters by themselves, and each keeps on disk what made them that",
  async () => {
    await using world = new SimWorld(61);
    await world.mesh("a", "b", "c");
    await world.settle();
    await world.clock.advance(9 * minute);
    assert.deepEqual(["a", "b", "c"].map((name) => listsOf(world, name)), [[], [], []]);
    await world.clock.advance(4 * minute);
    assert.deepEqual(["a", "b", "c"].map((name) => listsOf(world, name)), [[3], [3], [3]]);
  },
  { limit: 180_000 },
);
