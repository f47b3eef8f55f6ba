/**
 * The pair of interfaces of one endpoint: `port7` on the bridge, `mesh0` in the endpoint's namespace. One script per
 * change. The bridge's end stays down until `open`, so a half-configured or not yet admitted endpoint hears nothing and
 * is not heard.
 */
import type { LinkOptions } from "../../core/contracts/port.ts";
import type { Lease } from "../../core/contracts/ipam.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { formatMac } from "../../core/wire/mac.ts";
import { bridgeName } from "./bridge_namespace.ts";
import { addDefaultRoute } from "./default_route.ts";
import { type PortRules, portRules, removePortRules } from "./ingress_rules.ts";
import { fed, type Script } from "./script.ts";

export interface PairPlan {
  readonly owner: string;
  /** Of the endpoint's namespace. */
  readonly path: string;
  /** Name of the interface there. */
  readonly inside: string;
  readonly mtu: number;
  readonly alias: string;
  readonly rules: PortRules;
  readonly link: LinkOptions;
}

/** Where a script ended: its exit code. */
export const stages = { locate: 40, pair: 41, filter: 42, inside: 43, routes: 44 } as const;

/**
 * Makes a pair. The namespace is held open by the shell, so that all steps are in one and the same, whatever becomes of
 * the process that the path leads through; whether it was the one that was meant, the caller asks at the end. Steps that
 * do not need each other run at the same time. The alias comes last: without it a pair is not yet made.
 */
export function attachText(plan: PairPlan): Pick<Script, "text" | "args"> {
  const { rules, alias, inside } = plan;
  const { port, mac } = rules;
  const text = `
stage=${stages.locate}
trap 'code=$?; wait; [ $code -eq 0 ] || exit $stage' EXIT
exec 9<"$1"
space=/proc/$$/fd/9
stage=${stages.pair}
ip -batch - <<END
link add name ${port} mtu 65535 type veth peer name ${inside} address ${
    formatMac(mac)
  } mtu ${plan.mtu} netns $space
${portFlags(port)}
END
${fed("nft -f -", portRules(rules), "&")}filter=$!
${staticEntry(rules)} &
entry=$!
nsenter --net=$space sh -euc "$2" &
inside=$!
stage=${stages.filter}
wait $filter
wait $entry
stage=${stages.inside}
wait $inside || { [ $? -ne ${stages.routes} ] || stage=${stages.routes}; exit 1; }
${fed("ip -j -batch -", `link set dev ${port} alias "${alias}"\nlink show dev ${port}`)}`;
  return { text, args: [plan.path, insideText(plan)] };
}

/**
 * What makes ports of bridge's ends, also of those that are there: none of it stops traffic that may pass. A process for
 * each step of each port would keep a host with a hundred containers from its network for seconds.
 */
export function filterText(...all: readonly PortRules[]): string {
  const lines = (of: (rules: PortRules) => string) => all.map(of).join("\n");
  return fed("nft -f -", lines(portRules)) + fed("ip -batch -", lines(({ port }) => portFlags(port))) +
    fed("bridge -batch -", lines(staticEntryLine));
}

function portFlags(port: string): string {
  return `link set dev ${port} addrgenmode none master ${bridgeName}
link set dev ${port} type bridge_slave learning off flood off mcast_flood on bcast_flood on`;
}

/** Where the bridge finds the MAC, without having learned it. */
export function staticEntry(rules: PortRules): string {
  return `bridge ${staticEntryLine(rules)}`;
}

function staticEntryLine({ mac, port }: PortRules): string {
  return `fdb replace ${formatMac(mac)} dev ${port} master static`;
}

/** Works whatever is left of it; fails only if the interface stays. */
export function removeText(port: string): string {
  return `ip link del dev ${port} 2>/dev/null || true
${
    fed("nft -f - 2>/dev/null", removePortRules(port), "|| true")
  }[ -z "$(ip -br link show dev ${port} 2>/dev/null)" ]
`;
}

/**
 * The endpoint's side. The link-local address derives from the MAC, as the rules of the port expect (addr_gen_mode). The
 * leases are unique in the whole network already, so duplicate detection would only delay their first use by a second.
 *
 * ARP is asked and answered for the addresses of this interface alone: a container's other interfaces have addresses
 * that its port would drop (arp_announce, arp_ignore). An address that moves to another endpoint is noticed within
 * seconds (the neighbour table's times).
 */
function insideText({ inside, link, rules }: PairPlan): string {
  const v6 = `/proc/sys/net/ipv6/conf/${inside}`;
  const leases6 = rules.leases.filter(({ address }) => address.family === 6);
  return `
put() { [ ! -e "$1" ] || echo "$2" >"$1"; }
put ${v6}/accept_ra 0
put ${v6}/autoconf 0
put ${v6}/addr_gen_mode 0
${leases6.length > 0 ? `put ${v6}/disable_ipv6 0` : ""}
put /proc/sys/net/ipv4/conf/${inside}/arp_announce 2
put /proc/sys/net/ipv4/conf/${inside}/arp_ignore 1
for family in ipv4 ipv6; do
  neigh=/proc/sys/net/$family/neigh/${inside}
  put $neigh/base_reachable_time_ms 5000
  put $neigh/delay_first_probe_time 2
  put $neigh/ucast_solicit 1
done
${link.multicastRoute === false ? "multicast=" : multicastText(inside)}
ip -batch - <<END
${rules.leases.map((lease) => addAddress(lease, inside)).join("\n")}
link set dev ${inside} up
$multicast
END
trap '[ $? -eq 0 ] || exit ${stages.routes}' EXIT
${(link.gateways ?? []).map((gateway) => addDefaultRoute(inside, gateway)).join("\n")}`;
}

export function addAddress({ address, bits }: Lease, inside: string): string {
  const options = address.family === 6 ? "nodad" : bits < 31 ? "broadcast +" : "";
  return `addr replace ${formatAddress(address)}/${bits} dev ${inside} ${options}`;
}

/**
 * Routes for groups, of each family that has none of its own. They are looked up in /proc, with what the shell has built
 * in: a program for each question would double the time that an attachment takes. For IPv6 the kernel has one per
 * interface in the table local, all of metric 256 (0x100), so ours is there too, before them.
 */
function multicastText(inside: string): string {
  // A shell reads it byte by byte, and such a file ends after the first: "|| true".
  const flag = `/proc/sys/net/ipv6/conf/${inside}/disable_ipv6`;
  return `
multicast="route add 224.0.0.0/4 dev ${inside}"
while read -r device to gateway flags count use metric mask rest; do
  [ "$to $mask" != "000000E0 000000F0" ] || multicast=
done </proc/net/route
off=1
[ ! -e ${flag} ] || read -r off <${flag} || true
if [ "$off" = 0 ]; then
  multicast6="route add multicast ff00::/8 dev ${inside} table local metric 128"
  while read -r to bits from frombits gateway metric rest; do
    [ "$to $bits" != "${groups6} 08" ] || [ "$metric" = 00000100 ] || multicast6=
  done </proc/net/ipv6_route
  multicast="$multicast
$multicast6"
fi`;
}

const groups6 = "ff000000000000000000000000000000";
