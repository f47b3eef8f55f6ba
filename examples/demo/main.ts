/**
 * `npm run demo`: three rootless nodes in three processes. `npm run demo -- --hosts`: three hosts made of network
 * namespaces, with containers; as root, or where the system lets everybody make namespaces and TAP devices. Everything
 * that a demo starts and makes is gone at the end, also after a failure or Ctrl-C.
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { lacksForLab } from "../lab/lab.ts";
import { HostsDemo } from "./hosts.ts";
import { Narrator } from "./narrator.ts";
import { RootlessDemo } from "./rootless.ts";

interface Demo {
  /** Rejects with the first thing that is not as it should be. */
  run(): Promise<void>;
  /** Also before `run` has ended, which then rejects. */
  stop(): Promise<void>;
}

function choose(flags: readonly string[], say: Narrator): Demo {
  if (flags.length === 0) return new RootlessDemo(say);
  if (flags.length > 1 || flags[0] !== "--hosts") refuse(2, "usage: npm run demo [-- --hosts]");
  if (mayBecomeRoot()) process.exit(runAsRootOfItsOwn());
  const lack = lacksForLab();
  if (lack !== undefined) refuse(1, `Cannot make hosts here: it ${lack}. Without --hosts nothing is needed.`);
  return new HostsDemo(say);
}

/** Not if it has become that already. */
function mayBecomeRoot(): boolean {
  if (process.platform !== "linux" || process.getuid?.() === 0) return false;
  return spawnSync("unshare", [...ownNamespaces, "true"]).status === 0;
}

/** Whoever has no privileges may be root in namespaces of his own, where the system lets him make some. */
const ownNamespaces = ["--user", "--map-root-user", "--net", "--mount"];

/** The same once more, with a /run in which network namespaces may get names. The exit code. */
function runAsRootOfItsOwn(): number {
  const words = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const script = 'mount -t tmpfs tmpfs /run && exec "$@"';
  const args = [...ownNamespaces, "sh", "-c", script, "sh", ...words];
  return spawnSync("unshare", args, { stdio: "inherit" }).status ?? 1;
}

function refuse(code: number, why: string): never {
  console.error(why);
  process.exit(code);
}

const signalMillis = 100;

const say = new Narrator(process.stdout);
const demo = choose(process.argv.slice(2), say);
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    interrupted = true;
    void demo.stop().finally(() => process.exit(130));
  });
}
try {
  await demo.run();
} catch (error) {
  // The key that interrupts also ends a ping, of which is heard first.
  await setTimeout(signalMillis);
  // What was told to stop answers no more: not a failure then.
  if (!interrupted) say.failed(error);
  process.exitCode = interrupted ? 130 : 1;
} finally {
  await demo.stop();
}
