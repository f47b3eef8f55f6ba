/**
 * Three network namespaces for tests of the host's rules, removed at the end:
 *
 *     outside 192.0.2.2 ──── 192.0.2.1 host 10.32.0.1 (selvage0) ──── 10.32.0.5 container
 *          2001:db8::2 ──── 2001:db8::1      fd00::1              ──── fd00::5
 *
 * What is outside has no route to the network, and the container none to the outside unless it is told.
 */
import { spawn, spawnSync } from "node:child_process";
import type { HostPlan, HostService } from "../../core/contracts/exposure.ts";
import { systemRandom } from "../../core/runtime/random.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { testHost } from "../conformance/test_host.ts";
import { SimClock } from "../sim/clock.ts";
import { run, runIn, until } from "./bed.ts";
import { HostRules, type HostRulesOptions } from "../../plugins/tap/host/host_rules.ts";

export const device = "selvage0";
export const ranges = ["10.32.0.0/12", "fd00::/48"].map((text) => parsePrefix(text)!);

export function planOf(changes: Partial<HostPlan> = {}): HostPlan {
  const masquerade = { randomFully: false, unmasked: [] };
  return { device, ranges, masquerade, services: [], closed: [], ...changes };
}

/** `tcp 192.0.2.1:8080 10.32.0.5:5201`; the address to listen at may be `*`. */
export function serviceOf(kind: HostService["kind"], text: string): HostService {
  const [protocol, listen, target] = text.split(" ");
  const place = (each: string) => {
    const [, host, port] = /^(.*):(\d+)$/.exec(each)!;
    return { address: host === "*" ? undefined : parseAddress(host!)!, port: Number(port) };
  };
  const { address, port } = place(target!);
  return { kind, protocol: protocol as "tcp", listen: place(listen!), target: { address: address!, port } };
}

export class HostBed {
  readonly host: string;
  readonly outside: string;
  readonly container: string;
  readonly clock = new SimClock();
  readonly signal = new AbortController().signal;
  readonly logged: string[] = [];
  readonly events = testHost().events;
  readonly #all: HostRules[] = [];

  constructor() {
    const suffix = encodeHex(systemRandom().fill(new Uint8Array(4)));
    [this.host, this.outside, this.container] = [`svh-${suffix}`, `svo-${suffix}`, `svc-${suffix}`];
    for (const name of this.#names()) {
      run("ip", "netns", "add", name);
      runIn(name, "sysctl", "-q", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0");
      run("ip", "-n", name, "link", "set", "lo", "up");
    }
    this.#connect(this.outside, "up0", ["192.0.2.1/24", "2001:db8::1/64"], [
      "192.0.2.2/24",
      "2001:db8::2/64",
    ]);
    this.#connect(this.container, device, ["10.32.0.1/12", "fd00::1/48"], ["10.32.0.5/12", "fd00::5/48"]);
    this.set("net.ipv4.ip_forward", 0);
  }

  /** A new one, as after a restart of the node. */
  rules(changes: Partial<HostRulesOptions> = {}): HostRules {
    const log = { child: () => log, log: (_: unknown, message: string) => void this.logged.push(message) };
    const options = { name: "selvage", device, namespace: `/run/netns/${this.host}`, ...changes };
    const rules = new HostRules(options, { clock: this.clock, events: this.events, log });
    this.#all.push(rules);
    return rules;
  }

  async applied(changes: Partial<HostPlan> = {}): Promise<HostRules> {
    const rules = this.rules();
    await rules.apply(planOf(changes), this.signal);
    return rules;
  }

  set(name: string, value: number): void {
    runIn(this.host, "sysctl", "-q", `${name}=${value}`);
  }

  read(name: string): string {
    return runIn(this.host, "sysctl", "-n", name).trim();
  }

  onHost(program: string, ...args: string[]): string {
    return runIn(this.host, program, ...args);
  }

  onOutside(program: string, ...args: string[]): string {
    return runIn(this.outside, program, ...args);
  }

  gatewayInContainer(): void {
    run("ip", "-n", this.container, "route", "add", "default", "via", "10.32.0.1");
    run("ip", "-n", this.container, "-6", "route", "add", "default", "via", "fd00::1");
  }

  routeOutside(): void {
    run("ip", "-n", this.outside, "route", "add", "10.32.0.0/12", "via", "192.0.2.1");
    run("ip", "-n", this.outside, "-6", "route", "add", "fd00::/48", "via", "2001:db8::1");
  }

  pings(from: string, to: string): boolean {
    // The first question for an IPv6 neighbour may be lost while the other side joins its group, and is repeated after 1 s.
    const args = ["-q", "-c", "2", "-i", "0.1", "-W", to.includes(":") ? "2" : "0.5", to];
    return spawnSync("nsenter", [`--net=/run/netns/${from}`, "ping", ...args]).status === 0;
  }

  /** True when bytes of a connection from `from` to `host:port` come to a server in `at` on `bound`. */
  async connects(
    from: string,
    [host, port]: readonly [string, number],
    at: string,
    bound: number,
  ): Promise<boolean> {
    const server = spawn("nsenter", [`--net=/run/netns/${at}`, "iperf3", "-s", "-1", "-p", `${bound}`], {
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => server.once("close", resolve));
    await until(() => runIn(at, "ss", "-Hltn", `sport = :${bound}`) !== "");
    const client = ["iperf3", "-c", host, "-p", `${port}`, "-n", "1000", "--connect-timeout", "800"];
    const { status } = spawnSync("nsenter", [`--net=/run/netns/${from}`, ...client], { timeout: 5000 });
    if (status !== 0) server.kill();
    await ended;
    return status === 0;
  }

  async end(): Promise<void> {
    for (const rules of this.#all) {
      rules.stop();
      await rules.idle();
    }
    for (const name of this.#names()) spawnSync("ip", ["netns", "del", name]);
  }

  #names(): readonly string[] {
    return [this.host, this.outside, this.container];
  }

  #connect(other: string, name: string, near: readonly string[], far: readonly string[]): void {
    run("ip", "-n", this.host, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", other);
    for (const [namespace, link, addresses] of [[this.host, name, near], [other, "eth0", far]] as const) {
      for (const address of addresses) {
        run(
          "ip",
          "-n",
          namespace,
          "addr",
          "add",
          address,
          "dev",
          link,
          ...(address.includes("::") ? ["nodad"] : []),
        );
      }
      run("ip", "-n", namespace, "link", "set", link, "up");
    }
  }
}

export async function onHostBed(body: (bed: HostBed) => Promise<void>): Promise<void> {
  const bed = new HostBed();
  try {
    await body(bed);
  } finally {
    await bed.end();
  }
}
