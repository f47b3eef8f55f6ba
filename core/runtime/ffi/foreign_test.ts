/** One kit for every way to call foreign functions: each runtime runs it over all that it has. */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "../../../tests/harness.ts";
import { askWorker } from "../worker.ts";
import { presentWays, withForeign } from "./foreign_fixture.ts";
import { type ForeignSources, systemSources } from "./foreign_ways.ts";
import type { ThreadAnswer, ThreadQuestion } from "./foreign_worker_fixture.ts";
import type { NodeFfi } from "./node_functions.ts";
import { mapArena } from "./system_arena.ts";
import { ERRNO } from "./system_error.ts";
import { systemForeign } from "./system_foreign.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";
const onDeno = "Deno" in globalThis;

const brokenKoffi = () => Promise.reject(new Error("Cannot find the native module\nmore"));

for (const way of presentWays()) {
  test(`${way}: numbers of all widths go in and come out as they are`, async () => {
    await withForeign(way, (foreign) => {
      assert.equal(foreign.way, way);
      const calls = foreign.functions(null, {
        abs: { parameters: ["i32"], result: "i32" },
        labs: { parameters: ["i64"], result: "i64" },
        negative: { symbol: "atol", parameters: ["address"], result: "i64" },
        htonl: { parameters: ["u32"], result: "u32" },
      });
      assert.equal(calls.abs(-7), 7);
      assert.equal(calls.labs(-(2 ** 52)), 2 ** 52);
      // A result with the highest bit set is still positive, and so is an argument.
      assert.equal(calls.htonl(0x000000ff), 0xff000000);
      assert.equal(calls.htonl(0xff000000), 0x000000ff);
      const { address, bytes } = mapArena(foreign, 64);
      bytes.set(new TextEncoder().encode("-9007199254740991\0"));
      assert.equal(calls.negative(address), Number.MIN_SAFE_INTEGER);
    });
  }, { skip });

  test(`${way}: handles go back to the library that made them, and zero is null`, async () => {
    await withForeign(way, (foreign) => {
      const calls = foreign.functions(null, {
        malloc: { parameters: ["u32"], result: "handle" },
        strcpy: { parameters: ["handle", "address"], result: "handle" },
        length: { symbol: "strlen", parameters: ["handle"], result: "i32" },
        free: { parameters: ["handle"], result: "void" },
        getenv: { parameters: ["address"], result: "handle" },
      });
      const { address, bytes } = mapArena(foreign, 64);
      bytes.set(new TextEncoder().encode("selvage=\0"));
      const handle = calls.malloc(64);
      assert.notEqual(handle, null);
      assert.equal(calls.length(calls.strcpy(handle, address)), 8);
      calls.free(handle);
      calls.free(null);
      // No variable has such a name.
      assert.equal(calls.getenv(address), null);
    });
  }, { skip });

  test(`${way}: memory shows what a call wrote, and a call reads what was put there`, async () => {
    await withForeign(way, (foreign) => {
      const { memset, strlen } = foreign.functions(null, {
        memset: { parameters: ["address", "i32", "u32"], result: "address" },
        strlen: { parameters: ["address"], result: "u32" },
      });
      const { address } = mapArena(foreign, 64);
      const memory = new Uint8Array(foreign.memory(address + 8, 16));
      assert.equal(memory.length, 16);
      assert.equal(memset(address + 8, 0x41, 15), address + 8);
      assert.deepEqual([...memory], [...new Array<number>(15).fill(0x41), 0]);
      assert.equal(strlen(address + 8), 15);
      memory[4] = 0;
      assert.equal(strlen(address + 8), 4);
    });
  }, { skip });

  test(
    `${way}: errno is that of the last call, and one symbol has as many signatures as are wanted`,
    async () => {
      await withForeign(way, (foreign) => {
        const calls = foreign.functions(null, {
          close: { parameters: ["i32"], result: "i32" },
          ioctl: { parameters: ["i32", "u32", "address"], result: "i32" },
          ioctlValue: { symbol: "ioctl", parameters: ["i32", "u32", "i32"], result: "i32" },
          socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
        });
        assert.deepEqual([calls.close(-1), foreign.errno()], [-1, ERRNO.EBADF]);
        assert.deepEqual([calls.socket(-1, 0, 0), foreign.errno()], [-1, ERRNO.EAFNOSUPPORT]);
        assert.deepEqual([calls.ioctl(-1, 0x5401, 0), foreign.errno()], [-1, ERRNO.EBADF]);
        assert.deepEqual([calls.ioctlValue(-1, 0x5401, -1), foreign.errno()], [-1, ERRNO.EBADF]);
      });
    },
    { skip },
  );

  test(`${way}: a library or a symbol that is not there is UNSUPPORTED by name`, async () => {
    await withForeign(way, (foreign) => {
      const signature = { parameters: [], result: "void" } as const;
      assert.throws(() => foreign.functions("libselvage-none.so.1", { any: signature }), {
        code: "UNSUPPORTED",
        message: /^Cannot call the library libselvage-none\.so\.1: [^\n]+; install it/,
      });
      assert.throws(() => foreign.functions("libc.so.6", { selvage_none: signature }), {
        code: "UNSUPPORTED",
        message: /libc\.so\.6.*selvage_none/,
      });
      assert.throws(() => foreign.functions(null, { selvage_none: signature }), { code: "UNSUPPORTED" });
    });
  }, { skip });

  test(`${way}: another thread has its own errno and sees the same memory at the same address`, async () => {
    await withForeign(way, async (foreign) => {
      const { access } = foreign.functions(null, {
        access: { parameters: ["address", "i32"], result: "i32" },
      });
      const { address, bytes } = mapArena(foreign, 16);
      assert.equal(access(address, 0), -1);
      assert.equal(foreign.errno(), ERRNO.ENOENT);
      bytes[0] = 41;
      const url = new URL("./foreign_worker_fixture.ts", import.meta.url);
      const question: ThreadQuestion = { way, address };
      const answer = await askWorker({ url, question, timeoutMillis: 20_000 });
      assert.deepEqual(answer, { errno: ERRNO.EBADF, found: 41 } satisfies ThreadAnswer);
      assert.equal(bytes[1], 42);
    });
  }, { skip });
}

test("this process has the way of its runtime, and Node a second one where koffi does not load", async () => {
  using foreign = await systemForeign();
  assert.equal(foreign.way, onDeno ? "Deno.dlopen" : "koffi");
  if (!presentWays().includes("node:ffi")) return;
  const sources = { ...systemSources, koffi: brokenKoffi };
  using second = await systemForeign(undefined, sources);
  assert.equal(second.way, "node:ffi");
  // Asked for by name it is that or nothing.
  await assert.rejects(systemForeign("koffi", sources), { code: "UNSUPPORTED" });
}, { skip });

test("where there is no way, UNSUPPORTED says what to do", async () => {
  const none = { koffi: brokenKoffi, nodeFfi: () => undefined };
  await assert.rejects(systemForeign(undefined, none), {
    code: "UNSUPPORTED",
    message: "Cannot call C libraries: the package koffi did not load (Cannot find the native module); " +
      "install it with npm install koffi, or start a Node that has node:ffi",
  });
  await assert.rejects(systemForeign("node:ffi", none), { code: "UNSUPPORTED", message: /newer Node/ });
  await assert.rejects(systemForeign("Deno.dlopen", none), { code: "UNSUPPORTED", message: /is Node/ });
  const refusing = (name: string) => ({
    dlopen: () => {
      throw Object.assign(new Error("Access is not granted"), { name });
    },
  });
  const permission = { ...none, nodeFfi: () => refusing("Error") as unknown as NodeFfi };
  await assert.rejects(systemForeign(undefined, permission), { message: /start Node with --allow-ffi$/ });
  const deno = refusing("NotCapable") as unknown as NonNullable<ForeignSources["deno"]>;
  await assert.rejects(systemForeign(undefined, { ...none, deno }), {
    message: /start it with --allow-ffi$/,
  });
  await assert.rejects(systemForeign("koffi", { ...none, deno }), { message: /Deno has no koffi/ });
}, { skip });
