/** What every ring and every message of a run is held against: the invariants that are about grants. */
import assert from "node:assert/strict";
import type { PeerId } from "../../core/contracts/values.ts";
import { decodeStateMessage } from "../../core/node/state_message.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { decodeCbor } from "../../core/wire/cbor.ts";
import { type Grant, grantId, openGrant } from "../../plugins/ring/grant.ts";
import { decodeMessage } from "../../plugins/ring/message.ts";
import { Ring, slotOf } from "../../plugins/ring/ring.ts";
import type { SimNode, World } from "./ring_world.ts";

export class GrantLedger {
  readonly #world: World;
  /** By id: checking a signature once per record is enough. */
  readonly #opened = new Map<string, Grant | undefined>();
  /** What left each node under its own signature, by slot: it must never be forgotten, nor change. */
  readonly #sent = new Map<PeerId, Map<string, Grant>>();
  /** Highest version seen in each slot, by ring: one per life of a node. */
  readonly #versions = new WeakMap<Ring, Map<string, number>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** How many grants have left their grantor. */
  get size(): number {
    return [...this.#sent.values()].reduce((sum, grants) => sum + grants.size, 0);
  }

  /** I2: a grant leaves only when the smaller ring is on disk. */
  messageLeaves(from: SimNode, message: Uint8Array): void {
    for (const record of grantsIn(message)) {
      const grant = this.#open(record);
      if (grant?.from !== from.self.id) continue;
      const stored = from.disk.image.get(`ring/grant/${slotOf(grant)}`);
      const onDisk = stored && (decodeCbor(stored) as { r: Uint8Array }).r;
      assert.ok(
        onDisk !== undefined && equalBytes(onDisk, record),
        `${from.self.name} tells of a grant that is not on its disk`,
      );
      const sent = this.#sent.get(from.self.id) ?? new Map<string, Grant>();
      this.#sent.set(from.self.id, sent.set(slotOf(grant), grant));
    }
  }

  check(rings: readonly (Ring | undefined)[]): void {
    for (const [i, ring] of rings.entries()) {
      if (ring === undefined) continue;
      this.#checkVersions(ring);
      this.#checkKept(this.#world.get(i), ring);
    }
    checkMerge(rings.filter((ring) => ring !== undefined));
  }

  /** I5: versions only grow, and a slot is its grantor's alone. */
  #checkVersions(ring: Ring): void {
    const seen = this.#versions.get(ring) ?? new Map<string, number>();
    this.#versions.set(ring, seen);
    const slots = new Map(ring.grants().map((grant) => [slotOf(grant), grant]));
    for (const [slot, version] of seen) {
      assert.ok((slots.get(slot)?.version ?? 0) >= version, `${slot} has gone back from version ${version}`);
    }
    for (const [slot, { version }] of slots) seen.set(slot, version);
  }

  /** I8: what a node has given away it knows as given away, in this life and the next. */
  #checkKept(node: SimNode, ring: Ring): void {
    for (const { id, prefix, version } of this.#sent.get(node.self.id)?.values() ?? []) {
      // Of an earlier epoch: a newer grant of the same prefix takes its place before it leaves.
      const isReplaced = ring.versionFor(prefix, node.self.id) > version + 1;
      assert.ok(
        isReplaced || ring.has(id),
        `${node.self.name} has forgotten that it gave away ${prefix.address.bytes}`,
      );
    }
  }

  #open(record: Uint8Array): Grant | undefined {
    const id = grantId(record);
    if (!this.#opened.has(id)) this.#opened.set(id, openGrant(record, this.#world.facts.id));
    return this.#opened.get(id);
  }
}

/** I3: the rings of all, merged in either order, are one ring, which none of them changes any more. */
function checkMerge(rings: readonly Ring[]): void {
  if (rings.length === 0) return;
  const merged = (order: readonly Ring[]) => {
    const whole = new Ring(order[0]!.root);
    for (const ring of order) whole.merge(ring.grants());
    return whole;
  };
  const [one, other] = [merged(rings), merged(rings.toReversed())];
  assert.deepEqual(idsOf(other), idsOf(one), "merging depends on the order");
  for (const ring of rings) assert.equal(one.merge(ring.grants()).added.length, 0, "merging twice is news");
}

function idsOf(ring: Ring): readonly string[] {
  return ring.grants().map(({ id }) => id);
}

/** On whichever channel. */
function grantsIn(message: Uint8Array): readonly Uint8Array[] {
  const [answer, shared] = [decodeMessage(message), decodeStateMessage(message)];
  if (answer?.kind === "grants") return answer.records;
  return shared?.kind === "records" ? shared.records : [];
}
