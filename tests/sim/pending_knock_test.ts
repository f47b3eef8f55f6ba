import assert from "node:assert/strict";
import { errorCode } from "../../core/contracts/errors.ts";
import { test } from "../harness.ts";
import { SimWorld } from "./world.ts";

test("a knock made before a revocation is not admitted after it", async () => {
  await using world = new SimWorld(81);
  const [a, , thief] = await world.mesh("a", "b", "thief");
  await world.settle();
  const { token } = await world.run(a!.node.tokens.create());
  await world.stop(thief!);
  const again = world.machine("again").host;
  world.network.setLink(a!.host, again, { delay: 4_000 });
  const joining = world.create("again", again, { join: { token, timeoutMillis: 30_000 } });
  const outcome = joining.then(() => "joined", errorCode);
  await world.clock.advance(5_000);
  await world.run(a!.node.members.revoke("thief"));
  assert.equal(await world.run(outcome), "TIMEOUT");
});
