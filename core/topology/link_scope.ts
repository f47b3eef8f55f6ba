/**
 * How far link state reaches. Up to 500 members all tell all of their links: about 400 kB that everybody holds, a few
 * records a second at worst, shortest paths in a millisecond. Above, a record that goes to everybody at every change of
 * any link would be most of what the mesh says, so nobody tells any and what was told is taken back: a member names a few
 * relays in what it says of itself (`named_relays.ts`), and frames to all go along a tree that neighbours make between
 * themselves (`gossip_trees.ts`).
 *
 * Members need not agree on the moment: one that tells of no links is linked to nobody in the graphs of those who still look
 * at them, and is reached as one that has just come. Between the two bounds everybody stays with what he does, so a mesh
 * at the border changes its ways when it has lost a tenth of its members, and not at every one that comes or goes.
 *
 * Members that gossip holds for dead do not count: they tell no links, and one member can admit as many as it likes.
 */
export type LinkScope = "mesh" | "local";

export const meshScopeUpTo = 500;
/** Of the bound, at most: then links are told again. */
const again = 0.9;

/** What a node is to do with so many members; `before` is what it does now. */
export function linkScopeOf(members: number, before: LinkScope = "mesh", upTo = meshScopeUpTo): LinkScope {
  if (members > upTo) return "local";
  return before === "local" && members > Math.floor(upTo * again) ? "local" : "mesh";
}
