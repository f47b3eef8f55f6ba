import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { Self } from "../contracts/host.ts";
import type { PeerId } from "../contracts/values.ts";
import type { ReplicatedState } from "../contracts/replicated_state.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { signLinks } from "../topology/link_record.ts";
import { tagOf } from "../topology/link_tag.ts";
import { Channels } from "./channels.ts";
import { ConnectionTable } from "./connection_table.ts";
import { MeshTopology } from "./mesh_topology.ts";
import { FakeLog } from "./node_fixture.ts";
import type { NodeContext } from "./node_context.ts";

const [ann, ben] = ["ann", "ben"].map((name) => fakeSelf(name)) as [Self, Self];
const networkId = new Uint8Array(16).fill(7);

/** Of ann, who knows ben and maybe others, and has no session. Links are told by three at most. */
class Rig {
  readonly others = [ben.id];
  readonly gone = new Set<PeerId>();
  readonly clock = new SimClock();
  readonly topology: MeshTopology;
  #links: ReplicatedState | undefined;
  #sequence = 0;

  constructor() {
    const log = new FakeLog();
    Object.assign(log, { child: () => log });
    const context = {
      platform: { clock: this.clock, log },
      state: {
        self: ann,
        networkId: () => networkId,
        isMember: () => true,
        trust: () => ({ member: () => ({ state: "admitted" }) }),
        knownPeers: () => this.others.map((id) => ({ id })),
        announcedRelays: () => new Uint8Array(),
      },
      replicator: {
        replicate: (state: ReplicatedState) => {
          this.#links = state;
          return { spread: () => {} };
        },
      },
      tags: { memberOf: () => undefined },
      connections: new ConnectionTable(),
      channels: new Channels(log, () => []),
    } as unknown as NodeContext;
    this.topology = new MeshTopology(context, {
      willingness: "willing",
      isGone: (peer) => this.gone.has(peer),
      linkStateUpTo: 3,
    });
  }

  /** Ben says something else than before. */
  tell(): void {
    const links = this.#sequence % 2 === 0 ? [] : [{ tag: tagOf(ann.id), rttClass: 40, flags: 0 }];
    this.#links!.merge([
      signLinks(ben, networkId, { links, willingness: "willing", sequence: this.#sequence++ }),
    ]);
  }

  /** Graphs that are made in the seconds in which ben changes his word ten times each. */
  async graphsIn(seconds: number): Promise<number> {
    const graphs = new Set<object>();
    for (let step = 0; step < 10 * seconds; step++) {
      this.tell();
      await this.clock.advance(100);
      graphs.add(this.topology.graph);
    }
    return graphs.size;
  }
}

test("a member that changes its word all the time brings about one graph a second, after the first fifty", async () => {
  const rig = new Rig();
  rig.topology.start();
  assert.ok(await rig.graphsIn(5) > 40, "few changes are followed at once");
  await rig.graphsIn(5);
  const later = await rig.graphsIn(8);
  assert.ok(later >= 7 && later <= 10, `${later}`);
  await rig.clock.advance(60_000);
  assert.ok(await rig.graphsIn(2) > 15, "and again after a while of peace");
  rig.topology.stop();
  assert.equal(rig.clock.pending, 0);
});

test("members that are held for dead do not count towards the bound of link state, and those that come back do", async () => {
  const rig = new Rig();
  rig.topology.start();
  const invented = ["x", "y", "z"].map((name) => fakeSelf(name).id);
  for (const peer of invented) rig.gone.add(peer);
  rig.others.push(...invented);
  rig.topology.membersChanged([]);
  const isLarge = () => rig.topology.broadcasts().way === "gossip";
  assert.equal(isLarge(), false);
  rig.gone.clear();
  rig.topology.livesChanged();
  rig.topology.livesChanged();
  await rig.clock.advance(999);
  assert.equal(isLarge(), false, "many may come back at once");
  await rig.clock.advance(1);
  assert.equal(isLarge(), true);
  rig.gone.add(invented[0]!).add(invented[1]!);
  rig.topology.livesChanged();
  await rig.clock.advance(1_000);
  assert.equal(isLarge(), true, "a tenth below the bound is two");
  rig.gone.add(invented[2]!);
  rig.topology.livesChanged();
  await rig.clock.advance(1_000);
  assert.equal(isLarge(), false);
  rig.topology.stop();
  assert.equal(rig.clock.pending, 0);
});
