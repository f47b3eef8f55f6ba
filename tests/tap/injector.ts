/** A way to put any frame into a container's `mesh0`: a bridge there, with a TAP device of the test. */
import { openTap, type TapDevice } from "../../core/runtime/tap_device.ts";
import { type Container, run } from "./bed.ts";

export async function injector(container: Container): Promise<TapDevice> {
  const device = await openTap({ namespace: container.path, name: "inject" });
  const links = ["link add bridge0 type bridge mcast_snooping 0", "link set bridge0 addrgenmode none"];
  for (const name of ["inject", "mesh0"]) links.push(`link set ${name} addrgenmode none master bridge0`);
  for (const name of ["inject", "bridge0"]) links.push(`link set ${name} up`);
  for (const line of links) run("ip", "-n", container.name, ...line.split(" "));
  return device;
}
