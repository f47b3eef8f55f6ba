import assert from "node:assert/strict";
import { errorCode } from "../../core/contracts/errors.ts";
import { test } from "../harness.ts";
import { SimWorld } from "./world.ts";

test("REPRO a knock made before a revocation is not admitted after it", async () => {
  await using world = new SimWorld(81);
  const [a, b] = await world.mesh("a", "b", "thief");
  await world.settle();
  const thief = world.nodes().find(({ name }) => name === "thief")!;
  const { token } = await world.run(a!.node.tokens.create());
  await world.stop(thief);
  const [from, to] = ["192.0.2.90", a!.host];
  world.network.setLink(from, to, { delay: 1 });
  world.network.setLink(to, from, { delay: 4000 });
  const began = world.clock.now();
  let done = "pending";
  world.create("again", from, {
    join: { token, timeoutMillis: 30000 },
  })
    .then((each) => {
      done = "joined";
      console.log(each.name);
    }, (error) => done = errorCode(error));
  await world.clock.advance(5_000);
  void world.run;
  const revoked = a!.node.members.revoke("thief");
  await world.run(revoked);
  await world.clock.advance(60_000);
  assert.equal(done, "TIMEOUT");
  void b, began;
});
