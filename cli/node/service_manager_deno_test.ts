/** On Deno alone, which can hear what systemd would. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "../../core/contracts/host.ts";
import { test } from "../../tests/harness.ts";
import { tellServiceManager } from "./service_manager.ts";

class Lines implements Logger {
  readonly said: string[] = [];

  child(): Logger {
    return this;
  }

  log(_level: string, message: string): void {
    this.said.push(message);
  }
}

test("a unit of Type=notify is told, byte for byte what sd_notify would send", async () => {
  const directory = await mkdtemp(join(tmpdir(), "selvage-notify-"));
  const path = join(directory, "notify");
  const socket = Deno.listenDatagram({ path, transport: "unixpacket" });
  try {
    const log = new Lines();
    const receive = async () => new TextDecoder().decode((await socket.receive())[0]);
    const heard = receive();
    // It waits until the manager has read all: sd_notify_barrier(3).
    const barrier = heard.then(receive);
    await tellServiceManager({ environment: { NOTIFY_SOCKET: path } }, "READY=1", log);
    assert.match(await heard, /^READY=1$/m);
    assert.equal(await barrier, "BARRIER=1");
    assert.deepEqual(log.said, []);
  } finally {
    socket.close();
    await rm(directory, { recursive: true });
  }
});

test("outside of such a unit nothing is run, and a manager that is gone costs a warning", async () => {
  const log = new Lines();
  await tellServiceManager({ environment: {} }, "READY=1", log);
  assert.deepEqual(log.said, []);
  await tellServiceManager({ environment: { NOTIFY_SOCKET: "/nonexistent/notify" } }, "STOPPING=1", log);
  assert.deepEqual(log.said, ["Cannot tell systemd"]);
});
