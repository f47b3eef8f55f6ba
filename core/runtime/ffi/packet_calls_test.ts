import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "../../../tests/harness.ts";
import type { Arena } from "../../datapath/arena.ts";
import { withDirectory } from "../temporary_directory_fixture.ts";
import { presentWays, withForeign } from "./foreign_fixture.ts";
import { PacketCalls } from "./packet_calls.ts";
import { mapArena } from "./system_arena.ts";
import { ERRNO } from "./system_error.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";
const POLLIN = 1;

function putPollEntry({ view }: Arena, offset: number, descriptor: number): void {
  view.setInt32(offset, descriptor, true);
  view.setInt32(offset + 4, POLLIN, true);
}

for (const way of presentWays()) {
  const withCalls = (use: (calls: PacketCalls, arena: Arena) => void | Promise<void>) =>
    withForeign(way, (foreign) => use(new PacketCalls(foreign), mapArena(foreign, 64 * 1024)));

  test(`${way}: a write gathers what lies apart, and a read gets as much as is there`, async () => {
    await withCalls(async (calls, { bytes, view, address }) => {
      await withDirectory((directory) => {
        const path = join(directory, "file");
        const file = openSync(path, "w");
        bytes.set([1, 2, 3], 100);
        bytes.set([4, 5], 40_000);
        for (const [i, [at, length]] of ([[100, 3], [40_000, 2]] as const).entries()) {
          view.setUint32(16 * i, address + at, true);
          view.setUint32(16 * i + 8, length, true);
        }
        assert.equal(calls.writev(file, address, 2), 5);
        assert.equal(calls.write(file, address + 100, 1), 1);
        closeSync(file);
        assert.deepEqual([...readFileSync(path)], [1, 2, 3, 4, 5, 1]);
        const back = openSync(path, "r");
        assert.equal(calls.read(back, address + 200, 1000), 6);
        assert.deepEqual([...bytes.subarray(200, 207)], [1, 2, 3, 4, 5, 1, 0]);
        assert.equal(calls.read(back, address, 1000), 0);
        closeSync(back);
      });
    });
  }, { skip });

  test(`${way}: every call gives its own error, negated`, async () => {
    await withCalls((calls, { address }) => {
      const none = 999_999;
      for (const call of [calls.read, calls.write, calls.writev, calls.recvmsg, calls.sendmsg] as const) {
        assert.equal(call.call(calls, none, address, 1), -ERRNO.EBADF);
      }
      assert.equal(calls.poll(4096, 1, 0), -ERRNO.EFAULT);
      assert.equal(calls.socket(-1, 0, 0), -ERRNO.EAFNOSUPPORT);
      assert.equal(calls.bind(none, new Uint8Array(16)), -ERRNO.EBADF);
      assert.equal(calls.getsockname(none, new Uint8Array(16)), -ERRNO.EBADF);
      assert.equal(calls.setsockopt(none, 1, 2, 1), -ERRNO.EBADF);
      assert.equal(calls.getsockopt(none, 1, 2), -ERRNO.EBADF);
      assert.equal(calls.duplicate(none), -ERRNO.EBADF);
      assert.equal(calls.close(none), -ERRNO.EBADF);
    });
  }, { skip });

  test(`${way}: an event wakes a poll that waits, once`, async () => {
    await withCalls((calls, arena) => {
      const { bytes, view, address } = arena;
      const event = calls.eventfd();
      putPollEntry(arena, 0, event);
      assert.equal(calls.poll(address, 1, 0), 0);
      assert.equal(calls.read(event, address + 16, 8), -ERRNO.EAGAIN);
      bytes[32] = 1;
      assert.equal(calls.write(event, address + 32, 8), 8);
      // Without end, was it not ready.
      assert.equal(calls.poll(address, 1, -1), 1);
      assert.equal(view.getInt16(6, true), POLLIN);
      assert.equal(calls.read(event, address + 16, 8), 8);
      assert.equal(bytes[16], 1);
      assert.equal(calls.poll(address, 1, 0), 0);
      assert.equal(calls.close(event), 0);
    });
  }, { skip });

  test(`${way}: a duplicate lives on when its original is closed, and no program inherits it`, async () => {
    await withCalls((calls, { bytes, address }) => {
      const event = calls.eventfd();
      const twin = calls.duplicate(event);
      assert.ok(twin > 2 && twin !== event);
      assert.equal(calls.close(event), 0);
      bytes[0] = 1;
      assert.equal(calls.write(twin, address, 8), 8);
      const listed = execFileSync("ls", ["/proc/self/fd"], { encoding: "utf8" }).split("\n");
      assert.ok(!listed.includes(String(twin)));
      assert.equal(calls.close(twin), 0);
    });
  }, { skip });

  test(`${way}: the clock goes forward, in nanoseconds`, async () => {
    await withCalls((calls, { view, address }) => {
      const now = () => {
        assert.equal(calls.clockMonotonic(address), 0);
        return view.getBigUint64(0, true) * 1_000_000_000n + view.getBigUint64(8, true);
      };
      const before = now();
      assert.ok(before > 0n && view.getBigUint64(8, true) < 1_000_000_000n);
      assert.equal(calls.poll(address + 64, 0, 2), 0);
      const passed = now() - before;
      assert.ok(passed >= 2_000_000n && passed < 30_000_000_000n);
    });
  }, { skip });
}
