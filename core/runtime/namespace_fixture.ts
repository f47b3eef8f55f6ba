import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import process from "node:process";

/** A network namespace for one test. */
export interface Namespace {
  readonly name: string;
  readonly path: string;
  /** Runs lines as `ip -batch` does, inside; returns what they print, as detailed JSON. Throws what `ip` complained of. */
  ip(...lines: readonly string[]): string;
  /** Runs a program inside to its end and returns what it prints. */
  run(program: string, ...parameters: readonly string[]): string;
}

/** Why this machine has no namespaces and TAP devices for a test; undefined where it has. */
export function namespaceSkip(): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root for network namespaces";
  if (!existsSync("/dev/net/tun")) return "needs /dev/net/tun";
  try {
    execFileSync("ip", ["-Version"]);
    return undefined;
  } catch {
    return "needs the program ip of iproute2";
  }
}

/**
 * Runs `use` with a new namespace that has IPv6 off, so that nothing speaks in it unasked, and removes it with all that is
 * in it, also after a failure.
 */
export async function withNamespace(use: (namespace: Namespace) => void | Promise<void>): Promise<void> {
  const name = `selvage-${randomBytes(5).toString("hex")}`;
  execFileSync("ip", ["netns", "add", name]);
  try {
    const run: Namespace["run"] = (...command) => execute("ip", ["netns", "exec", name, ...command]);
    run("sysctl", "-q", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1");
    const ip: Namespace["ip"] = (...lines) =>
      execute("ip", ["-n", name, "-json", "-details", "-batch", "-"], lines.join("\n"));
    await use({ name, path: `/run/netns/${name}`, ip, run });
  } finally {
    execFileSync("ip", ["netns", "delete", name]);
  }
}

function execute(program: string, parameters: readonly string[], input = ""): string {
  return execFileSync(program, parameters, { encoding: "utf8", input, stdio: ["pipe", "pipe", "pipe"] });
}
