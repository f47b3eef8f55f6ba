/**
 * The takeover: what one peer owned belongs to another from now on, by the word of a majority of voters. A decision of
 * kind `takeover` whose payload is the CBOR map
 *
 *     { v: 1, d: who owned it 20, h: heir 20, p: [prefix, …] }, at most 256 bytes, prefixes as in a grant
 *
 * It names space and not the grants that the dead peer had made, of which nobody can know all. A voter votes for it only
 * while each prefix is wholly the dead peer's as far as that voter knows: so what was granted and is known to any of the
 * majority stays with whom it was granted to, and what none of them has heard of is void, also when it turns up later.
 */
import type { Decision } from "../../core/contracts/decisions.ts";
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { blob, type Fields, malformed, readMap } from "../../core/identity/fields.ts";
import { decodeBase32, encodeBase32 } from "../../core/wire/base32.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { overlaps } from "../../core/wire/prefix.ts";
import { prefixFromBytes, prefixToBytes } from "./grant.ts";

export interface TakeoverTerms {
  readonly dead: PeerId;
  readonly heir: PeerId;
  /** At least one, none inside another. */
  readonly prefixes: readonly Prefix[];
}

export interface Takeover extends TakeoverTerms {
  /** Of the decision: of two that share an address the higher one counts. */
  readonly number: number;
  /** As of {@link Decision}. */
  readonly recovery: number;
  readonly payload: Uint8Array;
}

export const takeoverKind = "takeover";

const version = 1;
const maxTakeoverBytes = 256;
/** Map, keys, version, both peers, and the head of the list. */
const headBytes = 56;

/** The epoch of grants under the founding record. */
export const foundingEpoch = 1;

/** The epoch of grants in what a takeover of this number gave: above {@link foundingEpoch}. */
export function epochOf({ number }: Pick<Takeover, "number">): number {
  return number + foundingEpoch;
}

export function encodeTakeover({ dead, heir, prefixes }: TakeoverTerms): Uint8Array {
  return encodeCbor({
    v: version,
    d: decodeBase32(dead),
    h: decodeBase32(heir),
    p: prefixes.map(prefixToBytes),
  });
}

/** Undefined for anything but a takeover of this version. */
export function decodeTakeover(payload: Uint8Array): TakeoverTerms | undefined {
  return readMap(payload, maxTakeoverBytes, readTakeover);
}

/** Undefined where the payload is none. */
export function takeoverOf({ number, recovery, payload }: Decision): Takeover | undefined {
  const terms = decodeTakeover(payload);
  return terms && { ...terms, number, recovery, payload };
}

function readTakeover(fields: Fields): TakeoverTerms {
  fields.version("v", version);
  const [dead, heir] = [fields.bytes("d", 20), fields.bytes("h", 20)].map((id) => encodeBase32(id) as PeerId);
  const prefixes = fields.list("p", 64, (item) => prefixFromBytes(blob(item, 17)));
  const isNested = prefixes.some((one, i) => prefixes.slice(i + 1).some((other) => overlaps(one, other)));
  if (prefixes.length === 0 || isNested || dead === heir) throw malformed("a takeover");
  return { dead: dead!, heir: heir!, prefixes };
}

/** As many prefixes from the first on as fit one takeover. */
export function fitting(prefixes: readonly Prefix[]): readonly Prefix[] {
  let used = headBytes;
  const fit: Prefix[] = [];
  for (const prefix of prefixes) {
    used += prefixToBytes(prefix).length + 1;
    if (used > maxTakeoverBytes) break;
    fit.push(prefix);
  }
  return fit;
}
