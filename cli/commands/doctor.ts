/** What this machine and this runtime offer a node, found out by trying. */
import type { AeadMeasure } from "../../core/datapath/aead_choice.ts";
import { interfaceAddresses } from "../../core/runtime/interfaces.ts";
import { runtimeName } from "../../core/runtime/runtime_name.ts";
import { bindDatagramSocket } from "../../core/runtime/datagram_socket.ts";
import { denoDatagrams } from "../../core/runtime/deno_datagrams.ts";
import { askWorker, datapathWorkerUrl } from "../../core/runtime/worker.ts";
import { ExitCode } from "../exit_code.ts";
import { messageOf } from "../failure.ts";
import type { Io } from "../io.ts";
import { columns, keyValues, type OutputFormat, printData } from "../output.ts";
import { version } from "../version.ts";

interface Diagnosis {
  readonly version: string;
  readonly runtime: string;
  readonly ipv6: { readonly sockets: boolean; readonly addresses: readonly string[] };
  readonly udp: { readonly backend: string; readonly problem: string | null };
  readonly worker: { readonly aeads: readonly AeadMeasure[]; readonly problem: string | null };
}

/** Fails when something that every node needs is missing. */
export async function doctor(io: Io, { output }: { readonly output: OutputFormat }): Promise<ExitCode> {
  const [udp4, udp6] = [await trySocket("127.0.0.1"), await trySocket("::1")];
  const diagnosis: Diagnosis = {
    version,
    runtime: runtimeName(),
    ipv6: { sockets: udp6 === null, addresses: ipv6Addresses() },
    udp: { backend: denoDatagrams() === undefined ? "node:dgram" : "Deno.listenDatagram", problem: udp4 },
    worker: await measureInWorker(),
  };
  await printData(io, output, diagnosis, report);
  return udp4 === null && diagnosis.worker.problem === null ? ExitCode.ok : ExitCode.failed;
}

/** What went wrong, or nothing. */
async function trySocket(host: string): Promise<string | null> {
  try {
    const socket = await bindDatagramSocket({ host, port: 0 }, { dropped: () => {}, failed: () => {} });
    socket.receive(() => {});
    await socket.close();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

function ipv6Addresses(): readonly string[] {
  return interfaceAddresses()
    .filter(({ family, internal, linkLocal }) => family === 6 && !internal && !linkLocal)
    .map(({ host }) => host);
}

async function measureInWorker(): Promise<Diagnosis["worker"]> {
  try {
    const question = { millis: 20 };
    const answer = await askWorker({ url: datapathWorkerUrl(), question, timeoutMillis: 20_000 });
    return { aeads: answer as readonly AeadMeasure[], problem: null };
  } catch (error) {
    return { aeads: [], problem: messageOf(error) };
  }
}

function report({ version, runtime, ipv6, udp, worker }: Diagnosis): string {
  const addresses = ipv6.addresses.join(", ") || "no address that others could reach";
  const facts = keyValues([
    ["Version", version],
    ["Runtime", runtime],
    ["UDP", udp.problem ?? udp.backend],
    ["IPv6", ipv6.sockets ? addresses : "not available"],
    ["Worker", worker.problem ?? "starts and answers"],
  ]);
  const rows = worker.aeads.map(({ name, implementation, sound, sealNanos, openNanos }) => [
    name,
    implementation,
    ...sound ? [micros(sealNanos), micros(openNanos)] : ["unusable", ""],
  ]);
  const table = columns(["AEAD, IN THE WORKER", "FROM", "SEAL 9,000 B", "OPEN 9,000 B"], rows);
  return rows.length === 0 ? facts : `${facts}\n${table}`;
}

function micros(nanos: number): string {
  return `${(nanos / 1000).toFixed(1)} us`;
}
