/** A join with more devices behind it than it lets in, in the kernel. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { leaveText, mostMacs, settleText } from "../../plugins/tap/bridge_scripts.ts";
import { test } from "../harness.ts";
import { onBed, run, runIn, skip, stateOf, until } from "./bed.ts";
import { injector } from "./injector.ts";

const extra = 100;

test(
  "our bridge learns no more devices of a join than a limit, and what they send is dropped and counted",
  () =>
    onBed(async (bed) => {
      const { port, drops } = await bed.started();
      const cable = bed.container();
      const before = stateOf(bed.namespace);
      run(
        "ip",
        "-n",
        bed.namespace,
        "link",
        "add",
        "join1",
        "type",
        "veth",
        "peer",
        "name",
        "mesh0",
        "netns",
        cable.name,
      );
      const macs = { signal: Uint8Array.of(2, 1, 1, 1, 1, 1), signalSource: Uint8Array.of(2, 1, 1, 1, 1, 0) };
      const rules = { number: 1, ...macs, macs: [], addresses: [] };
      const settle = settleText({
        rules,
        device: "br0",
        hostEnd: "-",
        alias: "selvage join 1 br0",
        mtu: 1500,
      });
      runIn(bed.namespace, "sh", "-euc", settle);
      // The cable's own reports of multicast would be one more device.
      runIn(cable.name, "sysctl", "-q", "net.ipv6.conf.all.disable_ipv6=1");
      run("ip", "-n", cable.name, "link", "set", "mesh0", "up");
      await using device = await injector(cable);
      const send = (from: number, to: number) => {
        for (let i = from; i < to; i++) device.write(frameOf(i));
      };
      const learned = () =>
        run("bridge", "-n", bed.namespace, "fdb", "show", "brport", "join1").split("\n")
          .filter((line) => line.startsWith("52:54:00:")).length;
      // A cable that was plugged in just now carries nothing for a moment.
      await until(() => {
        send(0, mostMacs);
        return learned() === mostMacs;
      });
      send(mostMacs, mostMacs + extra);
      // Those that are known still pass, also when the rules are set anew.
      runIn(bed.namespace, "sh", "-euc", settle);
      send(0, 1);
      await until(() => counted(bed.namespace) === extra);
      assert.equal(learned(), mostMacs);
      await port.look();
      assert.equal(drops.get(Drop.queueFull), extra);
      runIn(bed.namespace, "sh", "-euc", leaveText(1));
      assert.deepEqual(stateOf(bed.namespace), before, "nothing is left of the join");
    }),
  { skip },
);

/** ARP to nobody, from a device of its own. */
function frameOf(number: number): Uint8Array {
  const frame = new Uint8Array(60);
  const [high, low] = [number >> 8, number & 0xff];
  frame.set([0x52, 0x54, 0, 9, 9, 9, 0x52, 0x54, 0, 0, high, low, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
  return frame;
}

function counted(namespace: string): number {
  const text = runIn(namespace, "nft", "list", "counter", "netdev", "selvage", "join1crowd");
  return Number(/packets (\d+)/.exec(text)?.[1]);
}
