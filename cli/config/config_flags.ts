/** Options of the command line that are settings. */
import type { Setting } from "./origin.ts";

/** By name; `config` is the file and not a setting. */
export interface ConfigFlags {
  readonly config?: string | undefined;
  readonly name?: string | undefined;
  readonly network?: string | undefined;
  readonly stateDir?: string | undefined;
  readonly socket?: string | undefined;
  readonly listen?: string | undefined;
  readonly range?: string | undefined;
  readonly defaultSubnet?: string | undefined;
  readonly trustedSubnets?: string | undefined;
  readonly hostMode?: boolean | undefined;
  /** False for `--no-discovery`. */
  readonly discovery?: boolean | undefined;
  readonly logLevel?: string | undefined;
  readonly logFormat?: string | undefined;
}

interface FlagSetting {
  readonly name: Exclude<keyof ConfigFlags, "config" | "hostMode" | "discovery">;
  readonly flag: string;
  readonly path: readonly string[];
  /** Several values with commas between them. */
  readonly isList?: boolean;
}

export const flagSettings: readonly FlagSetting[] = [
  { name: "name", flag: "--name", path: ["name"] },
  { name: "network", flag: "--network", path: ["network"] },
  { name: "stateDir", flag: "--state-dir", path: ["stateDir"] },
  { name: "socket", flag: "--socket", path: ["admin", "socket"] },
  { name: "listen", flag: "--listen", path: ["transport", "listen"] },
  { name: "range", flag: "--range", path: ["ipam", "range"] },
  { name: "defaultSubnet", flag: "--default-subnet", path: ["ipam", "defaultSubnet"] },
  {
    name: "trustedSubnets",
    flag: "--trusted-subnets",
    path: ["encapsulation", "trustedSubnets"],
    isList: true,
  },
  { name: "logLevel", flag: "--log-level", path: ["log", "level"] },
  { name: "logFormat", flag: "--log-format", path: ["log", "format"] },
];

/** What `--host-mode` stands for: the node's own addresses in the process, and interfaces for namespaces of the host. */
const hostModePorts = ["userspace", "tap"];

export const configFlagNames: readonly (keyof ConfigFlags)[] = [
  "config",
  "hostMode",
  "discovery",
  ...flagSettings.map(({ name }) => name),
];

export function flagLayer(flags: ConfigFlags): Setting[] {
  const given = flagSettings.filter(({ name }) => flags[name] !== undefined)
    .map(({ name, flag, path, isList }): Setting => ({
      path,
      value: isList === true ? flags[name]?.split(",") : flags[name],
      origin: { from: "flag", flag },
    }));
  return [
    ...given,
    ...(flags.hostMode === true ? hostModeSettings() : []),
    ...(flags.discovery === false ? [noDiscovery] : []),
  ];
}

const noDiscovery: Setting = {
  path: ["discover"],
  value: false,
  origin: { from: "flag", flag: "--no-discovery" },
};

/** Entry by entry, so that options which the file gives to the same plugins stay. */
function hostModeSettings(): Setting[] {
  return hostModePorts.map((value, index) => ({
    path: ["port", String(index), "use"],
    value,
    origin: { from: "flag", flag: "--host-mode" },
  }));
}
