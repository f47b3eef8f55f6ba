/** A container that says more to all than its port lets in, as one does whose interface is a part of a circle. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { macOfAddress } from "../../core/wire/mac.ts";
import { announcement } from "../../plugins/tap/announcement.ts";
import { groupRate } from "../../plugins/tap/ingress_rules.ts";
import { test } from "../harness.ts";
import { onBed, skip } from "./bed.ts";
import { injector } from "./injector.ts";

test(
  "a storm of broadcasts is held back, counted and an alert until it is over",
  () =>
    onBed(async (bed) => {
      const { port, host, drops } = await bed.started();
      const web = bed.container();
      const { leases } = await bed.join(port, web, "10.32.0.1");
      const alerts: string[] = [];
      host.events.on("alert:raised", ({ alert, detail }) =>
        void alerts.push(`${alert}: ${detail}`), bed.signal);
      host.events.on("alert:cleared", ({ alert }) =>
        void alerts.push(`${alert} is over`), bed.signal);
      await using device = await injector(web);
      const frame = announcement(leases[0]!, macOfAddress(leases[0]!.address));
      for (let sent = 0; sent < 100; sent++) {
        device.write(frame);
      }
      await port.look();
      assert.deepEqual(alerts, [], "not for a few");

      const begun = performance.now();
      const sent = 4 * groupRate;
      for (let i = 0; i < sent; i++) {
        device.write(frame);
      }
      await port.look();
      const letIn = groupRate * (1 + (performance.now() - begun) / 1000);
      const refused = drops.get(Drop.rateLimited) ?? 0;
      assert.ok(refused > 0 && refused >= sent - letIn - 100, `${refused} of ${sent}`);
      assert.match(
        alerts.shift()!,
        /^broadcast-storm: \d+ broadcast and multicast frames of containers were dropped/,
      );
      await port.look();
      assert.deepEqual(alerts, ["broadcast-storm is over"]);
    }),
  { skip },
);
