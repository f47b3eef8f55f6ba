/**
 * Routers of all the kinds that homes and carriers have (RFC 4787), each with one host behind it, by rules of nftables.
 *
 * Where the outside port is fixed, it is by a rule for the node's port and not by what the kernel happens to choose. What is
 * let in is told by a set of whom the host has sent to, since the kernel's own table of flows filters by address and port. And
 * what is refused is dropped on its way to the router itself: else the kernel would remember it as a flow, and give the host
 * another port when it sends there a moment later.
 */
import { Namespace } from "../../examples/lab/namespace.ts";
import type { Cable, Ground } from "../../examples/lab/underlay.ts";

export const routerKinds = ["full cone", "address", "port", "symmetric", "without UDP"] as const;
export type RouterKind = (typeof routerKinds)[number];

export interface RouterOptions {
  readonly name: string;
  readonly kind: RouterKind;
  /** What it is connected to: the internet of the lab, or another router. */
  readonly ground: Ground;
  /** The first three numbers of the addresses inside. */
  readonly inside: string;
  /** Where its host listens. */
  readonly port: number;
}

/** Away from what the kernel chooses, and from the host's own. */
export const outsidePort = 6_784;
const rememberedSeconds = 30;

export class Router implements Ground {
  readonly namespace: Namespace;
  /** The only one of its host that others see. */
  readonly address: string;
  readonly #inside: string;

  constructor({ name, kind, ground, inside, port }: RouterOptions) {
    this.namespace = Namespace.make(name);
    this.address = ground.connect(this.namespace).address4;
    this.#inside = inside;
    this.namespace.set("ipv4/ip_forward", "1");
    this.namespace.nft(
      "add table ip lab",
      "add chain ip lab in { type nat hook prerouting priority -100; }",
      "add chain ip lab out { type nat hook postrouting priority 100; }",
      "add chain ip lab pass { type filter hook forward priority 0; }",
      "add chain ip lab own { type filter hook input priority 0; }",
      "add rule ip lab own iifname eth0 meta l4proto { tcp, udp } drop",
      ...this.#rules(kind, port),
      "add rule ip lab out oifname eth0 masquerade",
    );
  }

  connect(host: Namespace): Cable {
    const cable: Cable = { port: "in", address4: `${this.#inside}.2`, address6: "fd00:1::2" };
    this.namespace.ip(
      `link add in type veth peer name eth0 netns ${host.name}`,
      `addr add ${this.#inside}.1/24 dev in`,
      "link set dev in up",
    );
    host.ip(
      `addr add ${cable.address4}/24 dev eth0`,
      `addr add ${cable.address6}/64 dev eth0 nodad`,
      "link set dev eth0 up",
      `route add default via ${this.#inside}.1`,
    );
    return cable;
  }

  #rules(kind: RouterKind, port: number): readonly string[] {
    const sent = `add rule ip lab out oifname eth0 udp sport ${port} snat to ${this.address}:${outsidePort}`;
    const enters = `udp dport ${outsidePort} dnat to ${this.#inside}.2:${port}`;
    switch (kind) {
      case "full cone":
        return [sent, `add rule ip lab in iifname eth0 ${enters}`];
      case "address":
        return [
          sent,
          `add set ip lab known { type ipv4_addr; flags dynamic,timeout; timeout ${rememberedSeconds}s; }`,
          `add rule ip lab pass oifname eth0 udp sport ${port} update @known { ip daddr }`,
          `add rule ip lab in iifname eth0 ip saddr @known ${enters}`,
        ];
      case "port":
        return [sent];
      case "symmetric":
        return ["add rule ip lab out oifname eth0 masquerade fully-random"];
      case "without UDP":
        return ["add rule ip lab pass meta l4proto udp drop"];
    }
  }
}
