import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { namespaceSkip, withNamespace } from "./namespace_fixture.ts";
import { openTap } from "./tap_device.ts";

const skip = namespaceSkip();

test(
  "an interface of the device's namespace is set up by a system call, and none of another or no name",
  async () => {
    await withNamespace(async (namespace) => {
      const device = await openTap({ namespace: namespace.path, name: "tap0" });
      namespace.ip("link add one type bridge", "link add two type bridge");
      device.bringUp("one");
      device.bringUp("one");
      const isUp = (name: string) => JSON.parse(namespace.ip(`link show ${name}`))[0].flags.includes("UP");
      assert.deepEqual([isUp("one"), isUp("two")], [true, false]);
      assert.throws(() => device.bringUp("three"), {
        code: "NOT_FOUND",
        message: /there is none of that name/,
      });
      await device[Symbol.asyncDispose]();
      assert.throws(() => device.bringUp("two"), { code: "NOT_RUNNING" });
      assert.equal(isUp("two"), false);
    });
  },
  { skip },
);
