/** The file of `--pcap` as Wireshark's own program reads it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CaptureFile } from "../../cli/capture/capture_file.ts";
import { captureLinks } from "../../cli/capture/captured_plugins.ts";
import { FakeLog } from "../../core/node/node_fixture.ts";
import { concatBytes } from "../../core/wire/bytes.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { encodeUdp } from "../../core/wire/udp.ts";
import { test } from "../harness.ts";

const run = promisify(execFile);
const fields =
  "frame.time_epoch frame.interface_name frame.protocols udp.length frame.packet_flags_direction frame.comment";

async function whyNoTshark(): Promise<string | undefined> {
  try {
    await run("tshark", ["--version"]);
    return undefined;
  } catch {
    return "tshark is not installed (apt-get install tshark)";
  }
}

function udp(from: string, to: string, length: number): Uint8Array {
  const route = { source: parseAddress(from)!, destination: parseAddress(to)! };
  return encodeUdp(route, { sourcePort: 40_001, destinationPort: 40_002, payload: new Uint8Array(length) });
}

test("tshark reads packets of both families and frames, with time, direction and peer", async () => {
  const directory = mkdtempSync(join(tmpdir(), "selvage-pcap-"));
  try {
    const path = join(directory, "packets");
    let now = 0;
    const clock = { now: () => now, wall: () => 1_795_392_000_000, timer: () => ({ cancel() {} }) };
    const packet4 = udp("10.32.0.1", "10.32.0.2", 101);
    const ethernet = Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0);
    const log = new FakeLog();
    {
      const order = { file: path, layer: "inner", limit: 10_000 } as const;
      using file = new CaptureFile(order, captureLinks.inner, { clock, log });
      file.write({ link: 0, direction: "out", bytes: packet4, comment: "peer ann" });
      now = 1.5;
      file.write({ link: 0, direction: "in", bytes: udp("fd00::1", "fd00::2", 3), comment: "peer bob" });
      file.write({ link: 1, direction: "in", bytes: concatBytes(ethernet, packet4), comment: "peer bob" });
    }
    const columns = fields.split(" ").flatMap((field) => ["-e", field]);
    const { stdout } = await run("tshark", [
      "-n",
      "-r",
      path,
      "-T",
      "fields",
      "-E",
      "separator=|",
      ...columns,
    ]);
    assert.deepEqual(stdout.trimEnd().split("\n").map((line) => line.split("|")), [
      ["1795392000.000000000", "packets", "raw:ip:udp:data", "109", "0x00000002", "peer ann"],
      ["1795392000.001500000", "packets", "raw:ipv6:udp:data", "11", "0x00000001", "peer bob"],
      [
        "1795392000.001500000",
        "frames",
        "eth:ethertype:ip:udp:data",
        "109",
        "0x00000001",
        "peer bob",
      ],
    ]);
    assert.deepEqual(log.messages, []);
  } finally {
    rmSync(directory, { recursive: true });
  }
}, { skip: await whyNoTshark() });
