/** Where addresses come from when nobody asks for a subnet: as it is written, and what it means in a network. Pure. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Prefix } from "../../core/contracts/values.ts";
import { containsPrefix, formatPrefix, parsePrefix } from "../../core/wire/prefix.ts";

/** Of `10.32.64.0/18` or `10.32.64.0/18,fd12::/64`; undefined for anything but prefixes, at most one of each family. */
export function parseSubnets(text: string): readonly Prefix[] | undefined {
  const subnets = text.split(",").map((each) => parsePrefix(each.trim()));
  const families = new Set(subnets.map((subnet) => subnet?.address.family));
  return families.has(undefined) || families.size < subnets.length
    ? undefined
    : subnets.filter((subnet) => subnet !== undefined);
}

/** One subnet for each range: the range itself where none is said. Throws `CONFIG_INVALID` for one that is in no range. */
export function defaultsIn(ranges: readonly Prefix[], subnets: readonly Prefix[]): readonly Prefix[] {
  const stray = subnets.find((subnet) => !ranges.some((range) => containsPrefix(range, subnet)));
  if (stray !== undefined) {
    const where = ranges.map(formatPrefix).join(" or ");
    throw new MeshError(
      "CONFIG_INVALID",
      `ipam.defaultSubnet: ${formatPrefix(stray)} is not inside the network's range, which is ${where}`,
    );
  }
  return ranges.map((range) => subnets.find((subnet) => containsPrefix(range, subnet)) ?? range);
}
