import type { PeerId } from "../../core/contracts/values.ts";
import type { Grant } from "./grant.ts";
import { pieces } from "./message.ts";
import type { Ring } from "./ring.ts";

/** What a handshake may carry of ours: three grants. Not all that a node has are looked through for it. */
const maxCredentialBytes = 600;
const maxCredentialGrants = 4;

/** What a node shows of itself in a handshake: its own grants first, then those they rest on, as far as they fit. */
export function shownOf(ring: Ring, self: PeerId): readonly Uint8Array[] {
  const own = ownGrants(ring, self);
  const chain = own.flatMap((grant) => ring.chainOf(grant));
  const records = [...new Set([...own, ...chain])].map(({ record }) => record);
  return pieces(records, maxCredentialBytes)[0] ?? [];
}

/** Of both families in turn, the largest first. */
function ownGrants(ring: Ring, self: PeerId): readonly Grant[] {
  const own = ring.grants().filter((grant) => grant.owner === self && ring.isValid(grant));
  const ofFamily = (family: 4 | 6) => own.filter(({ prefix }) => prefix.address.family === family);
  const [four, six] = [ofFamily(4), ofFamily(6)];
  return own.flatMap((_, i) => [four[i], six[i]].filter((grant) => grant !== undefined))
    .slice(0, maxCredentialGrants);
}
