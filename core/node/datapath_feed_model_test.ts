/** Any order of what an encapsulation may tell, against the simplest picture of what must come of it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { ExportedCells, ExportedSession } from "../contracts/encapsulation.ts";
import type { PeerId } from "../contracts/values.ts";
import { FeedRig, route, session, way } from "./datapath_feed_fixture.ts";
import { shownIntervals, TwinWorker } from "./datapath_link_fixture.ts";

const peers = ["ann", "bob", "cyd", "dot"] as PeerId[];

type Step =
  | {
    readonly do: "open" | "refuse" | "confirm" | "current" | "end";
    readonly peer: number;
    readonly nth: number;
  }
  | { readonly do: "down" | "routes"; readonly peer: number }
  | { readonly do: "obey"; readonly most: number }
  | { readonly do: "restart" | "drain" };

const peer = fc.nat(peers.length - 1);
const nth = fc.nat(4);
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("open" as const), peer, nth }) },
  fc.record({ do: fc.constantFrom("refuse", "confirm", "current", "current" as const), peer, nth }),
  { weight: 3, arbitrary: fc.record({ do: fc.constant("end" as const), peer, nth }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("down" as const, "routes" as const), peer }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("obey" as const), most: fc.nat(6) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("drain" as const, "restart" as const) }) },
);

interface Known {
  readonly exported: ExportedSession;
  readonly cells: ExportedCells;
  isConfirmed: boolean;
}

/** What is the case, with none of the feed's bookkeeping. */
class Picture {
  readonly rig = new FeedRig(new SimClock(), new TwinWorker(6));
  /** Of each peer, by local index, in order; those that were not taken are numbers alone. */
  readonly sessions = new Map(peers.map((id) => [id, new Map<number, Known | undefined>()]));
  readonly ways = new Map<PeerId, number>();
  readonly wiped: ExportedSession[] = [];
  readonly routed = new Set<PeerId>();
  readonly #owners = new Map<number, PeerId>();
  #next = 1;

  take(step: Step): void {
    const { rig } = this;
    switch (step.do) {
      case "obey":
        rig.worker.obey(step.most);
        return this.requireOwnRoutes();
      case "restart":
        return rig.worker.restart();
      case "drain":
        return rig.call(() => {});
      case "routes":
        this.routed.add(peers[step.peer]!);
        return rig.routes([...this.routed].map((id) => route(`10.${peers.indexOf(id)}.0.0/16`, id)));
      case "down":
        this.ways.delete(peers[step.peer]!);
        return rig.exporter.down(peers[step.peer]!);
      default:
        return this.#takeSession(step.do, peers[step.peer]!, step.nth);
    }
  }

  #takeSession(what: Extract<Step, { nth: number }>["do"], id: PeerId, nth: number): void {
    if (what === "open" || what === "refuse") return this.#open(id, what === "refuse");
    const { exporter } = this.rig;
    const own = [...this.sessions.get(id)!];
    const [localIndex, known] = own[nth % own.length] ?? [];
    if (localIndex === undefined) return;
    if (what === "confirm") {
      exporter.confirmed(localIndex);
      if (known !== undefined) known.isConfirmed = true;
    } else if (what === "current") {
      exporter.current(id, way(localIndex));
      // Nobody is told of a peer that has nothing in the worker.
      if (this.#isKnown(id)) this.ways.set(id, localIndex);
    } else {
      exporter.ended(localIndex);
      this.sessions.get(id)!.delete(localIndex);
      if (known !== undefined) this.wiped.push(known.exported);
    }
  }

  #isKnown(id: PeerId): boolean {
    return this.ways.has(id) || this.taken(id).length > 0;
  }

  #open(id: PeerId, isStrange: boolean): void {
    const own = this.sessions.get(id)!;
    if (own.size >= 5) return;
    const exported = session(id, 16 * this.#next++);
    const { worker, exporter } = this.rig;
    worker.ciphers = isStrange ? [] : ["chacha20-poly1305"];
    const cells = exporter.opened(exported);
    if (cells === undefined) this.wiped.push(exported);
    else assert.equal(cells.takeCounter(), 0, "a new session's first counter");
    this.#owners.set(exported.keys.localIndex, id);
    own.set(exported.keys.localIndex, cells && { exported, cells, isConfirmed: false });
  }

  taken(id: PeerId): (readonly [number, Known])[] {
    return [...this.sessions.get(id)!].flatMap(([index, known]) =>
      known === undefined ? [] : [[index, known]]
    );
  }

  /** What the worker should know when it has heard everything: of each peer its sessions, the one to send in, its routes. */
  expected(): unknown[] {
    return peers.map((id) => {
      const taken = this.taken(id);
      const way = this.ways.get(id);
      const sends = taken.some(([index]) => index === way) ? way : undefined;
      const isRouted = this.routed.has(id) && this.#isKnown(id);
      return [id, taken.map(([index, { isConfirmed }]) => [index, isConfirmed]), sends, isRouted];
    });
  }

  /** The same as the worker sees it: its peers are slots, told apart by their routes and sessions. */
  seen(): unknown[] {
    const { sessions, peers: places } = this.rig.worker;
    const routed = this.#routedSlots();
    return peers.map((id) => {
      const own = [...sessions.values()].filter(({ localIndex }) => this.#owners.get(localIndex) === id);
      const slots = new Set([...own.map((each) => each.peer), ...routed.has(id) ? [routed.get(id)!] : []]);
      assert.ok(slots.size <= 1, `${id} is at ${[...slots].join()}`);
      const place = [...slots].map((slot) => places.get(slot))[0];
      const inOrder = own.sort((a, b) => a.localIndex - b.localIndex);
      const sends = sessions.get(place?.session ?? -1)?.localIndex;
      return [
        id,
        inOrder.map(({ localIndex, isConfirmed }) => [localIndex, isConfirmed]),
        sends,
        routed.has(id),
      ];
    });
  }

  /** At no time is what one peer owns sent to, or taken from, another. */
  requireOwnRoutes(): void {
    for (const [id, slot] of this.#routedSlots()) {
      for (const { peer, localIndex } of this.rig.worker.sessions.values()) {
        if (peer === slot) assert.equal(this.#owners.get(localIndex), id, `slot ${slot}`);
      }
    }
  }

  #routedSlots(): Map<PeerId, number> {
    const { routes } = this.rig.worker;
    return new Map((routes === undefined ? [] : shownIntervals(routes)).map((words) => {
      const [range, slot] = words.split("=");
      return [peers[Number(range!.split(".")[1])]!, Number(slot)];
    }));
  }
}

test("whatever happens in whatever order, the worker knows in the end what is the case, and no key is left behind", () => {
  fc.assert(
    fc.property(fc.array(steps, { minLength: 20, maxLength: 80, size: "max" }), (all) => {
      const picture = new Picture();
      for (const step of all) picture.take(step);
      picture.rig.call(() => {});
      picture.rig.worker.obey();
      assert.deepEqual(picture.seen(), picture.expected());
      for (const { keys } of picture.wiped) {
        assert.ok([...keys.send, ...keys.receive].every((byte) => byte === 0));
      }
    }),
    { numRuns: 500, seed: 20_261_123 },
  );
});
