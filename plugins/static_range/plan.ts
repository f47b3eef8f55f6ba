/**
 * The table that an operator has written down: which node has which ranges. Checked when it is read, as far as it goes without
 * knowing the network, and once more against what the network spans. Pure.
 */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Prefix } from "../../core/contracts/values.ts";
import { foldName } from "../../core/identity/node_name.ts";
import { containsPrefix, formatPrefix, overlaps } from "../../core/wire/prefix.ts";

/** A node's name as it is written in the table → its ranges. */
export type RangeTable = Readonly<Record<string, readonly Prefix[]>>;

export interface PlannedRange {
  /** As in the table. */
  readonly node: string;
  readonly prefix: Prefix;
}

/** What is wrong with the table, and where: the path inside it. */
export interface TableFault {
  readonly path: readonly string[];
  readonly message: string;
}

export const mostNodes = 4096;
export const mostRanges = 16_384;
/** A /48 is what every network has of IPv6. */
const networkBits = 48;

export function* faultsIn(table: RangeTable): Iterable<TableFault> {
  const nodes = Object.keys(table);
  const all = plannedRanges(table);
  if (nodes.length > mostNodes || all.length > mostRanges) {
    const message =
      `${nodes.length} nodes with ${all.length} ranges: at most ${mostNodes} and ${mostRanges} are taken`;
    return yield { path: [], message };
  }
  yield* repeatedNames(nodes);
  yield* missingFamilies(table);
  yield* overlapping(all);
}

export function plannedRanges(table: RangeTable): readonly PlannedRange[] {
  return Object.entries(table).flatMap(([node, prefixes]) => prefixes.map((prefix) => ({ node, prefix })));
}

/**
 * The same table with every range in its place, for a network that spans `ranges`. The id of a network decides about its IPv6
 * range, and nobody knows it beforehand: a range whose first 48 bits are zero is therefore counted from there. Throws
 * `CONFIG_INVALID` for a range that lies elsewhere.
 */
export function placed(table: RangeTable, ranges: readonly Prefix[]): readonly PlannedRange[] {
  return plannedRanges(table).map(({ node, prefix }) => {
    const own = inNetwork(prefix, ranges);
    if (ranges.some((range) => containsPrefix(range, own))) return { node, prefix: own };
    const network = ranges.map(formatPrefix).join(" or ");
    throw new MeshError(
      "CONFIG_INVALID",
      `ipam.ranges.${node}: ${formatPrefix(prefix)} is not inside the network's range, which is ${network}`,
      { details: { path: `ipam.ranges.${node}` } },
    );
  });
}

function inNetwork(prefix: Prefix, ranges: readonly Prefix[]): Prefix {
  if (!isRelative(prefix)) return prefix;
  const network = ranges.find(({ address, bits }) => address.family === 6 && bits <= networkBits);
  if (network === undefined) return prefix;
  const bytes = prefix.address.bytes.slice();
  bytes.set(network.address.bytes.subarray(0, networkBits / 8));
  return { address: { family: 6, bytes }, bits: prefix.bits };
}

function isRelative({ address: { family, bytes }, bits }: Prefix): boolean {
  return family === 6 && bits >= networkBits &&
    bytes.subarray(0, networkBits / 8).every((byte) => byte === 0);
}

/** Names that the network takes for one. */
function* repeatedNames(nodes: readonly string[]): Iterable<TableFault> {
  const seen = new Map<string, string>();
  for (const node of nodes) {
    const other = seen.get(foldName(node));
    if (other !== undefined) yield { path: [node], message: `is the same node as ${other}` };
    seen.set(foldName(node), node);
  }
}

/** A node has an address of each family of its network, so one without a range of a family would never be ready. */
function* missingFamilies(table: RangeTable): Iterable<TableFault> {
  for (const family of [4, 6] as const) {
    const has = (prefixes: readonly Prefix[]) => prefixes.some(({ address }) => address.family === family);
    const example = Object.keys(table).find((node) => has(table[node]!));
    if (example === undefined) continue;
    for (const [node, prefixes] of Object.entries(table)) {
      if (!has(prefixes)) {
        yield { path: [node], message: `has no IPv${family} range, and ${example} has one` };
      }
    }
  }
}

/** In the order of the addresses, where what overlaps is side by side: thousands of ranges are not compared in pairs. */
function* overlapping(all: readonly PlannedRange[]): Iterable<TableFault> {
  const sorted = all.toSorted((a, b) => compareStart(a.prefix, b.prefix));
  let widest = sorted[0];
  for (const each of sorted.slice(1)) {
    if (widest !== undefined && overlaps(widest.prefix, each.prefix)) {
      const message = `${formatPrefix(each.prefix)} overlaps ${
        formatPrefix(widest.prefix)
      } of ${widest.node}`;
      yield { path: [each.node], message };
    } else widest = each;
  }
}

/** By family and address; of two that begin alike the wider one first. */
function compareStart(a: Prefix, b: Prefix): number {
  const [left, right] = [a.address.bytes, b.address.bytes];
  if (left.length !== right.length) return left.length - right.length;
  const at = left.findIndex((byte, i) => byte !== right[i]);
  return at < 0 ? a.bits - b.bits : left[at]! - right[at]!;
}
