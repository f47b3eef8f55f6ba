import assert from "node:assert/strict";
import { MessageType } from "../../plugins/noise/wire.ts";
import { test } from "../harness.ts";
import { SimClock } from "./clock.ts";
import { drawFlow } from "./flow_chart.ts";
import { FlowRecorder } from "./flow_recorder.ts";
import { SimNetwork } from "./network.ts";
import { SimRandom } from "./random.ts";

const golden = `\
            a           b           c
      0.0   |           |           |           * the run begins
     12.0   |---------->|           |           initiation, 1232 bytes, after 5 ms
     13.5   |<----------|           |           response, 480 bytes, after 5 ms and 19 ms
     14.0   |-----------------x     |           keepalive, 32 bytes, cut
     15.2   |  x--------|           |           data, 90 bytes, lost
     16.0   |           |<----------|           knock, 256 bytes, after 1 ms
`;

test("a flow is drawn with a column per node, arrows that arrive or break off, and remarks", () => {
  const datagram = (at: number, from: string, to: string, label: string) => ({ at, from, to, label });
  const chart = drawFlow([
    { at: 0, remark: "the run begins" },
    { ...datagram(12, "a", "b", "initiation, 1232 bytes"), arrivals: [17], fates: [] },
    { ...datagram(13.5, "b", "a", "response, 480 bytes"), arrivals: [18.5, 32.5], fates: [] },
    { ...datagram(14, "a", "c", "keepalive, 32 bytes"), arrivals: [], fates: ["cut"] },
    { ...datagram(15.2, "b", "a", "data, 90 bytes"), arrivals: [], fates: ["lost"] },
    { ...datagram(16, "c", "b", "knock, 256 bytes"), arrivals: [17], fates: [] },
  ], ["a", "b", "c"]);
  assert.equal(chart, golden);
});

test("a recorder tells the fate of every datagram by its name, and keeps no more than it was told", async () => {
  const clock = new SimClock();
  const network = new SimNetwork({ clock, random: new SimRandom(1), faults: { delay: 2 } });
  const recorder = new FlowRecorder(({ host }) => host === "192.0.2.1" ? "ann" : undefined, 4);
  network.watch((event) => recorder.hear(event));
  const [ann, ben] = [{ host: "192.0.2.1", port: 1 }, { host: "192.0.2.2", port: 1 }];
  const binding = network.bind(ann, () => {});
  network.bind(ben, () => {});
  for (let i = 0; i < 50; i++) binding.send(Uint8Array.of(MessageType.data, 1), ben);
  await clock.advance(10);
  binding.send(Uint8Array.of(MessageType.close), ben);
  network.cut(ann.host, ben.host);
  await clock.advance(5);
  recorder.remark(clock.now(), "the end");
  const [, before, cut, end, ...more] = recorder.steps();
  assert.deepEqual(more, []);
  assert.deepEqual(before, {
    at: 0,
    from: "ann",
    to: "192.0.2.2:1",
    label: "data, 2 bytes",
    arrivals: [2],
    fates: [],
  });
  assert.deepEqual(cut, { ...before, at: 10, label: "close, 1 bytes", arrivals: [], fates: ["cut"] });
  assert.deepEqual(end, { at: 15, remark: "the end" });
});
