/** Exposes the namespace that it runs in, has its interface changed and taken away, and prints what became of it. */
import { execFileSync } from "node:child_process";
import process from "node:process";
import { parseAddress } from "../../core/wire/address.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { testHost } from "../conformance/test_host.ts";
import { tap } from "../../plugins/tap/mod.ts";
import type { TapPort } from "../../plugins/tap/tap_port.ts";

const { signal } = new AbortController();
const port = tap({ namespace: process.argv[2]! }).create(testHost()) as TapPort;
const lost = Promise.withResolvers<string>();
const losses: string[] = [];
port.watch((owner) => {
  losses.push(owner);
  if (losses.length === 2) lost.resolve(owner);
});
await port.start(signal);
const place = await port.locate({ host: "" }, signal);
const { owner } = place;
const ranges = [parsePrefix("10.32.0.0/12")!];

async function expose(...addresses: string[]): Promise<void> {
  const leases = addresses.map((text) => ({ owner, address: parseAddress(text)!, bits: 16 }));
  const link = { multicastRoute: false, forwards: ranges };
  await (await port.attach({ owner, leases, mtu: 1400, place, link }, signal)).open();
}

function ip(words: string): string {
  return execFileSync("ip", words.split(" "), { encoding: "utf8" });
}

interface Shown {
  readonly ifname: string;
  readonly ifindex: number;
  readonly addr_info: readonly { readonly local: string }[];
}

function shown(): readonly Shown[] {
  return JSON.parse(ip("-4 -j addr")) as Shown[];
}

await expose("10.32.0.1");
const before = shown().find(({ ifname }) => ifname === "selvage0")!;
await expose("10.32.0.1", "10.33.0.1");
const after = shown().find(({ ifname }) => ifname === "selvage0")!;
await port.look();
const lostWhileWhole = losses.length;

for (const words of ["down", "name odd0"]) ip(`link set dev selvage0 ${words}`);
await port.look();
const leftOfRenamed = shown().map(({ ifname }) => ifname);

await expose("10.32.0.1");
const plan = { device: "selvage0", ranges, masquerade: undefined, services: [], closed: [] };
await port.host.apply(plan, signal);
ip("link del dev selvage0");
await port.host.look();
await lost.promise;
const attached = [...port.attached()].length;
await port.reset();
const isKept = before.ifindex === after.ifindex;
const addresses = after.addr_info.map(({ local }) => local);
const owners = losses.map((each) => each === owner);
console.log(JSON.stringify({ isKept, addresses, lostWhileWhole, leftOfRenamed, owners, attached }));
