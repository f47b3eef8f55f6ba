import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Endpoint, PeerId } from "../contracts/values.ts";
import { formatEndpoint, parseEndpoint } from "../wire/endpoint.ts";
import { mostPairs, Openings } from "./openings.ts";

const peer = "b" as PeerId;
const far = parseEndpoint("203.0.113.9:40000")!;
const near = parseEndpoint("192.168.7.9:6783")!;

class Bed {
  now = 0;
  readonly machine = new Openings(() => ({ own: [parseEndpoint("192.168.7.2:6783")!], ranges: [] }));

  /** What comes out until `until`, each with its time. */
  run(until: number): readonly string[] {
    const said = this.#poll();
    for (let at = this.machine.deadline(); at <= until; at = this.machine.deadline()) {
      this.now = at;
      this.machine.handleTimeout(at);
      said.push(...this.#poll());
    }
    this.now = until;
    return said;
  }

  hear(endpoints: readonly Endpoint[], wanted = false): boolean {
    return this.machine.heard(peer, endpoints, wanted, this.now);
  }

  #poll(): string[] {
    const said: string[] = [];
    for (let next = this.machine.poll(); next !== undefined; next = this.machine.poll()) {
      const what = next.type === "tell"
        ? `tell${next.wanted ? " and ask" : ""}`
        : formatEndpoint(next.endpoint);
      said.push(`${this.now} ${what}`);
    }
    return said;
  }
}

test("a peer behind a relay is told where this node is, asked for the same, and then tried five times in two seconds", () => {
  const bed = new Bed();
  bed.machine.relayed(peer, 0);
  assert.deepEqual(bed.run(40), ["0 tell and ask"]);
  assert.ok(bed.hear([far, near]));
  const tried = bed.run(20_000);
  const of = (text: string) => tried.filter((line) => line.endsWith(text)).map((line) => parseInt(line));
  assert.deepEqual(of(" 192.168.7.9:6783"), [40, 240, 540, 1_040, 2_040]);
  assert.deepEqual(
    of(" 203.0.113.9:40000"),
    [120, 320, 620, 1_120, 2_120],
    "what is near has the first word",
  );
  assert.equal(tried.length, 10);
});

test("while the other says nothing it is asked again, for a lost message is no refusal", () => {
  const bed = new Bed();
  bed.machine.relayed(peer, 0);
  const asked = bed.run(20_000);
  assert.ok(asked.length >= 3 && asked.every((line) => line.endsWith("tell and ask")), asked.join());
});

test("rounds in vain come at intervals that double up to ten minutes, and anything new begins anew at once", () => {
  const bed = new Bed();
  bed.machine.relayed(peer, 0);
  bed.hear([far]);
  const begun = bed.run(3_000_000).filter((line) => line.endsWith("tell and ask")).map((line) =>
    parseInt(line)
  );
  const gaps = begun.slice(1).map((at, index) => Math.round((at - begun[index]!) / 1_000));
  assert.deepEqual(gaps.slice(0, 7), [32, 62, 122, 242, 482, 602, 602]);
  bed.machine.moved(bed.now);
  assert.ok(bed.run(bed.now + 3_000).length > 5);
  const rested = bed.now;
  assert.ok(bed.hear([near]));
  assert.equal(bed.run(rested + 20_000).length, 5);
});

test("an open way, or the end of the session, ends all that is tried", () => {
  const bed = new Bed();
  bed.machine.relayed(peer, 0);
  bed.hear([far, near]);
  bed.machine.end(peer, bed.now);
  assert.deepEqual(bed.run(100_000), []);
  assert.equal(bed.machine.size, 0);
  assert.ok(bed.hear([far], true), "and is no offence");
  assert.deepEqual(bed.run(200_000), []);
});

test("a peer that names ever new endpoints has a few datagrams sent there and no more", () => {
  const bed = new Bed();
  bed.machine.relayed(peer, 0);
  let refused = 0, tried = 0;
  for (let second = 0; second < 600; second++) {
    for (let word = 0; word < 10; word++) {
      const endpoints = Array.from({ length: 8 }, (_, index) => ({
        host: `198.51.${word}.${index}`,
        port: 1 + second,
      }));
      refused += bed.hear(endpoints, true) ? 0 : 1;
    }
    tried += bed.run((second + 1) * 1_000).filter((line) => line.includes("198.51.")).length;
  }
  assert.ok(refused > 5_900, String(refused));
  assert.ok(tried > 0 && tried <= (6 + 60) * 40, String(tried));
});

test("a second word of the same content does not begin a round that is under way anew", () => {
  const bed = new Bed();
  bed.machine.relayed(peer, 0);
  bed.hear([far]);
  const first = bed.run(1_000).length;
  bed.hear([far], true);
  assert.equal(first + bed.run(20_000).length, 1 + 5 + 1, "asked, tried five times, and answered");
});

test("a peer that comes and goes all the time makes this node send no more than one that stays", () => {
  const bed = new Bed();
  let tried = 0;
  for (let second = 0; second < 600; second++) {
    bed.machine.relayed(peer, bed.now);
    bed.hear([{ host: "198.51.100.1", port: 1 + second }]);
    tried += bed.run((second + 1) * 1_000).filter((line) => line.includes("198.51.")).length;
    bed.machine.end(peer, bed.now);
  }
  assert.ok(tried > 0 && tried <= (6 + 60) * 5, String(tried));
});

test("whoever finds no room is tried when another one is open or gone, in turn", () => {
  const { machine } = new Bed();
  const all = Array.from({ length: mostPairs + 3 }, (_, index) => `p${index}` as PeerId);
  for (const each of all) machine.relayed(each, 0);
  const told = () => {
    const peers: PeerId[] = [];
    for (let next = machine.poll(); next !== undefined; next = machine.poll()) peers.push(next.peer);
    return peers;
  };
  assert.equal(told().length, mostPairs);
  machine.end(all[mostPairs]!, 10);
  assert.deepEqual(told(), [], "it waited and was gone before its turn");
  machine.end(all[0]!, 20);
  machine.end(all[1]!, 30);
  assert.deepEqual(told(), all.slice(mostPairs + 1));
  machine.end(all[2]!, 40);
  assert.deepEqual([told(), machine.size], [[], mostPairs - 1]);
});
