/** Who asks on a node's bridge: ARP requests and neighbour solicitations that have crossed the mesh. */
import type { LabHost } from "../../examples/lab/lab_host.ts";

/** Counts what the node writes to its bridge. Only endpoints of this host may ask there. */
export function countQuestions({ mesh }: LabHost): void {
  mesh.nft(
    "add table netdev lab",
    ...["frames", "requests", "solicitations"].map((name) => `add counter netdev lab ${name}`),
    "add chain netdev lab tap { type filter hook ingress device tap0 priority 0; }",
    "add rule netdev lab tap counter name frames",
    "add rule netdev lab tap ether type arp arp operation request counter name requests",
    "add rule netdev lab tap ether type ip6 icmpv6 type nd-neighbor-solicit counter name solicitations",
  );
}

/** Packets since then, by name of the counter. */
export function questionsAt({ mesh }: LabHost): Record<string, number> {
  const { nftables } = JSON.parse(mesh.run("nft", "-j", "list", "counters", "table", "netdev", "lab")) as {
    nftables: { counter?: { name: string; packets: number } }[];
  };
  return Object.fromEntries(
    nftables.flatMap(({ counter }) => counter === undefined ? [] : [[counter.name, counter.packets]]),
  );
}
