/**
 * Other addresses on an interface that is there and in use. First the alias, so that a start after a death half-way finds
 * that the pair is not what it should be, then what may pass, at once for all (one transaction of nft), then the
 * endpoint's side: what is new before what goes, so that neither routes nor a last address are lost in between.
 */
import { formatAddress } from "../../core/wire/address.ts";
import { formatMac } from "../../core/wire/mac.ts";
import { type AttachedLink, hasLease, isSameMac } from "./attached_link.ts";
import { linkLocalOf, portRules } from "./ingress_rules.ts";
import { addAddress, staticEntry } from "./port_scripts.ts";
import { fed, type Script } from "./script.ts";

/** Also from a state in between, and back. `path` leads to the endpoint's namespace. */
export function changeText(
  before: AttachedLink,
  next: AttachedLink,
  path: string,
): Pick<Script, "text" | "args"> {
  const { port } = next.rules;
  const text = `
exec 9<"$1"
space=/proc/$$/fd/9
ip link set dev ${port} alias "${next.alias}"
${fed("nft -f -", portRules(next.rules))}${isSameMac(before, next) ? "" : entryText(before, next)}
nsenter --net=$space sh -euc "$2"
`;
  return { text, args: [path, insideText(before, next)] };
}

function entryText(before: AttachedLink, next: AttachedLink): string {
  const { port } = next.rules;
  return `bridge fdb del ${formatMac(before.mac)} dev ${port} master 2>/dev/null || true
${staticEntry(next.rules)}`;
}

/**
 * Of several IPv4 addresses in one subnet the kernel calls the first one the primary, and takes the others away with it
 * unless told to promote one of them. What somebody in the container has taken away already is no failure.
 */
function insideText(before: AttachedLink, next: AttachedLink): string {
  const { device, leases } = next;
  const gone = before.leases.filter((lease) => !hasLease(next, lease));
  const needs6 = leases.some(({ address }) => address.family === 6);
  const set6 = `put /proc/sys/net/ipv6/conf/${device}/disable_ipv6 0`;
  return `
put() { [ ! -e "$1" ] || echo "$2" >"$1"; }
put /proc/sys/net/ipv4/conf/${device}/promote_secondaries 1
${needs6 ? set6 : ""}
${fed("ip -batch -", leases.map((lease) => addAddress(lease, device)).join("\n"))}${
    gone.length === 0 ? "" : fed("ip -force -batch - 2>/dev/null", removals(gone, device), "|| true")
  }${isSameMac(before, next) ? "" : macText(before, next)}`;
}

function removals(leases: AttachedLink["leases"], device: string): string {
  return leases.map(({ address, bits }) => `addr del ${formatAddress(address)}/${bits} dev ${device}`).join(
    "\n",
  );
}

/** The link-local address follows from the MAC when the interface comes up, and not when the MAC changes. */
function macText(before: AttachedLink, next: AttachedLink): string {
  const { device } = next;
  const [old, fresh] = [before, next].map(({ mac }) => `${formatAddress(linkLocalOf(mac))}/64 dev ${device}`);
  return `
ip link set dev ${device} address ${formatMac(next.mac)}
off=1
[ ! -e /proc/sys/net/ipv6/conf/${device}/disable_ipv6 ] || read -r off </proc/sys/net/ipv6/conf/${device}/disable_ipv6 || true
if [ "$off" = 0 ]; then
  ip addr replace ${fresh} nodad
  ip addr del ${old} 2>/dev/null || true
fi
`;
}
