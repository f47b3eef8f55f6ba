/** What every system under test has in common: how it is started between two hosts, and where the load runs then. */
import { spawnSync } from "node:child_process";
import { isInstalled } from "../../../examples/lab/lab.ts";
import type { Namespace } from "../../../examples/lab/namespace.ts";
import type { Topology } from "./topology.ts";

export interface System {
  /** As `--systems` names it. */
  readonly name: string;
  /** Programs that it needs, and Debian's packages that have them. */
  readonly programs: readonly string[];
  readonly packages: readonly string[];
  /** Why it cannot be measured here, whatever is installed. */
  readonly lacks?: string;
  /** Left out unless it is named: what it shows is not what the table is for. */
  readonly onlyNamed?: true;
  /** Where it is not that of the package. */
  readonly version?: () => string;
  /** Resolves when it has been started; whether it carries packets is asked by pings. Throws what it complained of. */
  start(topology: Topology): Overlay | Promise<Overlay>;
}

/** Where packets of the load start and end. */
export interface Overlay {
  readonly from: Namespace;
  readonly to: Namespace;
  /** Of `to`. */
  readonly address: string;
  /** Ends what the topology has not started. */
  end?(): Promise<void>;
}

/** Why a system is left out; undefined when it can be measured. */
export function whyLeftOut(system: System): string | undefined {
  const missing = system.programs.filter((program) => !isInstalled(program));
  if (missing.length > 0) return `not installed: apt-get install ${system.packages.join(" ")}`;
  return system.lacks;
}

/** Addresses of the two ends of an overlay, for those that leave the choice to us. */
export const inner = { a: "10.77.0.1", b: "10.77.0.2" } as const;

/** Of its first package, or the kernel's for what needs none, where the system knows no other. */
export function versionOf({ packages: [first], version }: System): string {
  try {
    if (version !== undefined) return version();
  } catch {
    return "unknown"; // What is wrong with it is said by its start.
  }
  const words = first === undefined ? ["uname", "-r"] : ["dpkg-query", "-W", "-f", "${Version}", first];
  const { status, stdout } = spawnSync(words[0]!, words.slice(1), { encoding: "utf8" });
  return status === 0 ? `${first ?? "kernel"} ${stdout.trim()}` : "unknown";
}
