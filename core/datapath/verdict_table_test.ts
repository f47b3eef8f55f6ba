/** What is known of flows, against a Map of words that has room for all of them. */
import assert from "node:assert/strict";
import { SimRandom } from "../../tests/sim/random.ts";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import type { Flow } from "../contracts/policy.ts";
import { formatAddress } from "../wire/address.ts";
import { parseFlow } from "../wire/flow.ts";
import { heapArena } from "./arena.ts";
import { packetOf } from "./flow_packet_fixture.ts";
import { PolicyEpoch, policyEpochMemory } from "./policy_epoch.ts";
import { ArenaPacket } from "./super_frame_packet.ts";
import { Known, VerdictTable } from "./verdict_table.ts";

const packetAt = 64;
const portless = [1, 47, 58];

class Bed {
  readonly epoch = new PolicyEpoch(policyEpochMemory());
  readonly arena = heapArena(256);
  readonly table: VerdictTable;
  readonly #packet = new ArenaPacket(this.arena);

  constructor(capacity: number, seed = 99) {
    this.table = new VerdictTable(capacity, this.arena, this.epoch);
    this.table.begin(seed);
  }

  put(flow: Flow, allow: boolean, epoch = this.epoch.now): boolean {
    return this.table.put({ epoch, flow, allow });
  }

  /** Asked with a packet of the flow, which says of it what the main thread reads too. */
  find(flow: Flow): Known {
    const packet = packetOf(flow);
    const protocol = flow.source.family === 4 ? 0x0800 : 0x86dd;
    const parsed = parseFlow(protocol, packet);
    assert.ok(typeof parsed !== "number");
    assert.equal(wordsOf({ ...parsed, direction: flow.direction }), wordsOf(flow));
    this.arena.bytes.set(packet, packetAt);
    assert.equal(this.#packet.parse(packetAt, packet.length, protocol), Drop.none);
    assert.ok(this.#packet.isPlain);
    return this.table.find(this.#packet, flow.direction === "egress");
  }
}

function wordsOf({ direction, protocol, source, destination, sourcePort, destinationPort }: Flow): string {
  const ends = [source, destination].map(formatAddress).join(" ");
  return `${direction} ${protocol} ${ends} ${sourcePort} ${destinationPort}`;
}

/** Few bits vary, so that flows differ in one field only, and the same ones come again. */
function flowOf(random: SimRandom): Flow {
  const family = random.pick([4, 6] as const);
  const protocol = random.pick(family === 4 ? [1, 6, 17, 47, 132] : [6, 17, 58]);
  const address = () => {
    const bytes = new Uint8Array(family === 4 ? 4 : 16);
    bytes[0] = 10;
    bytes[random.below(bytes.length)]! ^= 1 << random.below(2);
    return { family, bytes };
  };
  const port = () => portless.includes(protocol) ? 0 : random.pick([0, 53, 256 * 53, 65_535]);
  return {
    direction: random.pick(["ingress", "egress"] as const),
    protocol,
    source: address(),
    destination: address(),
    sourcePort: port(),
    destinationPort: port(),
  };
}

/** Of IPv4 and UDP, all different. */
function numbered(number: number): Flow {
  const source = { family: 4, bytes: Uint8Array.of(10, 0, 0, 1) } as const;
  const destination = { family: 4, bytes: Uint8Array.of(10, 1, number >> 24, number >> 16) } as const;
  const ports = { sourcePort: 4_000, destinationPort: number & 0xffff };
  return { direction: "egress", protocol: 17, source, destination, ...ports };
}

test("what is known of a flow is what was told of it in this epoch; what is not known has made way", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SimRandom(seed);
    const bed = new Bed(random.pick([8, 64, 4_096]), random.below(2 ** 31));
    const twin = new Map<string, boolean>();
    let unknown = 0;
    for (let step = 0; step < 1_500; step++) {
      const flow = flowOf(random);
      const words = wordsOf(flow);
      if (random.below(200) === 0) {
        bed.epoch.advance();
        twin.clear();
        unknown = bed.table.evictions;
      } else if (random.below(3) === 0) {
        const allow = random.below(2) === 0;
        assert.equal(bed.put(flow, !allow, bed.epoch.now - 1), false, "of another epoch");
        assert.equal(bed.put(flow, allow), true);
        twin.set(words, allow);
      } else {
        const known = bed.find(flow);
        const expected = twin.get(words);
        if (known === Known.unknown && expected !== undefined) {
          twin.delete(words);
          assert.ok(++unknown <= bed.table.evictions, `seed ${seed}, step ${step}: ${words} is lost`);
        } else {
          const answer = expected === undefined ? Known.unknown : expected ? Known.allowed : Known.denied;
          assert.equal(known, answer, `seed ${seed}, step ${step}: ${words}`);
        }
      }
    }
    if (bed.table.capacity === 4_096) assert.equal(bed.table.evictions, 0);
  }
});

test("flows without end that nobody asks for again push each other out, and not those that are in use", () => {
  const bed = new Bed(4_096);
  const used = Array.from({ length: 200 }, (_, i) => ({ ...numbered(i), protocol: 6 }));
  for (const flow of used) bed.put(flow, true);
  for (const flow of used) assert.equal(bed.find(flow), Known.allowed);
  const [strangers, each] = [200_000, 2_000];
  for (let number = 0; number < strangers; number++) {
    bed.put(numbered(number), false);
    if (number % each === 0) {
      for (const flow of used) assert.equal(bed.find(flow), Known.allowed, wordsOf(flow));
    }
  }
  assert.ok(bed.table.evictions > strangers - bed.table.capacity);
  let kept = 0;
  for (let number = strangers - 1_000; number < strangers; number++) {
    if (bed.find(numbered(number)) === Known.denied) kept++;
  }
  assert.ok(kept > 500, `${kept} of the last 1,000 are known`);
});

test("a place that only flows in use want is each of theirs in turn", () => {
  const bed = new Bed(8);
  for (let round = 0; round < 20; round++) {
    for (let number = 0; number < 9; number++) {
      bed.put(numbered(number), true);
      assert.equal(bed.find(numbered(number)), Known.allowed, "what was told last is known");
    }
  }
  assert.ok(bed.table.evictions > 20);
});

test("which flows make way for which depends on the secret", () => {
  const lost = (seed: number) => {
    const bed = new Bed(64, seed);
    for (let number = 0; number < 128; number++) bed.put(numbered(number), true);
    return Array.from({ length: 128 }, (_, number) => number)
      .filter((number) => bed.find(numbered(number)) === Known.unknown);
  };
  assert.deepEqual(lost(1), lost(1));
  assert.ok(lost(1).length >= 64);
  assert.notDeepEqual(lost(1), lost(2));
});

test("before it is told to judge, and after it was told anew, nothing is known", () => {
  const bed = new Bed(64);
  assert.equal(new VerdictTable(64, bed.arena, bed.epoch).isOn, false);
  bed.put(numbered(1), true);
  bed.table.begin(3);
  assert.deepEqual([bed.table.isOn, bed.find(numbered(1))], [true, Known.unknown]);
});
