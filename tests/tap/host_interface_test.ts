/** The host's own interface, and the containers whose way out it is. */
import assert from "node:assert/strict";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseAddress } from "../../core/wire/address.ts";
import { test } from "../harness.ts";
import { type Container, onBed, run, runIn, skip } from "./bed.ts";

test(
  "the exposed host's interface is changed in place, and one that is renamed or deleted is told to be gone",
  () =>
    onBed((bed) => {
      const host = bed.container();
      const program = fileURLToPath(import.meta.resolve("./host_loss_program.ts"));
      const flags = "Deno" in globalThis ? ["run", "-A", "--no-check"] : ["-C", "source"];
      const printed = runIn(host.name, process.execPath, ...flags, program, bed.namespace);
      assert.deepEqual(JSON.parse(printed.trim().split("\n").at(-1)!), {
        isKept: true,
        addresses: ["10.32.0.1", "10.33.0.1"],
        lostWhileWhole: 0,
        leftOfRenamed: ["lo"],
        owners: [true, true],
        attached: 0,
      });
      return Promise.resolve();
    }),
  { skip },
);

const defaults = (of: Container, family: "-4" | "-6") =>
  run("ip", "-n", of.name, family, "route", "show", "default").trim().replace(/ metric.*/, "");

test(
  "a container gets a default route when its host is exposed, loses it when that is hidden, and keeps others",
  () =>
    onBed(async (bed) => {
      const { port } = await bed.started();
      const [web, own] = [bed.container(), bed.container()];
      const { owner } = await bed.join(port, web, "10.32.0.2", "fd00:1::2");
      const other = await bed.join(port, own, "10.32.0.3", "fd00:1::3");
      run("ip", "-n", own.name, "route", "add", "default", "via", "10.32.9.9");
      const [first, second, six] = ["10.32.0.1", "10.32.0.9", "fd00:1::1"].map((text) => parseAddress(text)!);
      const route = async (...gateways: NonNullable<typeof first>[]) => {
        for (const each of [owner, other.owner]) await port.route(each, gateways, bed.signal);
      };
      for (let time = 0; time < 2; time++) {
        await route(first!, second!, six!);
        assert.equal(defaults(web, "-4"), "default via 10.32.0.1 dev mesh0 proto 83");
        assert.equal(defaults(web, "-6"), "default via fd00:1::1 dev mesh0 proto 83");
      }
      await route(second!);
      assert.equal(defaults(web, "-4"), "default via 10.32.0.9 dev mesh0 proto 83");
      assert.equal(defaults(web, "-6"), "");
      // Somebody else's route through the very same gateway is not ours.
      run("ip", "-n", web.name, "-6", "route", "add", "default", "via", "fd00:1::1");
      await route();
      assert.equal(defaults(web, "-4"), "");
      assert.equal(defaults(web, "-6"), "default via fd00:1::1 dev mesh0");
      assert.equal(defaults(own, "-4"), "default via 10.32.9.9 dev mesh0");
      await port.detach(owner);
      await assert.rejects(port.route(owner, [first!], bed.signal), { code: "NOT_FOUND" });
    }),
  { skip },
);
