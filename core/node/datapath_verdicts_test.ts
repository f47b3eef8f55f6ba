/** What workers are told of a policy, and when what they were told is void. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { Flow } from "../contracts/policy.ts";
import type { PeerId } from "../contracts/values.ts";
import { PolicyEpoch } from "../datapath/policy_epoch.ts";
import { parseAddress } from "../wire/address.ts";
import { attached, FeedRig, type PlainPolicy, route, WatchedPolicy } from "./datapath_feed_fixture.ts";
import { TwinWorker } from "./datapath_link_fixture.ts";

const ann = "ann" as PeerId;

function flow(direction: Flow["direction"], source: string, destination: string): Flow {
  return {
    direction,
    protocol: 6,
    source: parseAddress(source)!,
    destination: parseAddress(destination)!,
    sourcePort: 5_000,
    destinationPort: 80,
  };
}

const [out, back] = [
  flow("egress", "10.40.0.5", "10.41.0.5"),
  flow("ingress", "10.41.0.5", "10.40.0.5"),
];

function scene<P extends PlainPolicy>(policy: P) {
  const rig = new FeedRig(new SimClock(), new TwinWorker(), policy);
  rig.routes([route("10.41.0.0/16", ann)]);
  rig.ports(
    attached("node", "10.40.0.1"),
    attached("netns:web", "10.40.0.5", "02:00:00:00:00:05"),
    attached("netns:db", "10.40.0.6", "02:00:00:00:00:06"),
  );
  rig.feed.start();
  rig.up(ann, 1);
  return { rig, policy, epoch: new PolicyEpoch(rig.worker.memory.epoch) };
}

test("a worker is told to judge before it is told where packets go, also one that begins anew", () => {
  const { rig } = scene(new WatchedPolicy());
  const isFirst = (told: string[]) =>
    told[0] === "judge" && told.some((words) => words.startsWith("routes 10.41"));
  assert.ok(isFirst(rig.news()));
  assert.deepEqual([rig.feed.status().path, rig.feed.status().reason], ["worker", null]);
  rig.worker.restart();
  assert.ok(isFirst(rig.news()));
  rig.feed.stop();
});

test("of what crosses between an interface and another host, verdicts are told with the epoch; of nothing else", () => {
  const { rig, epoch } = scene(new WatchedPolicy());
  rig.feed.judged(out, true);
  rig.feed.judged(back, false);
  assert.deepEqual(rig.news("verdict"), [
    `verdict ${epoch.now}: allow egress 6 10.40.0.5 5000 10.41.0.5 80`,
    `verdict ${epoch.now}: deny ingress 6 10.41.0.5 5000 10.40.0.5 80`,
  ]);
  rig.feed.judged(flow("egress", "10.40.0.1", "10.41.0.5"), true);
  rig.feed.judged(flow("ingress", "10.41.0.5", "10.40.0.1"), true);
  rig.feed.judged(flow("egress", "10.40.0.5", "10.40.0.6"), true);
  rig.feed.judged(flow("egress", "10.41.0.5", "10.40.0.5"), true);
  assert.deepEqual(rig.news("verdict"), []);
  rig.feed.stop();
});

test("when the policy says that it has changed, all that was told is void at once, and nothing has to be told for that", () => {
  const { rig, policy, epoch } = scene(new WatchedPolicy());
  rig.feed.judged(out, true);
  const [told] = rig.news("verdict");
  assert.ok(told!.startsWith(`verdict ${epoch.now}:`));
  const before = epoch.now;
  policy.change();
  assert.notEqual(epoch.now, before);
  assert.deepEqual(rig.news(), []);
  rig.feed.judged(out, false);
  assert.ok(rig.news("verdict")[0]!.startsWith(`verdict ${epoch.now}: deny`));
  rig.feed.stop();
});

test("a change that the policy keeps to itself is seen with the next packet that it judges, or within a second", async () => {
  const { rig, policy, epoch } = scene(new WatchedPolicy());
  for (const look of [() => Promise.resolve(rig.feed.judged(out, true)), () => rig.clock.advance(1_000)]) {
    const before = epoch.now;
    policy.now++;
    await look();
    assert.notEqual(epoch.now, before);
    const after = epoch.now;
    await look();
    assert.equal(epoch.now, after, "once for one change");
  }
  rig.feed.stop();
});

test("of a policy that lets everything pass, and of one that tells no changes, no verdict is told", () => {
  for (const policy of [{ allowsEverything: true, epoch: () => 0 }, { epoch: () => 0 }]) {
    const { rig, epoch } = scene(policy);
    const before = epoch.now;
    rig.feed.judged(out, true);
    const told = rig.news().map((words) => words.split(" ")[0]);
    assert.ok(!told.includes("verdict") && !told.includes("judge"), `${told}`);
    assert.equal(epoch.now, before);
    rig.feed.stop();
  }
});
