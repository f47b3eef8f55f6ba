/** A router as at home: hosts behind it share its one address, and it soon forgets who has sent what. */
import { Namespace } from "./namespace.ts";
import type { Cable, Ground, Underlay } from "./underlay.ts";

export interface NatOptions {
  readonly name: string;
  readonly underlay: Underlay;
  /** Seconds after its last packet in which a flow of UDP is forgotten, answered or not. */
  readonly forgetsAfter: number;
}

export class NatRouter implements Ground {
  readonly namespace: Namespace;
  /** The only one of its hosts that others see. IPv4: none of its hosts has a way out by IPv6. */
  readonly address: string;
  #hosts = 0;

  constructor({ name, underlay, forgetsAfter }: NatOptions) {
    this.namespace = Namespace.make(name);
    this.address = underlay.connect(this.namespace).address4;
    this.namespace.set("ipv4/ip_forward", "1");
    // At random, so that a flow which is taken up again comes from another port, as behind a router that many use.
    this.namespace.nft(
      "add table ip lab",
      "add chain ip lab out { type nat hook postrouting priority 100; }",
      "add rule ip lab out oifname eth0 masquerade random",
    );
    for (const key of ["nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"]) {
      this.namespace.set(`netfilter/${key}`, `${forgetsAfter}`);
    }
  }

  connect(host: Namespace): Cable {
    const number = ++this.#hosts;
    const inside = `192.168.${number}`;
    const cable: Cable = { port: `in${number}`, address4: `${inside}.2`, address6: `fd00:${number}::2` };
    this.namespace.ip(
      `link add ${cable.port} type veth peer name eth0 netns ${host.name}`,
      `addr add ${inside}.1/24 dev ${cable.port}`,
      `link set dev ${cable.port} up`,
    );
    host.ip(
      `addr add ${cable.address4}/24 dev eth0`,
      `addr add ${cable.address6}/64 dev eth0 nodad`,
      "link set dev eth0 up",
      `route add default via ${inside}.1`,
    );
    return cable;
  }

  /** Flows of UDP that it still knows. To be listed is what makes the kernel look at their age. */
  get flows(): number {
    const lines = this.namespace.run("cat", "/proc/net/nf_conntrack").split("\n");
    return lines.filter((line) => / udp .* dport=6783 /.test(line)).length;
  }
}
