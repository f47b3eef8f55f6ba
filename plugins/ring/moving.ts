/** One address for one member, by the word of an operator: a grant of a /32 or /128, also of what rests. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Address, PeerId, Prefix } from "../../core/contracts/values.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { contains, containsPrefix, hostPrefix } from "../../core/wire/prefix.ts";
import { isReserved, type State } from "./allocator.ts";
import type { Replica } from "./replica.ts";
import type { RingHost } from "./ring_host.ts";
import { ringBounds } from "./ring.ts";

export interface MoveParts {
  readonly host: RingHost;
  readonly routes: Replica;
  /** Of the address here; undefined when it is free. */
  readonly state: State | undefined;
  /** Blocks whose grant is on its way to disk; the address is among them until {@link Replica.give} is done. */
  readonly donating: Set<Prefix>;
  /** This node gives nothing: what it remembers of its grants may be too little, or it leaves. */
  readonly isClosed: boolean;
  readonly ranges: readonly Prefix[];
}

/** Resolves when the grant is on disk. Rejects `UNREACHABLE`, `ADDRESS_TAKEN`, `POOL_EXHAUSTED`, `INVALID_ARGUMENT`. */
export async function moveAddress(address: Address, to: PeerId, parts: MoveParts): Promise<void> {
  const { routes, donating } = parts;
  requireMember(address, to, parts);
  requireOwn(address, parts);
  requireFree(address, parts);
  const block = hostPrefix(address);
  donating.add(block);
  await routes.give(to, block);
}

function requireMember(address: Address, to: PeerId, { host, routes, ranges }: MoveParts): void {
  const text = formatAddress(address);
  const isKnown = host.members.known().some(({ id }) => id === to);
  if (to === routes.self || !isKnown) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot move ${text} to ${to}: name another member of the network`,
    );
  }
  if (ranges.some((range) => contains(range, address) && isReserved(address, range))) {
    throw new MeshError("INVALID_ARGUMENT", `Cannot move ${text}: no host may have it`);
  }
}

function requireOwn(address: Address, { routes: { ring, self }, isClosed }: MoveParts): void {
  const text = formatAddress(address);
  if (isClosed) {
    throw new MeshError(
      "UNREACHABLE",
      `Cannot move ${text}: this node gives no addresses now; see its alerts, and move it later`,
    );
  }
  const owner = ring?.ownerOf(address);
  if (owner !== self) {
    throw new MeshError(
      "UNREACHABLE",
      `Cannot move ${text}: it is in the range of peer ${owner ?? "nobody"}; move it there`,
      owner === undefined ? {} : { details: { peer: owner } },
    );
  }
  if (ring!.isGiven(hostPrefix(address))) {
    throw new MeshError(
      "UNREACHABLE",
      `Cannot move ${text}: this node was given it alone, and who gets a single address keeps it`,
    );
  }
  if (ring!.countBy(self) >= ringBounds.maxPerGrantor) {
    throw new MeshError(
      "POOL_EXHAUSTED",
      `Cannot move ${text}: this node has made ${ringBounds.maxPerGrantor} grants, the most there may be`,
    );
  }
}

function requireFree(address: Address, { state, donating }: MoveParts): void {
  const isGoing = [...donating].some((block) => containsPrefix(block, hostPrefix(address)));
  if (!isGoing && (state === undefined || state.kind === "resting")) return;
  const why = isGoing ? "it is being given away" : "somebody here has it; release it first";
  throw new MeshError("ADDRESS_TAKEN", `Cannot move ${formatAddress(address)}: ${why}`);
}
