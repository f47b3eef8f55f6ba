/** One kit for every way to call the C library: each runtime runs it against its own. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setImmediate } from "node:timers";
import { test } from "../../../tests/harness.ts";
import { withDirectory } from "../temporary_directory_fixture.ts";
import type { DenoFfi } from "./deno_libc.ts";
import { callMemory, type Libc, OPEN } from "./libc.ts";
import { ERRNO, systemErrorName } from "./system_error.ts";
import { nodeLibc, systemLibc } from "./system_libc.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";
const onDeno = "Deno" in globalThis;

/** A named pipe, both ends in one descriptor: what is written can be read. */
async function withPipe(use: (libc: Libc, pipe: number) => void | Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const path = join(directory, "pipe");
    execFileSync("mkfifo", [path]);
    using libc = await systemLibc();
    const pipe = libc.open(path, OPEN.readWrite | OPEN.nonBlocking | OPEN.closeOnExec);
    assert.ok(pipe > 2, systemErrorName(pipe));
    try {
      await use(libc, pipe);
    } finally {
      assert.equal(libc.close(pipe), 0);
    }
  });
}

function fail(error: Error): never {
  throw error;
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

test("the C library is called in the way of the runtime", async () => {
  using libc = await systemLibc();
  assert.equal(libc.way, onDeno ? "Deno.dlopen" : "koffi");
}, { skip });

test("what is written is read, as many bytes as are there", async () => {
  await withPipe((libc, pipe) => {
    const memory = callMemory(16);
    assert.equal(libc.read(pipe, memory), -ERRNO.EAGAIN);
    assert.equal(libc.write(pipe, Uint8Array.of(1, 2, 3)), 3);
    assert.equal(libc.read(pipe, memory), 3);
    assert.deepEqual([...memory.subarray(0, 4)], [1, 2, 3, 0]);
    const large = Uint8Array.from({ length: 4096 }, (_, i) => i % 251);
    assert.equal(libc.write(pipe, large.subarray(1)), 4095);
    const back = callMemory(4200);
    assert.equal(libc.read(pipe, back.subarray(100)), 4095);
    assert.deepEqual(back.subarray(100, 4195), large.subarray(1));
  });
}, { skip });

test("a failed call gives its own error number, whatever failed before", async () => {
  using libc = await systemLibc();
  assert.equal(libc.open("/nowhere/at/all", OPEN.readOnly), -ERRNO.ENOENT);
  assert.equal(libc.close(999_999), -ERRNO.EBADF);
  assert.equal(libc.open("/", OPEN.readWrite), -ERRNO.EISDIR);
  assert.equal(libc.socket(-1, 0, 0), -ERRNO.EAFNOSUPPORT);
  const file = libc.open("/dev/null", OPEN.readWrite | OPEN.closeOnExec);
  assert.equal(libc.ioctl(file, 0x400454ca, callMemory(40)), -ERRNO.ENOTTY);
  assert.equal(libc.ioctlValue(file, 0x400454d0, 0), -ERRNO.ENOTTY);
  assert.equal(libc.setns(file, 0x40000000), -ERRNO.EINVAL);
  assert.equal(libc.bind(file, callMemory(16)), -ERRNO.ENOTSOCK);
  assert.equal(libc.close(file), 0);
}, { skip });

test("an abstract name can be bound once until its holder closes it", async () => {
  using libc = await systemLibc();
  const text = new TextEncoder().encode(`selvage-test/${process.pid}/${openDescriptors()}`);
  const address = callMemory(3 + text.length);
  address[0] = 1;
  address.set(text, 3);
  const [first, second] = [libc.socket(1, 1, 0), libc.socket(1, 1, 0)] as const;
  assert.equal(libc.bind(first, address), 0);
  assert.equal(libc.bind(second, address), -ERRNO.EADDRINUSE);
  libc.close(first);
  assert.equal(libc.bind(second, address), 0);
  libc.close(second);
}, { skip });

test("a watch calls for as long as there is something to read, and lets others run between", async () => {
  await withPipe(async (libc, pipe) => {
    const memory = callMemory(1);
    const { promise, resolve } = Promise.withResolvers<void>();
    let seen = 0;
    let turns = 0;
    const watch = libc.watch(pipe, () => {
      assert.equal(libc.read(pipe, memory), 1);
      // A promise of this call goes on before the next call.
      void Promise.resolve().then(() => turns++);
      if (++seen === 5) resolve();
      else assert.ok(turns >= seen - 2);
      return seen < 5;
    });
    assert.equal(libc.write(pipe, Uint8Array.of(1, 2, 3, 4, 5)), 5);
    await promise;
    await watch.close();
    assert.equal(memory[0], 5);
  });
}, { skip });

test("a watch that waits is closed at once, twice too, and is silent from then on", async () => {
  await withPipe(async (libc, pipe) => {
    const before = openDescriptors();
    let calls = 0;
    const watch = libc.watch(pipe, () => {
      calls++;
      return false;
    });
    await Promise.all([watch.close(), watch.close()]);
    libc.write(pipe, Uint8Array.of(1));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(calls, 0);
    assert.ok(openDescriptors() <= before);
  });
}, { skip });

test("a watch closed by what it called does not call again", async () => {
  await withPipe(async (libc, pipe) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let calls = 0;
    libc.write(pipe, Uint8Array.of(1));
    const watch = libc.watch(pipe, () => {
      calls++;
      void watch.close().then(resolve);
      return true;
    });
    await promise;
    await new Promise((done) => setImmediate(done));
    assert.equal(calls, 1);
  });
}, { skip });

test("where the package does not load or Deno may not, UNSUPPORTED says what to do", async () => {
  const broken = () => Promise.reject(new Error("Cannot find the native module\nmore"));
  await assert.rejects(nodeLibc(broken), {
    code: "UNSUPPORTED",
    message:
      "Cannot call the C library: the package koffi did not load (Cannot find the native module); install it with npm install koffi",
  });
  const denied = new Error("Requires ffi access");
  denied.name = "NotCapable";
  const deno = { dlopen: () => fail(denied) } as unknown as DenoFfi;
  await assert.rejects(systemLibc(deno), { code: "UNSUPPORTED", message: /start it with --allow-ffi$/ });
}, { skip });
