/** What `gre_udp` sends, as Wireshark's dissectors see it, and what RFC 8086 allows, as `gre_udp` does. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Drop } from "../../core/contracts/drop.ts";
import type { EncapsulationOutput } from "../../core/contracts/encapsulation.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { parseEndpoint } from "../../core/wire/endpoint.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { encodeEcho } from "../../core/wire/icmp.ts";
import { icmpUnreachable } from "../../core/wire/icmp_error.ts";
import { encodeUdp } from "../../core/wire/udp.ts";
import { greUdp, type GreUdpMachine } from "../../plugins/gre_udp/mod.ts";
import { test } from "../harness.ts";
import { greBytes } from "./gre_device.ts";
import { type Captured, pcap } from "./pcap.ts";

const run = promisify(execFile);

async function whyNoTshark(): Promise<string | undefined> {
  try {
    await run("tshark", ["--version"]);
    return undefined;
  } catch {
    return "tshark is not installed (apt-get install tshark)";
  }
}

const skip = await whyNoTshark();

/** Everything that is asked of tshark, one column each; several values of a field are joined by commas. */
const fields = [
  "frame.protocols",
  "udp.dstport",
  "udp.checksum.status",
  "gre.proto",
  "gre.key",
  "gre.flags.checksum",
  "gre.checksum.status",
  "gre.sequence_number",
  "ip.src",
  "ip.dst",
  "ip.checksum.status",
  "ipv6.src",
  "ipv6.dst",
  "icmp.type",
  "icmp.checksum.status",
  "icmpv6.type",
  "icmpv6.checksum.status",
  "_ws.malformed",
  "_ws.expert.message",
] as const;
type Row = Readonly<Record<(typeof fields)[number], string>>;

/** Checksums are off by default in tshark: a capture on the sending host often sees unfinished ones. */
const checks = ["ip.check_checksum", "udp.check_checksum"].flatMap((name) => ["-o", `${name}:TRUE`]);

async function dissect(packets: readonly Captured[]): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "selvage-pcap-"));
  try {
    const file = join(directory, "capture.pcap");
    writeFileSync(file, pcap(packets));
    const columns = fields.flatMap((field) => ["-e", field]);
    const options = ["-n", "-r", file, ...checks, "-T", "fields", "-E", "separator=|", ...columns];
    const { stdout } = await run("tshark", options);
    return stdout.trimEnd().split("\n").map((line) => {
      const values = line.split("|");
      return Object.fromEntries(fields.map((field, index) => [field, values[index] ?? ""])) as unknown as Row;
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const [source4, destination4] = [parseAddress("10.32.0.1")!, parseAddress("192.168.7.9")!];
const [source6, destination6] = [parseAddress("fd12::1")!, parseAddress("2001:db8:7::9")!];
const echo = {
  kind: "echoRequest",
  identifier: 1,
  sequence: 1,
  data: new Uint8Array(56).fill(0xa5),
} as const;
const query = { sourcePort: 5_353, destinationPort: 7, payload: Uint8Array.of(1, 2, 3) };
const routes = [
  { source: source4, destination: destination4 },
  { source: source6, destination: destination6 },
];
/** ICMP and UDP in both families, and the errors that a node itself writes. */
const inner = routes.flatMap((route) => {
  const datagram = encodeUdp(route, query);
  return [
    encodeEcho(route, echo),
    datagram,
    icmpUnreachable(datagram, "portUnreachable", route.destination)!,
  ];
});

/** Everything of {@link inner} to a device, as it leaves for the socket. */
function sent(endpoint: string, key?: number): readonly Captured[] {
  const peer = { name: "router", endpoint, prefixes: ["192.168.7.0/24"], ...key !== undefined && { key } };
  const machine = greUdp({ peers: [peer] }).create({ drops: { count() {} } }) as GreUdpMachine;
  const [device] = machine.fixedPeers;
  machine.connect(device!);
  for (const payload of inner) {
    const protocol = payload[0]! >> 4 === 4 ? GreProtocol.ipv4 : GreProtocol.ipv6;
    assert.equal(machine.seal(device!.id, { protocol, payload, forwarded: false }, 0), Drop.none);
  }
  const from = { host: endpoint.startsWith("[") ? "2001:db8::1" : "203.0.113.1", port: 4754 };
  return outputsOf(machine).map((output) => {
    assert.ok(output.type === "transmit");
    return { from, to: output.to, datagram: output.datagram };
  });
}

function outputsOf(machine: GreUdpMachine): readonly EncapsulationOutput[] {
  const outputs: EncapsulationOutput[] = [];
  for (let output = machine.poll(); output !== undefined; output = machine.poll()) outputs.push(output);
  return outputs;
}

/** Every checksum that tshark judged is good (1), and nothing was noteworthy but what the packets are about. */
function assertClean(row: Row): void {
  assert.equal(row["_ws.malformed"], "");
  for (const field of fields.filter((name) => name.endsWith(".status"))) {
    for (const status of row[field].split(",").filter((value) => value !== "")) {
      assert.equal(status, "1", `${field} of ${row["frame.protocols"]}`);
    }
  }
  const notes = row["_ws.expert.message"].split(",").filter((note) => note !== "");
  assert.deepEqual(notes.filter((note) => !isExpected(note)), [], row["frame.protocols"]);
}

/** A capture of one direction has no answers, and that is all there is to say. */
function isExpected(note: string): boolean {
  return note.startsWith("No response seen");
}

test("tshark sees IP in GRE in UDP to port 4754, nothing malformed and every checksum right", async () => {
  for (const [endpoint, outer] of [["198.51.100.9:4754", "ip"], ["[2001:db8::9]:4754", "ipv6"]] as const) {
    const rows = await dissect(sent(endpoint));
    assert.equal(rows.length, inner.length);
    for (const [index, row] of rows.entries()) {
      const family = index < 3 ? "ip" : "ipv6";
      assert.match(row["frame.protocols"], new RegExp(`^eth:ethertype:${outer}:udp:gre:${family}:`));
      assert.equal(row["udp.dstport"].split(",")[0], "4754");
      assert.equal(row["gre.proto"], family === "ip" ? "0x0800" : "0x86dd");
      assert.deepEqual([row["gre.key"], row["gre.flags.checksum"], row["gre.sequence_number"]], [
        "",
        "0",
        "",
      ]);
      assertClean(row);
    }
  }
}, { skip });

test("tshark would notice: one wrong byte in the inner packet, and a flag of RFC 1701", async () => {
  const [request] = sent("198.51.100.9:4754");
  const wrong = request!.datagram.slice();
  wrong[wrong.length - 1]! ^= 1;
  const routed = request!.datagram.slice();
  routed[0]! |= 0x40;
  const rows = await dissect([request!, { ...request!, datagram: wrong }, { ...request!, datagram: routed }]);
  assert.deepEqual(rows.slice(0, 2).map((row) => row["icmp.checksum.status"]), ["1", "0"]);
  assert.deepEqual(rows.slice(0, 2).map((row) => row["ip.checksum.status"]), ["1,1", "1,1"]);
  assert.deepEqual(rows.slice(0, 2).map((row) => row["udp.checksum.status"]), ["1", "1"]);
  assert.deepEqual(rows.map((row) => row["frame.protocols"].includes("icmp")), [true, true, false]);
}, { skip });

test("tshark reads the addresses and messages that were put in", async () => {
  const rows = await dissect(sent("198.51.100.9:4754"));
  assert.deepEqual(rows.map((row) => row["icmp.type"]), ["8", "", "3", "", "", ""]);
  assert.deepEqual(rows.map((row) => row["icmpv6.type"]), ["", "", "", "128", "", "1"]);
  assert.deepEqual([rows[0]!["ip.src"], rows[0]!["ip.dst"]], [
    "203.0.113.1,10.32.0.1",
    "198.51.100.9,192.168.7.9",
  ]);
  assert.deepEqual([rows[3]!["ipv6.src"], rows[3]!["ipv6.dst"]], ["fd12::1", "2001:db8:7::9"]);
}, { skip });

test("tshark reads the key", async () => {
  const rows = await dissect(sent("198.51.100.9:4754", 0xc0ffee));
  for (const row of rows) {
    assert.equal(row["gre.key"], "0x00c0ffee");
    assertClean(row);
  }
}, { skip });

test(
  "what tshark calls a clean GRE packet with checksum, key and sequence number is taken whole",
  async () => {
    const to = parseEndpoint("203.0.113.1:4754")!;
    const from = { host: "198.51.100.9", port: 50_001 };
    const datagrams = inner.map((payload, sequence) =>
      greBytes(payload, { key: 7, sequence, checksum: true })
    );
    for (
      const [index, row] of (await dissect(datagrams.map((datagram) => ({ from, to, datagram })))).entries()
    ) {
      assert.deepEqual([row["gre.key"], row["gre.sequence_number"]], ["0x00000007", String(index)]);
      assert.deepEqual([row["gre.flags.checksum"], row["gre.checksum.status"]], ["1", "1"]);
      assertClean(row);
    }
    const peer = { name: "router", endpoint: "198.51.100.9:4754", prefixes: ["192.168.7.0/24"], key: 7 };
    const machine = greUdp({ peers: [peer] }).create({ drops: { count() {} } }) as GreUdpMachine;
    machine.connect(machine.fixedPeers[0]!);
    for (const datagram of datagrams) assert.equal(machine.handleDatagram(datagram, from, 1), Drop.none);
    const packets = outputsOf(machine).flatMap((output) =>
      output.type === "packet" ? [output.packet.payload] : []
    );
    assert.deepEqual(packets, inner);
  },
  { skip },
);
