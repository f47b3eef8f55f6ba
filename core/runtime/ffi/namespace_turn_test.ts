import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { test } from "../../../tests/harness.ts";
import { MeshError } from "../../contracts/errors.ts";
import type { Libc } from "./libc.ts";
import { ERRNO } from "./system_error.ts";
import { systemLibc } from "./system_libc.ts";
import { inNetworkNamespace } from "./namespace_turn.ts";
import { namespaceSkip, withNamespace } from "../namespace_fixture.ts";

/** A C library whose namespaces are numbers: each path opens the next descriptor, `setns` answers what the test says. */
class FakeLibc {
  readonly calls: string[] = [];
  readonly open = (path: string) => {
    this.calls.push(`open ${path}`);
    return this.missing === path ? -ERRNO.ENOENT : ++this.#last;
  };
  readonly close = (descriptor: number) => {
    this.calls.push(`close ${descriptor}`);
    return 0;
  };
  readonly setns = (descriptor: number) => {
    this.calls.push(`setns ${descriptor}`);
    return this.answers.shift() ?? 0;
  };
  missing: string | undefined;
  readonly answers: number[];
  #last = 4;

  constructor(...answers: readonly number[]) {
    this.answers = [...answers];
  }

  get libc(): Libc {
    return this as unknown as Libc;
  }
}

const home = "/proc/thread-self/ns/net";

test("a thread goes there, runs the body, comes back and closes both ways", () => {
  const fake = new FakeLibc();
  const result = inNetworkNamespace(fake.libc, "/there", () => fake.calls.push("body"));
  assert.equal(result, 4);
  const expected = [`open ${home}`, "open /there", "setns 6", "body", "setns 5", "close 6", "close 5"];
  assert.deepEqual(fake.calls, expected);
});

test("a body that throws is thrown once the thread is back", () => {
  const fake = new FakeLibc();
  const reason = new Error("no");
  const body = () => {
    throw reason;
  };
  assert.throws(() => inNetworkNamespace(fake.libc, "/there", body), reason);
  assert.deepEqual(fake.calls.slice(2), ["setns 6", "setns 5", "close 6", "close 5"]);
});

test("a namespace that is missing or closed to us is an error, with the thread where it was", () => {
  const missing = new FakeLibc();
  missing.missing = "/there";
  const unreached = () => assert.fail("the body ran");
  assert.throws(() => inNetworkNamespace(missing.libc, "/there", unreached), { code: "NOT_FOUND" });
  assert.deepEqual(missing.calls.slice(2), ["close 5"]);
  const denied = new FakeLibc(-ERRNO.EPERM);
  assert.throws(() => inNetworkNamespace(denied.libc, "/there", unreached), {
    code: "BIND_FAILED",
    message: /CAP_SYS_ADMIN/,
    details: { reason: "EPERM" },
  });
  assert.deepEqual(denied.calls.slice(2), ["setns 6", "close 6", "close 5"]);
});

test("a thread that cannot come back is ended, whatever the body did", () => {
  for (const body of [() => 1, () => assert.fail("the body failed")]) {
    const fake = new FakeLibc(0, -ERRNO.EPERM);
    const end = (message: string): never => {
      throw new MeshError("INTERNAL", message);
    };
    assert.throws(() => inNetworkNamespace(fake.libc, "/there", body, end), {
      message: "Cannot leave the network namespace /there: EPERM; ending, start the node again",
    });
  }
});

test("the process of a first thread that cannot come back ends with the reason", () => {
  const module = new URL("./namespace_turn.ts", import.meta.url).href;
  const program = `const { inNetworkNamespace } = await import(${JSON.stringify(module)});
    let calls = 0;
    const libc = { open: () => 5, close: () => 0, setns: () => calls++ === 0 ? 0 : -1 };
    setTimeout(() => {}, 30_000);
    inNetworkNamespace(libc, "/there", () => 1);
    console.log("went on");`;
  const flags = "Deno" in globalThis ? ["eval", "--no-check"] : ["--input-type=module", "--eval"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, program], { encoding: "utf8" });
  assert.equal(stderr, "Cannot leave the network namespace /there: EPERM; ending, start the node again\n");
  assert.equal(status, 1);
  assert.equal(stdout, "");
});

test("the body sees the interfaces of the namespace, and what comes after it those of home", async () => {
  await withNamespace(async ({ path, ip }) => {
    ip("link add inside-only type bridge");
    using libc = await systemLibc();
    const interfaces = () => readFileSync("/proc/thread-self/net/dev", "utf8");
    const before = interfaces();
    assert.match(inNetworkNamespace(libc, path, interfaces), /inside-only/);
    assert.doesNotMatch(before, /inside-only/);
    const names = (text: string) => [...text.matchAll(/^\s*([^:\s]+):/gm)].map(([, name]) => name);
    assert.deepEqual(names(interfaces()), names(before));
    await new Promise<void>((resolve) => resolve());
    assert.deepEqual(names(interfaces()), names(before));
  });
}, { skip: namespaceSkip() });
