/**
 * What a machine keeps for each member that it knows: the growth of heap and array buffers from an empty process to one
 * with all machines settled, over the pairs of a machine and a member. The harness's own byte for each pair is left out.
 */
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { GossipShape, MachineKind } from "./gossip_shape.ts";
import { SimRandom } from "../sim/random.ts";

/** Bytes per machine and member, with all of them admitted, before anything was said. */
export function memoryPerMember(kind: MachineKind, nodes: number, machines: number): number {
  // The first machine compiles code and makes what all share.
  const kept = [makeMachine(kind, nodes, 0)];
  const before = usedBytes();
  for (let self = 1; self <= machines; self++) kept.push(makeMachine(kind, nodes, self % nodes));
  return (usedBytes() - before) / ((kept.length - 1) * (nodes - 1));
}

function makeMachine(kind: MachineKind, nodes: number, self: number): GossipShape {
  const machine = kind.create({ self, members: nodes, random: new SimRandom(self), incarnation: 0 });
  machine.start(0);
  for (let peer = 0; peer < nodes; peer++) if (peer !== self) machine.admit(peer, 0);
  return machine;
}

/** Heap and array buffers after a collection. */
export function usedBytes(): number {
  // What the first collection finalizes, the second one frees.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Deno has no switch for it after the start: there the flag has to be given, or the figure is too high. */
function collect(): void {
  const given = (globalThis as { gc?: () => void }).gc;
  if (given !== undefined) return given();
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
