/** What a join takes for a name, and who is told of more devices than it lets in. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { testHost } from "../../tests/conformance/test_host.ts";
import { test } from "../../tests/harness.ts";
import { BridgeJoiner, type JoinParts } from "./bridge_join.ts";
import { crowdCounter } from "./bridge_scripts.ts";
import { Crowds } from "./crowds.ts";
import { formatJoinAlias, hostEndName, parseJoinAlias } from "./join_names.ts";

test("the alias of a join is read as it was written, and nothing that a shell reads otherwise is one", () => {
  const alias = { number: 64, device: "br-lan.10" };
  assert.deepEqual(parseJoinAlias(formatJoinAlias(alias)), alias);
  const texts = fc.oneof(fc.string(), fc.string({ maxLength: 15 }).map((text) => `selvage join 1 ${text}`));
  const property = fc.property(texts, (text) => {
    const read = parseJoinAlias(text);
    return read === undefined || (/^[\w.-]{1,15}$/.test(read.device) && formatJoinAlias(read) === text);
  });
  fc.assert(property, { seed: 1, numRuns: 500 });
  for (const device of ['"$(id)"', "$(id)", "`id`", "br0;id", "-br0", "a/b", "x".repeat(16)]) {
    assert.equal(parseJoinAlias(`selvage join 1 ${device}`), undefined, device);
  }
  assert.equal(parseJoinAlias("selvage join 65 br0"), undefined);
  assert.equal(parseJoinAlias(undefined), undefined);
});

test("the ends that two nodes have on one host are called differently, in 15 letters", () => {
  const names = ["selvage", "mesh-b"].map((namespace) => hostEndName(namespace, 64));
  assert.notEqual(names[0], names[1]);
  assert.ok(names.every((name) => name.length <= 15));
});

test("a start with names that cannot be is refused before anything is run, and so is a join", async () => {
  const never = () => Promise.reject(new Error("was run"));
  const parts: JoinParts = {
    bridge: { run: never, links: never } as unknown as JoinParts["bridge"],
    namespace: "selvage",
    host: testHost(),
    take: never,
    attached: () => [],
    write: () => {},
    life: () => new AbortController().signal,
    lookSoon: () => {},
  };
  const joiner = new BridgeJoiner(parts);
  const options = { network: new Uint8Array(8) };
  const { signal } = new AbortController();
  for (const name of ['br0"; reboot; "', "", "-", "a b", "x".repeat(16)]) {
    await assert.rejects(joiner.restore(["br0", name], options), { code: "INVALID_ARGUMENT" });
    await assert.rejects(joiner.join(name, options, signal), { code: "INVALID_ARGUMENT" });
  }
  assert.deepEqual(joiner.list(), []);
});

test("the alert names the bridges whose devices are too many, as long as more are refused", () => {
  const { events } = testHost();
  const told: string[] = [];
  const { signal } = new AbortController();
  events.on(
    "alert:raised",
    ({ alert, detail }) => void told.push(`${alert} ${/behind ([^:]*)/.exec(detail)![1]}`),
    signal,
  );
  events.on("alert:cleared", ({ alert }) => void told.push(`${alert} is over`), signal);
  const crowds = new Crowds(events);
  const joins = [{ device: "br0", number: 1 }, { device: "br1", number: 2 }];
  for (const [one, two] of [[0, 0], [5, 0], [6, 0], [7, 1], [7, 1], [0, 1]] as const) {
    crowds.look(new Map([[crowdCounter(1), one], [crowdCounter(2), two]]), joins);
  }
  assert.deepEqual(told, ["bridge-devices br0", "bridge-devices br0, br1", "bridge-devices is over"]);

  // The kernel's counters outlive the node, and not a join that is parted and made anew.
  told.length = 0;
  const next = new Crowds(events);
  const counted = (frames: number) => new Map([[crowdCounter(1), frames]]);
  next.begin(counted(7));
  next.look(counted(7), joins);
  assert.deepEqual(told, []);
  next.look(counted(2), joins);
  assert.deepEqual(told, ["bridge-devices br0"]);
});
