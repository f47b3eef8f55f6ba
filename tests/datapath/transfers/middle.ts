/** The router between two hosts, with its cables, its faults and its counts; see `middle_rules.ts`. */
import { spawnSync } from "node:child_process";
import type { Namespace } from "../../../examples/lab/namespace.ts";
import type { Cable, Ground } from "../../../examples/lab/underlay.ts";
import type { LateCounts, LateOrder } from "./late_program.ts";
import { LineChild } from "./line_child.ts";
import {
  type Counts,
  type Faults,
  noFaults,
  ruleLines,
  type Side,
  tableLines,
  type Ways,
} from "./middle_rules.ts";

const aliasCount = 4;

const nets = {
  4: { left: "198.51.100.", right: "203.0.113.", router: "254", bits: 24, all: "0.0.0.0/0" },
  6: { left: "2001:db8:a::", right: "2001:db8:b::", router: "fe", bits: 64, all: "::/0" },
} as const;

function waysOf(family: 4 | 6): Ways {
  const { left, right, router } = nets[family];
  const aliases = Array.from({ length: aliasCount }, (_, i) => i === 0 ? `${left}1` : `${right}${100 + i}`);
  return {
    family,
    host: { left: `${left}1`, right: `${right}1` },
    router: { left: left + router, right: right + router },
    aliases,
  };
}

export interface MiddlePlan {
  /** One that is there and that whoever made it removes. */
  readonly namespace: Namespace;
  readonly family: 4 | 6;
  /** Of the cables. */
  readonly mtu: number;
  readonly seed: number;
}

export class Middle implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #ways: Ways;
  readonly #program: LineChild;
  #faults: Faults = noFaults;
  #alias = 0;

  private constructor({ namespace, family, seed }: MiddlePlan) {
    this.#namespace = namespace;
    this.#ways = waysOf(family);
    const order: LateOrder = { ways: this.#ways, seed };
    this.#program = new LineChild(namespace, "./late_program.ts", order);
  }

  /** It forwards, and has no faults yet. `connect` gives each side its host. */
  static async make(plan: MiddlePlan, connect: (left: Ground, right: Ground) => void): Promise<Middle> {
    const { namespace } = plan;
    namespace.set("ipv4/ip_forward", "1");
    namespace.set("ipv6/conf/all/forwarding", "1");
    for (const which of ["all", "default"]) namespace.set(`ipv4/conf/${which}/rp_filter`, "0");
    const ways = waysOf(plan.family);
    const ground = (side: Side): Ground => ({ connect: (host) => cable(plan, { side, host, ways }) });
    connect(ground("left"), ground("right"));
    const middle = new Middle(plan);
    await middle.#program.line();
    namespace.nft(...tableLines(), ...ruleLines(ways, noFaults, 0));
    return middle;
  }

  /** From now on. What was counted before is not forgotten. */
  spoil(faults: Faults): void {
    this.#faults = faults;
    this.#apply();
  }

  /** The host on the left is elsewhere for the one on the right. */
  roam(): void {
    this.#alias = (this.#alias + 1) % aliasCount;
    this.#program.say(String(this.#alias));
    this.#apply();
  }

  counts(): Counts {
    const list = this.#namespace.run("nft", "-j", "list", "counters", "table", "inet", "middle");
    const { nftables } = JSON.parse(list) as { nftables: { counter?: { name: string; packets: number } }[] };
    return Object.fromEntries(
      nftables.flatMap(({ counter }) => counter === undefined ? [] : [[counter.name, counter.packets]]),
    ) as Counts;
  }

  async lateCounts(): Promise<LateCounts> {
    this.#program.say("");
    return await this.#program.line<LateCounts>();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.end();
  }

  #apply(): void {
    this.#namespace.nft(...ruleLines(this.#ways, this.#faults, this.#alias));
  }
}

interface End {
  readonly side: Side;
  readonly host: Namespace;
  readonly ways: Ways;
}

function cable({ namespace, mtu }: MiddlePlan, { side, host, ways }: End): Cable {
  const { bits } = nets[ways.family];
  const own = ways.family === 6 ? " nodad" : "";
  const address = (text: string) => `${text}/${bits}`;
  namespace.ip(`link add ${side} mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${host.name}`);
  const more = side === "right" ? ways.aliases.slice(1) : [];
  namespace.ip(
    ...[ways.router[side], ...more].map((text) => `addr add ${address(text)} dev ${side}${own}`),
    `link set dev ${side} up`,
  );
  host.ip(`addr add ${address(ways.host[side])} dev eth0${own}`, "link set dev eth0 up");
  host.ip(`route add default via ${ways.router[side]}`);
  likeHardware(host);
  return { port: side, address4: ways.host[side], address6: ways.host[side] };
}

/**
 * A cable between namespaces passes several datagrams as one, which no wire does: a fault would hit them all. So the
 * sender's kernel cuts them, and the receiver's joins them again where it can be told to.
 */
function likeHardware(host: Namespace): void {
  host.ip("link set dev eth0 gso_max_segs 1");
  const [program, ...words] = host.command("ethtool", "-K", "eth0", "gro", "on");
  spawnSync(program, words);
}
