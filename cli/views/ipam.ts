/** Whose addresses are whose, as text: a table, a picture of each range, and the story of one address. */
import type { AddressOrigin, AddressOwner } from "../../core/contracts/addresses.ts";
import type { IpamStatus } from "../../core/contracts/node.ts";
import type { Prefix } from "../../core/contracts/values.ts";
import { addressToBigInt } from "../../core/wire/address.ts";
import { containsPrefix, parsePrefix, prefixSize } from "../../core/wire/prefix.ts";
import { columns } from "../output.ts";
import { percent } from "./figures.ts";

type Share = IpamStatus["shares"][number];

/** Of a terminal of 80 columns. */
const barWidth = 64;
/** One for each peer, in the order of the table; those that come after are all `+`. */
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const others = "+";
const unowned = ".";

export function ipamText(status: IpamStatus): string {
  const { ranges, shares, leases, waiting } = status;
  const peers = shares.map((share, i) => [
    letterOf(i),
    `${share.peer}(${share.name})`,
    `${addressCount(share, ranges)} (${percent(share.share4)})`,
    percent(share.share6),
    share.active === null ? "-" : String(share.active),
    stateOf(share),
    share.ranges.join(","),
  ]);
  return [
    ...ranges.map((range) => pictureOf(range, shares)),
    columns(["", "PEER", "IPV4", "IPV6", "ACTIVE", "STATE", "RANGES"], peers),
    columns(["OWNER", "ADDRESS"], leases.map(({ owner, address }) => [owner, address])),
    ...waiting.length === 0 ? [] : [
      columns(
        ["WAITING", "SUBNET", "SINCE"],
        waiting.map(({ owner, subnet, since }) => [owner, subnet, since]),
      ),
    ],
  ].join("\n");
}

/** `10.32.0.0/12` above a bar: each letter is the peer that owns the middle of that part of the range. */
export function pictureOf(text: string, shares: readonly Share[]): string {
  const range = parsePrefix(text);
  if (range === undefined) return "";
  const start = addressToBigInt(range.address);
  const size = prefixSize(range);
  const width = size < BigInt(barWidth) ? Number(size) : barWidth;
  const bar: string[] = Array(width).fill(unowned);
  for (const { prefix, letter } of prefixesIn(range, shares)) {
    const from = addressToBigInt(prefix.address) - start;
    const to = from + prefixSize(prefix);
    for (let column = 0; column < width; column++) {
      const middle = (BigInt(2 * column + 1) * size) / BigInt(2 * width);
      if (middle >= from && middle < to) bar[column] = letter;
    }
  }
  return `${text}\n[${bar.join("")}]\n`;
}

/** The widest first, so that what lies inside another is painted over it. */
function prefixesIn(range: Prefix, shares: readonly Share[]): readonly { prefix: Prefix; letter: string }[] {
  return shares.flatMap(({ ranges }, i) =>
    ranges.map(parsePrefix)
      .filter((prefix) => prefix !== undefined && containsPrefix(range, prefix))
      .map((prefix) => ({ prefix: prefix!, letter: letterOf(i) }))
  ).sort((a, b) => a.prefix.bits - b.prefix.bits);
}

function letterOf(index: number): string {
  return letters[index] ?? others;
}

function addressCount({ share4 }: Share, ranges: readonly string[]): number {
  const four = ranges.map(parsePrefix).find((range) => range?.address.family === 4);
  return four === undefined ? 0 : Math.round(share4 * Number(prefixSize(four)));
}

function stateOf({ active, reachable, liveness }: Share): string {
  if (active !== null) return "self";
  if (reachable) return "active";
  // Without a session, and nothing wrong with it: sessions stand with some members, the rest are called when needed.
  return liveness ?? "unreachable";
}

export function ownerTable({ owners }: { readonly owners: readonly AddressOwner[] }): string {
  return columns(
    ["OWNER", "KIND", "ADDRESSES"],
    owners.map(({ owner, kind, addresses }) => [owner, kind, addresses.join(" ")]),
  );
}

export function originText({ address, peer, name, owner, steps, way }: AddressOrigin): string {
  const rows = steps.map(({ range, peer, name, grantedBy }) => [
    range,
    `${peer}(${name ?? "unknown"})`,
    grantedBy === null ? "without a grant" : `granted by ${grantedBy.name ?? grantedBy.peer}`,
  ]);
  const whose = peer === null ? "nobody" : `${peer}(${name ?? "unknown"})`;
  const held = owner === null ? [] : [`held here by ${owner}`];
  const over = way?.via.map(({ name, peer }) => name ?? peer ?? "unknown") ?? [];
  const path = way === null ? [] : [over.length === 0 ? way.way : `${way.way} over ${over.join(", ")}`];
  return `${[`${address} belongs to ${whose}`, ...held, ...path].join("; ")}\n${
    columns(["RANGE", "PEER", "HOW"], rows)
  }`;
}
