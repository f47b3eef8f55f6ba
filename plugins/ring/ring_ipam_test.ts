import { testIpam } from "../../tests/conformance/ipam.ts";
import { World } from "../../tests/ring/ring_world.ts";

testIpam({
  name: "ring",
  quarantine: 60_000,
  bed: () => {
    const world = new World(1);
    return {
      create: () => world.get(0).create(),
      complete: (promise) => world.clock.complete(promise),
      advance: (duration) => world.clock.advance(duration),
    };
  },
});
