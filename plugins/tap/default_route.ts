/**
 * Default routes of endpoints through addresses of their host. Those that are ours bear a number of their own (`proto`, as
 * the routes of every routing daemon do), so that they are known from all others also after a restart, and who removes ours
 * removes no other.
 */
import type { Address } from "../../core/contracts/values.ts";
import { formatAddress } from "../../core/wire/address.ts";
import type { Script } from "./script.ts";

/** None of those that Linux names (rt_protos), nor one that a routing daemon is known to use. */
const ours = "proto 83";

/** One line of a shell script in the endpoint's namespace: leaves a route that is there, whose ever it is. */
export function addDefaultRoute(device: string, gateway: Address): string {
  const ip = `ip -${gateway.family} route`;
  const via = formatAddress(gateway);
  return `[ -n "$(${ip} show default)" ] || ${ip} add default via ${via} dev ${device} ${ours}`;
}

/** Through the first of `gateways` of each family, and none of ours through any other. `path` opens the namespace. */
export function routeScript(
  device: string,
  gateways: readonly Address[],
  path: string,
): Pick<Script, "text" | "args"> {
  const inside = ([4, 6] as const).map((family) => {
    const all = gateways.filter((gateway) => gateway.family === family);
    const add = all.slice(0, 1).map((gateway) => addDefaultRoute(device, gateway));
    return [removeOthers(device, family, all), ...add].join("\n");
  });
  return { text: `exec 9<"$1"\nnsenter --net=/proc/$$/fd/9 sh -euc "$2"\n`, args: [path, inside.join("\n")] };
}

/** A kernel without the family has no routes of it. */
function removeOthers(device: string, family: 4 | 6, kept: readonly Address[]): string {
  const ip = `ip -${family} route`;
  return `${ip} show default ${ours} dev ${device} 2>/dev/null | while read -r _ _ gateway _; do
  case " ${kept.map(formatAddress).join(" ")} " in *" $gateway "*) ;; *)
    ${ip} del default via "$gateway" dev ${device} ${ours} ;;
  esac
done`;
}
