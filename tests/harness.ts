/**
 * One `test` for both runtimes. Under Deno it is `Deno.test` with the leak sanitizers on: they are off by default and
 * never apply to node:test, so a leaked socket or timer would otherwise pass unseen. Under Node it is node:test.
 */
import process from "node:process";

export interface TestContext {
  /** Why this machine cannot run the test; with `SELVAGE_NO_SKIP=1` a reason is a failure. */
  readonly skip?: string | undefined;
}

type Body = () => void | Promise<void>;

interface DenoTest {
  test(
    options: { name: string; fn: Body; ignore?: boolean; sanitizeOps: boolean; sanitizeResources: boolean },
  ): void;
}

const deno = (globalThis as { Deno?: DenoTest }).Deno;
const nodeTest = deno === undefined ? (await import("node:test")).test : undefined;

/** Registers a test whose name is a sentence. */
export function test(name: string, body: Body, context: TestContext = {}): void {
  if (context.skip !== undefined) return registerSkipped(name, context.skip);
  if (deno) return deno.test({ name, fn: body, sanitizeOps: true, sanitizeResources: true });
  nodeTest?.(name, async () => await body());
}

function registerSkipped(name: string, reason: string): void {
  if (process.env["SELVAGE_NO_SKIP"] === "1") {
    return test(name, () => {
      throw new Error(`cannot run here and SELVAGE_NO_SKIP=1: ${reason}`);
    });
  }
  const label = `${name} (skipped: ${reason})`;
  if (deno) {
    return deno.test({ name: label, fn: () => {}, ignore: true, sanitizeOps: true, sanitizeResources: true });
  }
  nodeTest?.(label, { skip: reason }, () => {});
}
