/**
 * Two hosts and the cable between them: network namespaces, joined by one veth pair that stands for the physical
 * network. A bridge in between, as the labs of tests have, would cost every system the same and so flatter the slow ones.
 *
 *     ob-3f2a9c-a  eth0 198.51.100.1 ───────── 198.51.100.2 eth0   ob-3f2a9c-b
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Namespace } from "../../../examples/lab/namespace.ts";
import type { Cable, Ground } from "../../../examples/lab/underlay.ts";
import { Programs } from "./programs.ts";

/** Whether frames larger than the MTU may cross the cable: a veth passes them whole, a plain card cuts them. */
export type Offload = "on" | "off";

/** What makes them, by ethtool's names; and whether the receiver may join packets again before anybody sees them. */
const offloads = ["tso", "gso", "gro", "tx-udp-segmentation", "tx-gso-partial"];
/** Which of them a kernel has differs; while these are off there is no frame above the MTU. */
const decisive = ["tcp-segmentation-offload", "generic-segmentation-offload", "tx-udp-segmentation"];

const table = "netdev underlay_loss";

/** One end of the cable. */
export interface Host {
  readonly namespace: Namespace;
  readonly address: string;
}

export class Topology implements AsyncDisposable, Ground {
  /** Of the names of everything that is made for it. At most eleven bytes: devices are named after it too. */
  readonly prefix = `ob-${randomBytes(3).toString("hex")}`;
  readonly directory = mkdtempSync(join(tmpdir(), "selvage-overlay-"));
  readonly programs: Programs;
  readonly offload: Offload;
  readonly #hosts: Host[] = [];

  /** Aborting `signal` kills what runs in it; removing what was made is still up to the disposer. */
  constructor(offload: Offload, signal: AbortSignal) {
    this.offload = offload;
    this.programs = new Programs(signal);
  }

  /** The same two at every call. */
  hosts(): readonly [Host, Host] {
    for (const name of this.#hosts.length === 0 ? ["a", "b"] : []) {
      this.connect(Namespace.make(`${this.prefix}-${name}`));
    }
    const [a, b] = this.#hosts;
    return [a!, b!];
  }

  /** The cable is laid when the first host is there, and has its second end when the other one is. */
  connect(namespace: Namespace): Cable {
    const number = this.#hosts.length + 1;
    const [first] = this.#hosts;
    if (first === undefined) namespace.ip("link add name eth0 type veth peer name eth1");
    else first.namespace.ip(`link set dev eth1 netns ${namespace.name} name eth0`);
    const cable = { port: "eth0", address4: `198.51.100.${number}`, address6: `2001:db8::${number}` };
    namespace.ip(
      `addr add ${cable.address4}/24 dev eth0`,
      `addr add ${cable.address6}/64 dev eth0 nodad`,
      "link set dev eth0 up",
    );
    if (this.offload === "off") withoutOffload(namespace);
    this.#hosts.push({ namespace, address: cable.address4 });
    return cable;
  }

  /** Loses that share of the frames that reach the second host. */
  lose(percent: number): void {
    const { namespace } = this.#hosts[1]!;
    const chain = `${table} ingress`;
    namespace.nft(
      `add table ${table}`,
      `add chain ${chain} { type filter hook ingress device "eth0" priority 0; }`,
      `add rule ${chain} numgen random mod 1000 < ${Math.round(percent * 10)} drop`,
    );
  }

  heal(): void {
    this.#hosts[1]!.namespace.nft(`add table ${table}`, `delete table ${table}`);
  }

  /** What the first host has sent into the cable. */
  sent(): { readonly bytes: number; readonly frames: number } {
    const { namespace } = this.#hosts[0]!;
    const [link] = JSON.parse(namespace.run("ip", "-s", "-j", "link", "show", "dev", "eth0")) as [Counted];
    return { bytes: link.stats64.tx.bytes, frames: link.stats64.tx.packets };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.programs[Symbol.asyncDispose]();
    // By name, so that also what was being made when something failed is gone.
    for (const name of readdirSync("/run/netns")) {
      if (name.startsWith(`${this.prefix}-`)) new Namespace(name).remove();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

interface Counted {
  readonly stats64: { readonly tx: { readonly bytes: number; readonly packets: number } };
}

function withoutOffload(namespace: Namespace): void {
  for (const name of offloads) {
    // One by one: a kernel that lacks one of them would refuse all.
    namespace.run("sh", "-c", `ethtool -K eth0 "$1" off 2>&1 || true`, "sh", name);
  }
  const features = namespace.run("ethtool", "-k", "eth0");
  for (const name of decisive) {
    if (new RegExp(`^\\s*${name}: on`, "m").test(features)) {
      throw new Error(`Cannot measure without offload: ethtool leaves ${name} of a veth on here`);
    }
  }
}
