import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { apiBodyTargets, apiRequestTargets } from "../fuzz_targets/api.ts";
import { broadcastTargets } from "../fuzz_targets/broadcast.ts";
import { configTargets } from "../fuzz_targets/config.ts";
import { deviceFrameTargets } from "../fuzz_targets/device_frames.ts";
import { gossipTargets } from "../fuzz_targets/gossip.ts";
import { identityTargets, recordTargets, tokenTargets } from "../fuzz_targets/identity.ts";
import { linkTargets } from "../fuzz_targets/link.ts";
import { messageTargets, signedMessageTargets } from "../fuzz_targets/messages.ts";
import { superFrameTargets } from "../fuzz_targets/super_frames.ts";
import { tcpTargets } from "../fuzz_targets/tcp.ts";
import { topologyTargets } from "../fuzz_targets/topology.ts";
import { cborTargets, greTargets, ipTargets, textTargets } from "../fuzz_targets/wire.ts";
import { noiseTargets } from "../noise/fuzz_targets.ts";
import { costOf, faultOf, slowMillis } from "./fuzz/fuzz.ts";
import type { FuzzTarget } from "./fuzz/target.ts";
import { folderOf, formatRegression, parseRegression, regressions } from "./regression.ts";

const targets: readonly FuzzTarget[] = [
  ...[
    ...greTargets,
    ...ipTargets,
    ...linkTargets,
    ...deviceFrameTargets,
    ...gossipTargets,
    ...broadcastTargets,
    ...cborTargets,
    ...textTargets,
    ...messageTargets,
    ...signedMessageTargets,
  ],
  ...[...tokenTargets, ...identityTargets, ...topologyTargets, ...recordTargets, ...configTargets],
  ...[...noiseTargets, ...tcpTargets, ...apiBodyTargets, ...apiRequestTargets, ...superFrameTargets],
];

/** What is slow the first time is the runtime, not the input. */
const warmUpRuns = 5;
/** The suite counts which lines run, which makes all of them slower; the proofs hold every input to 10 ms. */
const allowedMillis = 4 * slowMillis;

test("every target has a name of its own and seeds that it takes without a fault", async () => {
  assert.equal(new Set(targets.map(({ name }) => name)).size, targets.length);
  for (const { name, seeds = [], run } of targets) {
    const taken: unknown[] = [];
    for (const seed of seeds) taken.push(await run(new Uint8Array(seed)));
    const isSilent = taken.every((each) => each === undefined);
    assert.ok(isSilent || taken.includes(true), `${name} takes none of its seeds for valid`);
  }
});

for (const { target: name, file, input } of regressions()) {
  test(`${file} breaks nothing any more`, async () => {
    const target = targets.find((each) => folderOf(each.name) === name);
    assert.ok(target !== undefined, `there is no target called ${name}`);
    for (let i = 0; i < warmUpRuns; i++) await target.run(new Uint8Array(input));
    assert.equal(await faultOf(target, input, await costOf(target, input), allowedMillis), undefined);
  });
}

test("a regression is hex with words behind #", () => {
  const input = Uint8Array.from({ length: 100 }, (_, i) => i);
  const text = formatRegression(input, "what it did\nand more");
  assert.match(text, /^# what it did\n[0-9a-f]{96}\n[0-9a-f]{96}\n[0-9a-f]{8}\n$/);
  assert.deepEqual(parseRegression(text), input);
  assert.throws(() => parseRegression("zz"), /lower-case hex/);
});
