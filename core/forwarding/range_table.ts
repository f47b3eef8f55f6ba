/**
 * Who owns an overlay address: longest prefix match over the routes of the mesh, O(number of distinct prefix lengths)
 * per lookup. A trie was rejected for this size: a mesh has one or two prefix lengths per family, so two map lookups
 * decide, and a rebuild after a change is one pass over O(peers) routes.
 */
import type { Route } from "../contracts/ipam.ts";
import type { Address } from "../contracts/values.ts";

interface Level {
  readonly bits: number;
  readonly routes: Map<string, Route>;
}

export class RangeTable {
  readonly #levels: { readonly 4: readonly Level[]; readonly 6: readonly Level[] };

  /** Of two routes for one prefix the later one counts. */
  constructor(routes: Iterable<Route>) {
    const all = [...routes];
    this.#levels = { 4: levelsOf(all, 4), 6: levelsOf(all, 6) };
  }

  /** The most specific route that contains the address. */
  lookup(address: Address): Route | undefined {
    for (const level of this.#levels[address.family]) {
      const route = level.routes.get(keyOf(address.bytes, level.bits));
      if (route !== undefined) return route;
    }
    return undefined;
  }
}

function levelsOf(routes: readonly Route[], family: 4 | 6): readonly Level[] {
  const byBits = new Map<number, Level>();
  for (const route of routes) {
    const { address, bits } = route.prefix;
    if (address.family !== family) continue;
    const level = byBits.get(bits) ?? { bits, routes: new Map<string, Route>() };
    level.routes.set(keyOf(address.bytes, bits), route);
    byBits.set(bits, level);
  }
  return [...byBits.values()].sort((a, b) => b.bits - a.bits);
}

/** The first `bits` bits as a string of one character per byte: the cheapest hashable form of 1 to 16 bytes. */
function keyOf(bytes: Uint8Array, bits: number): string {
  const whole = bits >> 3;
  let key = "";
  for (let i = 0; i < whole; i++) key += String.fromCharCode(bytes[i]!);
  const rest = bits & 7;
  return rest === 0 ? key : key + String.fromCharCode(bytes[whole]! & (0xff00 >> rest));
}
