/** `SELVAGE_IPAM__RANGE=…` as a setting: two underscores nest, one stays, case is folded back to the key's own. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Setting } from "./origin.ts";

const prefix = "SELVAGE_";
/** Variables that are no settings: they say how to find the settings, carry secrets, or steer tests. */
const reserved = new Set(["CONFIG", "TOKEN", "PASSWORD", "ADMIN_TOKEN", "DEBUG", "NO_SKIP"]);

/**
 * Values are read as JSON: `8`, `true`, `["a", "b"]`; what is no JSON is text. Throws `CONFIG_INVALID` for a variable
 * that names no setting, and for one that sets a part of what another one sets as a whole: nothing says which is meant.
 */
export function environmentLayer(environment: Readonly<Record<string, string | undefined>>): Setting[] {
  const settings = settingsIn(environment);
  const wholes = new Map(settings.map(({ path, origin }) => [JSON.stringify(path), origin.variable]));
  for (const { path, origin } of settings) {
    for (let length = 1; length < path.length; length++) {
      const whole = wholes.get(JSON.stringify(path.slice(0, length)));
      if (whole === undefined) continue;
      throw new MeshError(
        "CONFIG_INVALID",
        `${origin.variable}: ${whole} sets all of it; keep one of the two`,
      );
    }
  }
  return settings;
}

type VariableSetting = Setting & {
  readonly origin: { readonly from: "environment"; readonly variable: string };
};

function settingsIn(environment: Readonly<Record<string, string | undefined>>): VariableSetting[] {
  return Object.entries(environment)
    .filter(([variable]) => variable.startsWith(prefix) && !reserved.has(variable.slice(prefix.length)))
    .toSorted(([a], [b]) => a < b ? -1 : 1)
    .map(([variable, text = ""]) => ({
      path: pathOf(variable),
      value: valueOf(text),
      origin: { from: "environment", variable },
    }));
}

function pathOf(variable: string): readonly string[] {
  const path = variable.slice(prefix.length).split("__").map(camelCase);
  if (path.some((key) => key === "")) throw new MeshError("CONFIG_INVALID", `${variable}: names no setting`);
  return path;
}

/** STATE_DIR → stateDir. */
function camelCase(key: string): string {
  return key.toLowerCase().replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
