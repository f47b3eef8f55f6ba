import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { SuperFrameModel } from "./super_frame_model.ts";

test("flows cut, spoiled on the way and joined again arrive as they were sent", () => {
  for (let seed = 1; seed <= 6; seed++) {
    const model = new SuperFrameModel(seed);
    model.run(1_500);
    assert.ok(model.outcome.packets > 1_000 && model.outcome.frames < model.outcome.packets, `seed ${seed}`);
  }
});
