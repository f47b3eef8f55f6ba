/** Our own ports, bent by somebody so that they send frames back. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { onBed, run, runIn, skip } from "./bed.ts";

test(
  "hairpin that somebody turns on is turned off again, and an alert names the port until it is well",
  () =>
    onBed(async (bed) => {
      const { port, host } = await bed.started();
      const web = bed.container();
      await bed.join(port, web, "10.32.0.1");
      const alerts: string[] = [];
      const { signal } = bed;
      host.events.on("alert:raised", ({ alert, detail }) => void alerts.push(`${alert}: ${detail}`), signal);
      host.events.on("alert:cleared", ({ alert }) => void alerts.push(`${alert} is over`), signal);
      for (const name of ["tap0", "port1"]) {
        runIn(bed.namespace, "ip", "link", "set", "dev", name, "type", "bridge_slave", "hairpin", "on");
        await port.look();
        assert.doesNotMatch(run("ip", "-n", bed.namespace, "-d", "link", "show", "dev", name), /hairpin on/);
        await port.look();
        assert.match(alerts.shift()!, new RegExp(`^bridge-loop: .*hairpin of ${name}`));
        assert.equal(alerts.shift(), "bridge-loop is over");
      }
    }),
  { skip },
);
