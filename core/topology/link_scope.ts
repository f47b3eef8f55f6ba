/**
 * How far link state reaches. Up to 500 members all tell all of their links: about 400 kB that everybody holds, a few
 * records a second at worst, shortest paths in a millisecond. Above, a record that goes to everybody at every change of
 * any link would be most of what the mesh says, so nobody tells any and what was told is taken back: relays are those of
 * the configuration, and a frame to all goes from its origin to those with a session.
 *
 * Members need not agree on the moment: one that tells of no links is linked to nobody in the graphs of those who still look
 * at them, and is reached as one that has just come. Between the two bounds everybody stays with what he does.
 */
export type LinkScope = "mesh" | "local";

export const meshScopeUpTo = 500;
const meshScopeAgainAt = 450;

/** What a node is to do with so many members; `before` is what it does now. */
export function linkScopeOf(members: number, before: LinkScope = "mesh"): LinkScope {
  if (members > meshScopeUpTo) return "local";
  return before === "local" && members > meshScopeAgainAt ? "local" : "mesh";
}
