/**
 * A node of host mode with a container, and beside it a machine with the kernel of Debian as a foreign router: its own
 * `fou` and `gre` or `gretap` speak GRE in UDP with the node's `gre_udp`, and share not a line with it.
 *
 *     container ── mesh0 · node ── 198.51.100.1 ──── 198.51.100.200 ── fou · gre, gretap ── 192.168.77.1
 *                                  2001:db8::1        2001:db8::200                          2001:db8:77::1
 */
import { type Container, servicePort } from "../../../examples/lab/container.ts";
import { isInstalled, Lab, lacksForLab } from "../../../examples/lab/lab.ts";
import type { LabHost } from "../../../examples/lab/lab_host.ts";
import { parseAddress } from "../../../core/wire/address.ts";
import { formatMac, macOfAddress } from "../../../core/wire/mac.ts";
import { bootFiles } from "./debian_kernel.ts";
import { VirtualMachine } from "./virtual_machine.ts";

/** Of the machine on the underlay, and of what is behind its tunnel. */
const outer = { 4: "198.51.100.200", 6: "2001:db8::200" } as const;
const inner = { 4: "192.168.77.1", 6: "2001:db8:77::1" } as const;
const prefixes = ["192.168.77.0/24", "2001:db8:77::/64"];
const grePort = 4754;
const sourcePort = 7001;
const families = [4, 6] as const;
type Family = (typeof families)[number];

/** One boot: with the tunnel over UDP of `over`, which carries Ethernet frames or IP packets. */
export interface FouCase {
  readonly over: Family;
  readonly isEthernet: boolean;
}

export const fouCases: readonly FouCase[] = families.flatMap((over) =>
  [false, true].map((isEthernet) => ({ over, isEthernet }))
);

/** What Linux calls the four tunnels. */
const kinds = { packets: { 4: "gre", 6: "ip6gre" }, frames: { 4: "gretap", 6: "ip6gretap" } } as const;

const bootSeconds = 60;
const exchangeSeconds = 120;
const pings = 50;
/** With the largest packet that the tunnel takes whole: 1,412 bytes without the headers of IP and ICMP. */
const sizes = { 4: [56, 1_384], 6: [56, 1_364] } as const;
const transferBytes = 2_000_000;

interface Exchanged {
  readonly pingsOut: number;
  readonly pingsIn: number;
  /** Streams whose hashes were the same at both ends. */
  readonly streams: number;
  readonly bytes: number;
}

export interface FouResult extends Exchanged {
  readonly kernel: string;
  /** Ethernet frames of a `gretap` where IP packets are the way, each counted as unsupported. */
  readonly refused: number;
}

/** Why it cannot run here. */
export function lacksForFou(): string | undefined {
  const missing = ["qemu-system-x86_64", "busybox", "apt-get", "dpkg-deb", "ldd"]
    .filter((program) => !isInstalled(program));
  return lacksForLab() ??
    (missing.length === 0
      ? undefined
      : `needs ${missing.join(", ")}; apt-get install qemu-system-x86 busybox-static`);
}

/** One boot. Throws what went wrong. */
export async function runFou(way: FouCase): Promise<FouResult> {
  const lacking = lacksForFou();
  if (lacking !== undefined) throw new Error(lacking);
  const files = bootFiles();
  await using lab = new Lab();
  lab.underlay.namespace.ip("tuntap add machine mode tap", "link set dev machine master under up");
  await using machine = VirtualMachine.start(lab.underlay.namespace, "machine", files);
  await within(bootSeconds, "boot", machine.ready);
  const host = lab.host("a");
  await host.launch({ environment: { SELVAGE_ENCAPSULATION: encapsulation(way) } });
  const container = await host.container();
  container.namespace.ip(...prefixes.map((prefix) => `route add ${prefix} dev mesh0`));
  await openTunnel(machine, host, way);
  const exchanged = await within(exchangeSeconds, "exchange", exchange(machine, container));
  if (way.isEthernet) await requireNeighbours(machine, container);
  await requireClean(host);
  const refused = way.over === 4 && !way.isEthernet ? await sendFrames(machine, host) : 0;
  return { kernel: files.version, ...exchanged, refused };
}

async function exchange(machine: VirtualMachine, container: Container): Promise<Exchanged> {
  const counts = { pingsOut: 0, pingsIn: 0, streams: 0, bytes: 0 };
  for (const family of families) {
    const own = family === 4 ? container.address4 : container.address6;
    counts.pingsOut += pingMachine(container, family);
    counts.pingsIn += await pingFrom(machine, own, family);
    await bringFrom(machine, container, family);
    await bringTo(machine, container, family);
    counts.streams += 2;
    counts.bytes += 2 * transferBytes;
  }
  return counts;
}

/** Rejects when it takes longer, with the console of what has not answered. */
async function within<T>(seconds: number, what: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`no end of the ${what} within ${seconds} s`)),
    1000 * seconds,
  );
  return await Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

function encapsulation({ over, isEthernet }: FouCase): string {
  const endpoint = over === 4 ? `${outer[4]}:${grePort}` : `[${outer[6]}]:${grePort}`;
  const router = { name: "router-1", endpoint, prefixes, ethernet: isEthernet };
  return JSON.stringify([{ use: "noise" }, { use: "gre_udp", peers: [router] }]);
}

/** As the documentation of `gre_udp` has it. */
async function openTunnel(machine: VirtualMachine, host: LabHost, way: FouCase): Promise<void> {
  const { address4, address6 } = host.cable;
  const kind = kinds[way.isEthernet ? "frames" : "packets"][way.over];
  const [remote, local, listen] = way.over === 4 ? [address4, outer[4], ""] : [address6, outer[6], "-6"];
  await machine.tell(
    "ip link set dev lo up",
    `ip addr add ${outer[4]}/24 dev eth0`,
    `ip addr add ${outer[6]}/64 dev eth0 nodad`,
    // What GRO has joined inside of the tunnel this kernel drops, as an error of UDP. Too small for two, it joins nothing.
    "ip link set dev eth0 gro_max_size 1500 up",
    `ip fou add port ${grePort} ipproto 47 ${listen}`,
    `ip link add mesh type ${kind} local ${local} remote ${remote} encap fou encap-sport auto encap-dport ${grePort}`,
    // Without an address of its own making, from which it would ask for routers: nobody is behind it but who is listed.
    "ip link set dev mesh addrgenmode none",
    "ip link set dev mesh mtu 1372 up",
    `ip addr add ${inner[4]}/32 dev mesh`,
    `ip addr add ${inner[6]}/128 dev mesh`,
    ...["10.32.0.0/12", "fd00::/8"].map((range) => `ip route add ${range} dev mesh`),
    // What it hears it answers with the hash, as talkers of containers do, and elsewhere it says what is then known.
    `printf '#!/bin/sh\\nset -- $(sha256sum)\\necho "{\\"digest\\":\\"$1\\",\\"stall\\":0}"\\n' >/tmp/sink`,
    "printf '#!/bin/sh\\ncat /tmp/said\\n' >/tmp/source",
    "chmod +x /tmp/sink /tmp/source",
    `(nc -ll -p ${servicePort} -e /tmp/sink </dev/null >/dev/null 2>&1 &)`,
    `(nc -ll -p ${sourcePort} -e /tmp/source </dev/null >/dev/null 2>&1 &)`,
    `head -c ${transferBytes} /dev/urandom >/tmp/said`,
  );
}

function pingMachine(container: Container, family: Family): number {
  let answered = 0;
  for (const size of sizes[family]) {
    const said = container.namespace.run("ping", ...pingWords(size, inner[family]));
    answered += received(said);
  }
  return answered;
}

function pingWords(size: number, to: string): string[] {
  return ["-n", "-q", "-M", "do", "-i", "0.02", "-W", "2", "-c", `${pings}`, "-s", `${size}`, to];
}

async function pingFrom(machine: VirtualMachine, to: string, family: Family): Promise<number> {
  let answered = 0;
  for (const size of sizes[family]) {
    answered += received(await machine.tell(`ping -q -i 0.02 -W 2 -c ${pings} -s ${size} ${to}`));
  }
  return answered;
}

/** All of them, or it was no success. Both programs write the same words. */
function received(said: string): number {
  const [, sent, answered] = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(said) ?? [];
  if (answered === undefined || sent !== answered) throw new Error(`echo requests were lost: ${said}`);
  return Number(answered);
}

async function bringFrom(machine: VirtualMachine, container: Container, family: Family): Promise<void> {
  const digest = (await machine.tell("sha256sum /tmp/said")).slice(0, 64);
  const heard = await container.order("fetch", { to: inner[family], port: sourcePort });
  if (heard.digest === digest && heard.bytes === transferBytes) return;
  throw new Error(`over IPv${family} ${heard.bytes} bytes came from the machine, not as it has sent them`);
}

async function bringTo(machine: VirtualMachine, container: Container, family: Family): Promise<void> {
  const { intact } = await container.transfer(inner[family], 1, transferBytes);
  if (intact !== 1) throw new Error(`over IPv${family} the machine got other bytes: ${machine.log}`);
}

/** A `gretap` of which the configuration says nothing: its frames are counted, and harm nobody. */
async function sendFrames(machine: VirtualMachine, { admin, cable }: LabHost): Promise<number> {
  const before = (await admin.drops()).unsupported;
  const ends = `local ${outer[4]} remote ${cable.address4}`;
  await machine.tell(
    `ip link add frames type gretap ${ends} encap fou encap-sport auto encap-dport ${grePort}`,
    "ip addr add 192.168.78.1/24 dev frames",
    "ip link set dev frames up",
    "ping -q -c 3 -W 1 192.168.78.2 || true",
    `ping -q -c 1 -W 2 ${(await admin.endpoints()).at(-1)!.addresses[0]!.split("/")[0]}`,
  );
  const refused = (await admin.drops()).unsupported - before;
  if (refused < 3) throw new Error(`of the frames of gretap ${refused} were counted`);
  return refused;
}

/** The kernel knows the container by the MACs that its addresses stand for, as of a neighbour that has answered. */
async function requireNeighbours(machine: VirtualMachine, container: Container): Promise<void> {
  const known = await machine.tell("ip neigh show dev mesh");
  for (const address of [container.address4, container.address6]) {
    const mac = formatMac(macOfAddress(parseAddress(address)!));
    const line = known.split("\n").find((each) => each.startsWith(`${address} `)) ?? "";
    if (!line.includes(`lladdr ${mac} `)) throw new Error(`${address} is not known at ${mac}: ${known}`);
  }
}

/** Nothing was taken for something else, and nobody was turned away. */
async function requireClean({ admin }: LabHost): Promise<void> {
  const drops = await admin.drops();
  const odd = (["malformed", "badChecksum", "badSource", "unknownSession", "notOurs", "unsupported"] as const)
    .filter((name) => drops[name] > 0);
  if (odd.length > 0) throw new Error(`dropped: ${odd.map((name) => `${name} ${drops[name]}`).join(", ")}`);
}
