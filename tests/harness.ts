/**
 * One `test` for both runtimes. Under Deno it is `Deno.test` with the leak sanitizers on (they are off by default and
 * never apply to node:test), under Node it is node:test. The sanitizers know Deno's own resources, but neither the
 * servers of node:net and node:http nor anything on Node, so every body also runs under {@link withoutLeaks}.
 */
import process from "node:process";

export interface TestContext {
  /** Why this machine cannot run the test; with `SELVAGE_NO_SKIP=1` a reason is a failure. */
  readonly skip?: string | undefined;
  /** Milliseconds after which a test that has not settled fails. A proof that needs longer says so. */
  readonly limit?: number | undefined;
  /** Why one runtime is enough for what takes long: the test runs on {@link on} alone. */
  readonly once?: string | undefined;
  /** Where it runs `once`: on Deno, or on Node, where lines are not counted and pure work takes half the time. */
  readonly on?: "deno" | "node" | undefined;
}

/** A test that waits for what never comes must fail with its own name, not hang the suite. */
const DEFAULT_LIMIT = 60_000;

/** What a closed socket may still take to be gone, in steps of 10 ms. */
const GRACE_STEPS = 50;

type Body = () => void | Promise<void>;

interface DenoTest {
  test(options: {
    name: string;
    fn: Body;
    ignore?: boolean;
    sanitizeOps: boolean;
    sanitizeResources: boolean;
    timeout: number;
  }): void;
}

const deno = (globalThis as { Deno?: DenoTest }).Deno;
const nodeTest = deno === undefined ? (await import("node:test")).test : undefined;

// Opened here, or the first test that prints would seem to leave them open.
void [process.stdout, process.stderr];

/** Registers a test whose name is a sentence. */
export function test(name: string, body: Body, context: TestContext = {}): void {
  if (context.once !== undefined && (context.on ?? "deno") !== (deno === undefined ? "node" : "deno")) return;
  if (context.skip !== undefined) return registerSkipped(name, context.skip);
  const timeout = context.limit ?? DEFAULT_LIMIT;
  const fn = () => withoutLeaks(body);
  if (deno) return deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true, timeout });
  nodeTest?.(name, { timeout }, fn);
}

/** Fails a test that leaves open what keeps a process alive: sockets, servers, pipes, timers, child processes. */
async function withoutLeaks(body: Body): Promise<void> {
  const before = process.getActiveResourcesInfo();
  await body();
  let left = openedSince(before);
  for (let step = 0; step < GRACE_STEPS && left.length > 0; step++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    left = openedSince(before);
  }
  if (left.length > 0) throw new Error(`left open by the test: ${left.join(", ")}; close what it opened`);
}

function openedSince(before: readonly string[]): string[] {
  const known = [...before];
  return process.getActiveResourcesInfo().filter((resource) => {
    const at = known.indexOf(resource);
    if (at !== -1) known.splice(at, 1);
    return at === -1;
  });
}

function registerSkipped(name: string, reason: string): void {
  if (process.env["SELVAGE_NO_SKIP"] === "1") {
    return test(name, () => {
      throw new Error(`cannot run here and SELVAGE_NO_SKIP=1: ${reason}`);
    });
  }
  const label = `${name} (skipped: ${reason})`;
  if (deno === undefined) return void nodeTest?.(label, { skip: reason }, () => {});
  deno.test({
    name: label,
    fn: () => {},
    ignore: true,
    sanitizeOps: true,
    sanitizeResources: true,
    timeout: DEFAULT_LIMIT,
  });
}
