/** A network namespace of Linux that a lab has made, and programs that run in it. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Runs a program to its end and returns what it printed. Throws what it complained of. */
export function run(program: string, ...args: readonly string[]): string {
  return runWithInput("", program, ...args);
}

/** The same with a text on its standard input. */
export function runWithInput(input: string, program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", input });
  if (error !== undefined) throw error;
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${stderr.trim() || stdout.trim()}`);
}

export class Namespace {
  /** Below /run/netns. */
  readonly name: string;

  /** Nothing is made yet; for one that somebody else makes. */
  constructor(name: string) {
    this.name = name;
  }

  static make(name: string): Namespace {
    run("ip", "netns", "add", name);
    const namespace = new Namespace(name);
    namespace.ip("link set dev lo up");
    return namespace;
  }

  get path(): string {
    return `/run/netns/${this.name}`;
  }

  /** Words that run a command in here. Not `ip netns exec`: that gives it mounts of its own, which end with it. */
  command(program: string, ...args: readonly string[]): readonly [string, ...string[]] {
    return ["nsenter", `--net=${this.path}`, "--", program, ...args];
  }

  run(program: string, ...args: readonly string[]): string {
    return run(...this.command(program, ...args));
  }

  /** Lines as `ip -batch` reads them. */
  ip(...lines: readonly string[]): void {
    runWithInput(lines.join("\n"), "ip", "-n", this.name, "-batch", "-");
  }

  /** A file below /proc/sys/net, such as `ipv4/ip_forward`. */
  set(key: string, value: string): void {
    this.run("sh", "-c", `echo "$2" >"/proc/sys/net/$1"`, "sh", key, value);
  }

  nft(...lines: readonly string[]): void {
    // Fed by the shell: what Node gives a child as standard input is a socket, which nft cannot open.
    this.run("sh", "-c", `printf '%s' "$1" | nft -f -`, "sh", lines.join("\n"));
  }

  /** Names of the interfaces, sorted. */
  interfaces(): string[] {
    const links = JSON.parse(run("ip", "-n", this.name, "-j", "link")) as { ifname: string }[];
    return links.map(({ ifname }) => ifname).sort();
  }

  /** What a program may have left in it: interfaces, routes, rules. Without counts and states that change by themselves. */
  objects(): unknown {
    const links = JSON.parse(run("ip", "-n", this.name, "-j", "link")) as Record<string, unknown>[];
    return {
      links: links.map(({ ifname, ifalias, master, mtu }) => ({ ifname, ifalias, master, mtu })),
      // The kernel makes link-local addresses when it likes.
      routes: run("ip", "-n", this.name, "route", "show", "table", "all").split("\n")
        .filter((line) => !line.includes("fe80:")),
      forwarding: this.run("bridge", "fdb", "show").split("\n").sort(),
      rules: this.run("nft", "list", "ruleset").replace(/packets \d+ bytes \d+/g, "").split("\n"),
    };
  }

  get exists(): boolean {
    return existsSync(this.path);
  }

  /** Whether one of `tries` echo requests is answered within a second; the first may wait for an address to be resolved. */
  pings(to: string, tries = 3): boolean {
    const words = [`--net=${this.path}`, "ping", "-q", "-n", "-c", "1", "-W", "1", to];
    for (let i = 0; i < tries; i++) if (spawnSync("nsenter", words).status === 0) return true;
    return false;
  }

  remove(): void {
    // One that never was, or is gone already, is as good as removed.
    spawnSync("ip", ["netns", "del", this.name]);
  }
}
