import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { Encapsulation, SessionTarget } from "../contracts/encapsulation.ts";
import type { PeerId } from "../contracts/values.ts";
import { Mesh } from "./mesh.ts";
import { NodeContext } from "./node_context.ts";
import { fakePlatform, FakeStore } from "./node_fixture.ts";
import type { NodeParts } from "./node_parts.ts";

const here = { host: "192.0.2.1", port: 6783 };

/** A mesh whose encapsulation only notes what it is asked for, on a node with so many sessions. */
function meshWith(sessions: number): { mesh: Mesh; connected: SessionTarget[] } {
  const connected: SessionTarget[] = [];
  const encapsulation: Partial<Encapsulation> = {
    connect: (target) => void connected.push(target),
    poll: () => undefined,
    pollTimeout: () => undefined,
  };
  const parts = {
    encapsulation,
    datagrams: { receive: () => {}, localEndpoints: () => [here] },
    beside: [],
    discovery: [],
    ipam: { routes: {} },
    port: { receive: () => {} },
    policy: {},
  } as unknown as NodeParts;
  const platform = fakePlatform(new SimClock(), "a");
  const context = new NodeContext(platform, new FakeStore(), "a", new AbortController().signal);
  const peers = Array.from({ length: sessions }, (_, i) => `peer-${i}` as PeerId);
  context.connections.peers = () => peers;
  return { mesh: new Mesh(context, parts), connected };
}

test("a node with 63 sessions sets out for another peer, one with 64 does not", () => {
  const endpoint = { host: "192.0.2.2", port: 6783 };
  for (const [sessions, attempts] of [[0, 1], [63, 1], [64, 0]] as const) {
    const { mesh, connected } = meshWith(sessions);
    mesh.reach(endpoint, "introduction");
    assert.equal(connected.length, attempts, `${sessions} sessions`);
  }
});
