/** Who is linked to whom, for people. */
import type { LinkStatus, PeerLinksStatus } from "../../core/contracts/topology.ts";
import type { Io } from "../io.ts";
import { printable, styled } from "../output.ts";
import { rtt } from "./figures.ts";

type Colours = Pick<Io, "colours">;

/**
 * A line for each peer, and below it one for each of its links, as `weave status peers` has it:
 *
 *     k3vq…(host1)
 *        -> 192.0.2.2:6783   m2wz…(host2)   established   0.40ms
 */
export function peerLinksText(io: Colours, peers: readonly PeerLinksStatus[]): string {
  const rows = peers.flatMap(({ links }) => links.map(linkCells));
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  const lineOf = (link: LinkStatus) => {
    const cells = linkCells(link).map((cell, column) => cell.padEnd(widths[column] ?? 0));
    if (link.state === "pending") cells[2] = styled(io, "yellow", cells[2]!);
    return `   ${cells.join("   ").trimEnd()}\n`;
  };
  return peers.map((peer) => `${headOf(peer)}\n${peer.links.map(lineOf).join("")}`).join("");
}

function headOf({ peer, name, relay }: PeerLinksStatus): string {
  // Willing is what nodes are unless somebody says otherwise.
  return printable(`${peer}(${name})${relay === "willing" ? "" : ` relay: ${relay}`}`);
}

function linkCells({ direction, peer, name, endpoint, state, rttMillis }: LinkStatus): readonly string[] {
  const cells = [`${direction} ${endpoint ?? "-"}`, nodeText(peer, name), state, rtt(rttMillis)];
  return cells.map(printable);
}

function nodeText(peer: string | null, name: string | null): string {
  return peer === null ? "unknown" : `${peer}(${name ?? "unknown"})`;
}
