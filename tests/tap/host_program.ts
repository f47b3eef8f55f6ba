/** Attaches the namespace that it runs in as the host, and prints what that got: a test cannot do it to its own. */
import { execFileSync } from "node:child_process";
import process from "node:process";
import { parseAddress } from "../../core/wire/address.ts";
import { testHost } from "../conformance/test_host.ts";
import { tap } from "../../plugins/tap/mod.ts";
import type { TapPort } from "../../plugins/tap/tap_port.ts";

const { signal } = new AbortController();
const port = tap({ namespace: process.argv[2]! }).create(testHost()) as TapPort;
await port.start(signal);
const place = await port.locate({ host: "" }, signal);
const { owner } = place;
const leases = [{ owner, address: parseAddress("10.32.0.1")!, bits: 16 }];
// As it comes from the disk after a restart: the process that the path led through is another one.
const kept = { owner, path: "/proc/4000000000/ns/net" };
const attached = await port.attach({ owner, leases, mtu: 1400, place: kept }, signal);
await attached.open();
const routes = execFileSync("ip", ["route"], { encoding: "utf8" });
await port.reset();
const left = JSON.parse(execFileSync("ip", ["-j", "link"], { encoding: "utf8" })) as { ifname: string }[];
console.log(JSON.stringify([attached.device, routes, left.map(({ ifname }) => ifname).join(" ")]));
