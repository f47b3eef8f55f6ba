/**
 * All about a node in one document, for whoever has to help with it. It leaves the machine in mails and tickets, so it
 * goes through {@link withoutSecrets} as a whole: a part that one day has more to say cannot say a secret by accident.
 */
import type { LogStatus } from "../contracts/log.ts";
import type {
  Alert,
  ConnectionStatus,
  DropReason,
  IpamStatus,
  MemberStatus,
  NodeStatus,
  PeerStatus,
  TargetStatus,
  TokenStatus,
} from "../contracts/node.ts";
import type { AdminAnswer } from "./answer_documents.ts";
import { logStatus } from "./log_status.ts";
import type { AdminParts, EffectiveSetting } from "./parts.ts";
import { withoutSecrets } from "./without_secrets.ts";

export interface NodeReport {
  /** RFC 3339, UTC, by this node's wall clock. */
  readonly generated: string;
  readonly version: string;
  /** `node 26.10.0`. */
  readonly runtime: string;
  /** `linux x64`; null where the program that embeds the node does not say. */
  readonly platform: string | null;
  readonly status: NodeStatus;
  readonly peers: readonly PeerStatus[];
  readonly connections: readonly ConnectionStatus[];
  readonly ipam: IpamStatus;
  readonly targets: readonly TargetStatus[];
  readonly members: readonly MemberStatus[];
  readonly tokens: readonly TokenStatus[];
  readonly drops: Readonly<Record<DropReason, number>>;
  readonly alerts: readonly Alert[];
  readonly admin: AdminAnswer;
  /** Null where the node's log is nobody's to change. */
  readonly log: LogStatus | null;
  /** Null where the program that embeds the node has another. */
  readonly config: readonly EffectiveSetting[] | null;
}

export interface ReportParts
  extends Pick<AdminParts, "node" | "clock" | "version" | "levels" | "platform" | "config"> {
  readonly counters: () => AdminAnswer;
}

export function reportOf(
  { node, clock, version, levels, platform, config, counters }: ReportParts,
): NodeReport {
  const status = node.status();
  return withoutSecrets({
    generated: timeText(clock.wall()),
    version,
    runtime: status.runtime,
    platform: platform ?? null,
    status,
    peers: node.peers(),
    connections: node.connections(),
    ipam: node.ipam(),
    targets: node.targets(),
    members: node.members.list(),
    tokens: node.tokens.list(),
    drops: node.drops(),
    alerts: status.alerts,
    admin: counters(),
    log: levels === undefined ? null : logStatus(levels),
    config: config?.() ?? null,
  });
}

/** A wall clock that is out of all bounds must not cost the report that would tell so. */
function timeText(wall: number): string {
  const at = new Date(wall);
  return Number.isNaN(at.getTime()) || at.getUTCFullYear() > 9999 || wall < 0
    ? new Date(0).toISOString()
    : at.toISOString();
}
