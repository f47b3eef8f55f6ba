/** One kit for every way to call the C library: each runtime runs it against all that it has. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setImmediate } from "node:timers";
import { test } from "../../../tests/harness.ts";
import { withDirectory } from "../temporary_directory_fixture.ts";
import type { ForeignWay } from "./foreign.ts";
import { presentWays } from "./foreign_fixture.ts";
import { askWorker } from "../worker.ts";
import { callMemory, type Libc, OPEN } from "./libc.ts";
import { ERRNO, systemErrorName } from "./system_error.ts";
import { systemLibc } from "./system_libc.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";

/** A named pipe, both ends in one descriptor: what is written can be read. */
async function withPipe(
  way: ForeignWay,
  use: (libc: Libc, pipe: number) => void | Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const path = join(directory, "pipe");
    execFileSync("mkfifo", [path]);
    using libc = await systemLibc(way);
    const pipe = libc.open(path, OPEN.readWrite | OPEN.nonBlocking | OPEN.closeOnExec);
    assert.ok(pipe > 2, systemErrorName(pipe));
    try {
      await use(libc, pipe);
    } finally {
      assert.equal(libc.close(pipe), 0);
    }
  });
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

for (const way of presentWays()) {
  test(`${way}: the C library is called in the way that was asked for`, async () => {
    using libc = await systemLibc(way);
    assert.equal(libc.way, way);
  }, { skip });

  test(`${way}: what is written is read, as many bytes as are there`, async () => {
    await withPipe(way, (libc, pipe) => {
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

  test(`${way}: a failed call gives its own error number, whatever failed before`, async () => {
    using libc = await systemLibc(way);
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

  test(`${way}: an abstract name can be bound once until its holder closes it`, async () => {
    using libc = await systemLibc(way);
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

  test(
    `${way}: a watch calls for as long as there is something to read, and lets others run between`,
    async () => {
      await withPipe(way, async (libc, pipe) => {
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
    },
    { skip },
  );

  test(`${way}: a watch that waits is closed at once, twice too, and is silent from then on`, async () => {
    await withPipe(way, async (libc, pipe) => {
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

  test(`${way}: a watch closed by what it called does not call again`, async () => {
    await withPipe(way, async (libc, pipe) => {
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
}

if (presentWays().includes("node:ffi")) {
  test("node:ffi: a worker is told not to wait, for Node would end the process with it", async () => {
    const module = new URL("./system_libc.ts", import.meta.url).href;
    const worker = `import { parentPort } from "node:worker_threads";
      const { systemLibc } = await import(${JSON.stringify(module)});
      const libc = await systemLibc("node:ffi");
      parentPort.on("message", () => {
        try {
          libc.watch(0, () => false);
        } catch (error) {
          parentPort.postMessage(error.code);
        }
      });`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(worker)}`);
    assert.equal(await askWorker({ url, question: {}, timeoutMillis: 20_000 }), "UNSUPPORTED");
  }, { skip });
}
