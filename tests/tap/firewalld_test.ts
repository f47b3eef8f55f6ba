/** The host's rules beside firewalld, which runs in a namespace of the test, on a message bus of its own. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { withDirectory } from "../../core/runtime/temporary_directory_fixture.ts";
import { test } from "../harness.ts";
import { skip as skipBed, until, withProgram } from "./bed.ts";
import { device, type HostBed, onHostBed } from "./host_bed.ts";

const busAddress = "DBUS_SYSTEM_BUS_ADDRESS";

function lacks(): string | undefined {
  return ["firewalld", "firewall-cmd", "dbus-daemon"]
    .find((name) => spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0);
}

const program = lacks();
const skip = skipBed ?? (program === undefined ? undefined : `needs ${program}`);

/** Everybody may say everything to everybody: nobody else is on this bus. */
const busConfig = (path: string) => {
  const types = ["method_call", "method_return", "error", "signal"];
  const said = types.map((type) => `<allow send_type="${type}"/><allow receive_type="${type}"/>`).join("");
  return `<busconfig><type>system</type><listen>unix:path=${path}</listen><auth>EXTERNAL</auth>` +
    `<policy context="default"><allow user="*"/><allow own="*"/>${said}</policy></busconfig>`;
};

/** Runs `body` while firewalld is at work on the bed's host. */
async function withFirewalld(bed: HostBed, body: () => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const bus = `${directory}/bus`;
    writeFileSync(`${directory}/bus.conf`, busConfig(bus));
    const before = process.env[busAddress];
    process.env[busAddress] = `unix:path=${bus}`;
    const programs = [
      started(bed.host, "dbus-daemon", `--config-file=${directory}/bus.conf`, "--nofork", "--nopidfile"),
    ];
    try {
      await until(() => spawnSync("test", ["-S", bus]).status === 0);
      const options = [`--system-config=${directory}`, `--log-file=${directory}/log`];
      programs.unshift(started(bed.host, "firewalld", "--nofork", "--nopid", ...options));
      await until(() =>
        spawnSync("nsenter", [`--net=/run/netns/${bed.host}`, "firewall-cmd", "-q", "--state"]).status === 0
      );
      // A node hands its environment to no program: it finds the system's own bus.
      await withProgram("firewall-cmd", `export ${busAddress}=unix:path=${bus}; exec $real "$@"`, body);
    } finally {
      for (const each of programs) await each.end();
      if (before === undefined) delete process.env[busAddress];
      else process.env[busAddress] = before;
    }
  });
}

function started(namespace: string, name: string, ...args: string[]) {
  const child = spawn("nsenter", [`--net=/run/netns/${namespace}`, name, ...args], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("close", resolve));
  return {
    end: async () => {
      child.kill();
      await ended;
    },
  };
}

function zoneOf(bed: HostBed): string {
  const args = [`--net=/run/netns/${bed.host}`, "firewall-cmd", `--get-zone-of-interface=${device}`];
  return spawnSync("nsenter", args, { encoding: "utf8" }).stdout.trim();
}

test(
  "beside firewalld an exposed host lets others in and containers out, also after a reload, and leaves no trace",
  () =>
    onHostBed((bed) =>
      withFirewalld(bed, async () => {
        bed.gatewayInContainer();
        bed.routeOutside();
        const rules = await bed.applied();
        const passes = () => [bed.pings(bed.container, "192.0.2.2"), bed.pings(bed.outside, "10.32.0.5")];
        assert.deepEqual(passes(), [true, true]);
        assert.equal(zoneOf(bed), "trusted");
        bed.onHost("firewall-cmd", "-q", "--reload");
        assert.equal(bed.pings(bed.outside, "10.32.0.5"), false, "all that was not kept for good is gone");
        await bed.clock.advance(5_000);
        await rules.idle();
        assert.deepEqual(passes(), [true, true]);
        assert.equal(rules.state().restored, 1);
        // As `hide` and `reset` do it: the interface is gone before the rules.
        bed.onHost("ip", "link", "del", device);
        await rules.clear();
        assert.equal(zoneOf(bed), "");
        assert.doesNotMatch(bed.onHost("nft", "list", "ruleset"), /selvage/);
      })
    ),
  { skip, once: "firewalld takes seconds, and is asked by the same scripts on both" },
);
