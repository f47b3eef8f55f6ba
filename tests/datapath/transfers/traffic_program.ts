/**
 * One end of a transfer, in a container. Takes its task as JSON on the command line; a receiver prints a line when it can
 * be sent to; each prints its report as a line of JSON, a receiver of datagrams whenever it is asked to by a line on its
 * standard input. The run of the program ends with its input.
 */
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, isIPv6, type Socket } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { receiveDatagrams, sendDatagrams } from "./datagram_flow.ts";
import { SeededBytes } from "./seeded_bytes.ts";
import type { StreamReport, StreamTask, Task } from "./traffic_task.ts";

const trafficPort = 7100;
const pieceBytes = 65_536;

/** Each stream begins with its number in one byte, as they may be accepted in another order. */
async function sendStream(
  task: StreamTask,
  number: number,
): Promise<StreamReport> {
  const hash = createHash("sha256");
  const source = new SeededBytes(task.seed, number);
  const socket = connect({ host: task.to, port: trafficPort, allowHalfOpen: true });
  await once(socket, "connect");
  socket.write(Uint8Array.of(number));
  const bytes = Math.floor(task.bytes / task.streams);
  for (let sent = 0; sent < bytes; sent += pieceBytes) {
    const piece = source.next(Math.min(pieceBytes, bytes - sent));
    hash.update(piece);
    if (!socket.write(piece)) await once(socket, "drain");
  }
  // The other end hangs up when it has everything: an end that comes earlier is an error of this stream.
  const closed = once(socket.resume(), "end");
  socket.end();
  await closed;
  return { bytes, digest: hash.digest("hex") };
}

async function receiveStreams(streams: number): Promise<readonly (StreamReport | null)[]> {
  const reports: (StreamReport | null)[] = Array.from({ length: streams }, () => null);
  const server = createServer({ allowHalfOpen: true });
  const all = Promise.withResolvers<void>();
  let open = streams;
  server.on("connection", (socket: Socket) => {
    void takeStream(socket).then(({ number, report }) => {
      reports[number] = report;
      if (--open === 0) all.resolve();
    }, all.reject);
  });
  server.listen({ port: trafficPort, host: "::" });
  await once(server, "listening");
  say({ ready: true });
  await all.promise;
  server.close();
  return reports;
}

async function takeStream(
  socket: Socket,
): Promise<{ readonly number: number; readonly report: StreamReport }> {
  const hash: Hash = createHash("sha256");
  let [number, bytes] = [-1, 0];
  for await (const piece of socket as AsyncIterable<Buffer>) {
    const rest = number === -1 ? piece.subarray(1) : piece;
    if (number === -1) number = piece[0]!;
    hash.update(rest);
    bytes += rest.length;
  }
  socket.end();
  return { number, report: { bytes, digest: hash.digest("hex") } };
}

function say(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function work(task: Task): Promise<void> {
  switch (task.role) {
    case "sendStreams": {
      const numbers = Array.from({ length: task.streams }, (_, number) => number);
      return say(await Promise.all(numbers.map((number) => sendStream(task, number))));
    }
    case "receiveStreams":
      return say(await receiveStreams(task.streams));
    case "sendDatagrams":
      return say(await sendDatagrams(task, { family: isIPv6(task.to) ? 6 : 4, port: trafficPort }));
    case "receiveDatagrams": {
      const arrivals = await receiveDatagrams(task, { family: isIPv6(task.to) ? 6 : 4, port: trafficPort });
      say({ ready: true });
      for await (const _ of createInterface({ input: process.stdin })) {
        const { right, wrong, again } = arrivals;
        say({ right, wrong, again });
      }
    }
  }
}

// Who started it has ended.
process.stdin.on("end", () => process.exit(1)).resume();
await work(JSON.parse(process.argv[2]!) as Task);
process.exit(0);
