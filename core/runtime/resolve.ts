import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { MeshError } from "../contracts/errors.ts";

/** How the addresses of a name are found, and how long whoever asks waits for them. */
export interface Lookup {
  ask(host: string): Promise<readonly { readonly address: string }[]>;
  readonly millis: number;
}

/** As many as run at once: each holds a thread for as long as it takes, and a runtime has few of them. */
export const mostLookups = 4;
/** Answers for whom nobody has waited. */
const mostLate = 64;

/**
 * Gives up the wait for a lookup, and not the lookup, which nothing can end: a firewall that drops what goes to the name
 * servers keeps the system trying for half a minute. So one name is looked up once at a time, whoever asks how often. What
 * comes too late is the answer to the next question: where the first of the name servers is dead each lookup takes just
 * as long as the system waits for it, and no answer would ever be in time.
 */
export class NameService {
  readonly #lookup: Lookup;
  readonly #running = new Map<string, Promise<readonly string[]>>();
  readonly #late = new Map<string, readonly string[]>();

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  /** The addresses without repeats. Rejects as the lookup does, or with `TIMEOUT`. */
  async find(host: string): Promise<readonly string[]> {
    const late = this.#late.get(host);
    this.#late.delete(host);
    if (late !== undefined) return late;
    const wait = new AbortController();
    const { promise: isLate, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject({ code: "TIMEOUT" }), this.#lookup.millis);
    try {
      return await Promise.race([this.#share(host, wait.signal), isLate]);
    } finally {
      clearTimeout(timer);
      wait.abort();
    }
  }

  async #share(host: string, signal: AbortSignal): Promise<readonly string[]> {
    while (!this.#running.has(host) && this.#running.size >= mostLookups) {
      await Promise.race(this.#running.values()).catch(() => {});
      if (signal.aborted) return [];
    }
    const running = this.#running.get(host) ?? this.#begin(host);
    const addresses = await running;
    if (signal.aborted) this.#keep(host, addresses);
    return addresses;
  }

  #begin(host: string): Promise<readonly string[]> {
    const running = this.#lookup.ask(host)
      .then((found) => [...new Set(found.map(({ address }) => address))])
      .finally(() => this.#running.delete(host));
    this.#running.set(host, running);
    return running;
  }

  #keep(host: string, addresses: readonly string[]): void {
    this.#late.set(host, addresses);
    if (this.#late.size > mostLate) this.#late.delete(this.#late.keys().next().value!);
  }
}

export const systemLookup: Lookup = {
  ask: (host) => lookup(host, { all: true, order: "verbatim" }),
  millis: 5_000,
};

const system = new NameService(systemLookup);

/**
 * The IP literals of `host`, in the order the system prefers (RFC 6724), without repeats; a literal stands for itself.
 * Rejects `UNREACHABLE`, also when the name servers cannot be asked, or have not answered for five seconds: a seed's name
 * may resolve at the next attempt.
 */
export async function resolveHost(
  host: string,
  service: Pick<NameService, "find"> = system,
): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    return await service.find(host);
  } catch (cause) {
    throw new MeshError("UNREACHABLE", `Cannot resolve "${host}": ${explain(cause)}`, { cause });
  }
}

function explain(cause: unknown): string {
  const code = (cause as { code?: unknown }).code;
  if (code === "ENOTFOUND") return "no such name; check the spelling, or give an IP address";
  return `the name servers do not answer (${String(code)}); check /etc/resolv.conf, or give an IP address`;
}
