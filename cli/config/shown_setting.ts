/** A configuration as it may be shown: every setting with its origin, and none of its secrets. */
import { redacted } from "../../core/identity/secret.ts";
import { formatOrigin, formatPath, type Setting } from "./origin.ts";

export interface ShownSetting {
  readonly path: string;
  readonly value: unknown;
  readonly origin: string;
}

export function shownSettings(settings: readonly Setting[]): readonly ShownSetting[] {
  return settings.map(({ path, value, origin, secret }) => ({
    path: formatPath(path),
    value: secret ? redacted : withoutSecrets(path, value),
    origin: formatOrigin(origin),
  }));
}

/** For the plugins of others, whose schema says nothing: better one harmless option too many. */
const secretName = /pass(word|phrase)|secret|token(?!_?file)|credential|private_?key|psk/i;
/** `https://user:password@host`: all that stands before the host. */
const userOfUrl = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]+@/gi;
/** As `token create` prints it, wherever somebody has put it. */
const joinToken = /\bselvage\d{1,4}-[a-z2-7]{16,}/gi;

/** Secrets that no schema has told: by the name of their setting, and by what a text looks like. */
export function withoutSecrets(path: readonly string[], value: unknown): unknown {
  if (path.some((key) => secretName.test(key))) return redacted;
  if (typeof value === "string") {
    return value.replaceAll(userOfUrl, `$1${redacted}@`).replaceAll(joinToken, redacted);
  }
  if (Array.isArray(value)) return value.map((item) => withoutSecrets([], item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets([key], inner)]));
}
