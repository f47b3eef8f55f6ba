import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { MeshError } from "../contracts/errors.ts";

/**
 * The IP literals of `host`, in the order the system prefers (RFC 6724), without repeats; a literal stands for itself.
 * Rejects `UNREACHABLE`, also when the name servers cannot be asked: a seed's name may resolve at the next attempt.
 */
export async function resolveHost(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await lookup(host, { all: true, order: "verbatim" });
    return [...new Set(found.map(({ address }) => address))];
  } catch (cause) {
    throw new MeshError("UNREACHABLE", `Cannot resolve "${host}": ${explain(cause)}`, { cause });
  }
}

function explain(cause: unknown): string {
  const code = (cause as { code?: unknown }).code;
  if (code === "ENOTFOUND") return "no such name; check the spelling, or give an IP address";
  return `the name servers do not answer (${String(code)}); check /etc/resolv.conf, or give an IP address`;
}
