/** What a node has to answer after a kill: all that it had answered before. */
import type { MeshNode } from "../../core/contracts/node.ts";
import { readSequence } from "../../core/node/state_records.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { decodeReserve } from "../../plugins/noise/stamp_reserve.ts";
import { checkInvariants } from "../../plugins/ring/invariants.ts";
import type { CapturedRing } from "./captured_ring.ts";
import type { CrashFacts, CrashReport } from "./crash_parts.ts";

export interface Revived {
  readonly node: MeshNode;
  readonly captured: CapturedRing;
}

/** Every fact that does not hold, in words. What a later batch was to undo may be undone. */
export function brokenFacts({ node, captured }: Revived, reports: readonly CrashReport[]): readonly string[] {
  const told = reports.flatMap((report) => "told" in report ? [report.facts] : []);
  const asked = new Set(
    reports.flatMap((report) => "asked" in report ? report.asked.map(([key]) => key) : []),
  );
  const checks = told.flatMap((facts) => [
    ...identityFacts(node, facts),
    ...leaseFacts(captured, facts, asked),
    ...memberFacts(node, facts),
    ...targetFacts(node, facts, asked),
    ...counterFacts(captured, facts),
  ]);
  const { ring } = captured.ipam().routes;
  const invariants = ring === undefined ? ["there is no ring"] : checkInvariants(ring);
  return [...checks.flatMap(([holds, text]) => holds ? [] : [text]), ...invariants];
}

type Check = readonly [holds: boolean, otherwise: string];

function identityFacts(node: MeshNode, { network, peer }: CrashFacts): Check[] {
  return [
    [network === undefined || node.status().network.id === network, "the network is another one"],
    [peer === undefined || node.id === peer, "the identity is another one"],
  ];
}

function leaseFacts(captured: CapturedRing, facts: CrashFacts, asked: ReadonlySet<string>): Check[] {
  const held = new Map(
    [...captured.ipam().leases()].map(({ owner, address }) => [formatAddress(address), owner]),
  );
  const leases = (facts.leases ?? []).map(({ owner, address }): Check => [
    // Asked to be released: then only the release tells.
    held.get(address) === owner || asked.has(`ring/rest/${address}`) && !held.has(address),
    `${address} of ${owner} is lost`,
  ]);
  const released = (facts.released ?? []).map((address): Check => [
    !held.has(address) && captured.store().get(`ring/rest/${address}`) !== undefined,
    `${address} does not rest`,
  ]);
  return [...leases, ...released];
}

function memberFacts(node: MeshNode, facts: CrashFacts): Check[] {
  const tokens = new Map(node.tokens.list().map(({ id, state }) => [id, state]));
  const members = new Map(node.members.list().map(({ peer, state }) => [peer as string, state]));
  const { granted } = facts;
  const share = node.ipam().shares.find(({ peer }) => peer === granted?.peer);
  const all = (
    ids: readonly string[] | undefined,
    holds: (id: string) => boolean,
    text: string,
  ) => (ids ?? []).map((id): Check => [holds(id), `${id} ${text}`]);
  return [
    ...all(facts.tokens, (id) => tokens.has(id), "is not a token any more"),
    ...all(facts.revokedTokens, (id) => tokens.get(id) === "revoked", "is a valid token again"),
    ...all(facts.members, (id) => members.has(id), "is not a member any more"),
    ...all(facts.revokedMembers, (id) => members.get(id) === "revoked", "is a member again"),
    [
      granted === undefined || granted.ranges.every((range) => share?.ranges.includes(range)),
      `what ${granted?.peer} was granted has come back`,
    ],
  ];
}

function targetFacts(node: MeshNode, facts: CrashFacts, asked: ReadonlySet<string>): Check[] {
  const targets = new Set(node.targets().map(({ endpoint }) => endpoint));
  const { target, forgotten } = facts;
  const mayBeForgotten = target !== undefined && asked.has(`static_seeds/${target}`);
  return [
    [target === undefined || targets.has(target) || mayBeForgotten, `the target ${target} is lost`],
    [forgotten === undefined || !targets.has(forgotten), `the target ${forgotten} is back`],
  ];
}

/** Numbers that others remember must not be used again. */
function counterFacts(captured: CapturedRing, { sequence, stampedAt }: CrashFacts): Check[] {
  const store = captured.store();
  const stamp = store.get("noise/stamp");
  const reserve = stamp === undefined ? 0 : decodeReserve(stamp);
  return [
    [sequence === undefined || readSequence(store) >= sequence, `announcement ${sequence} would be repeated`],
    [stampedAt === undefined || reserve >= stampedAt, "stamps of handshakes would be repeated"],
  ];
}
