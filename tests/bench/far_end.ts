/**
 * The other process of a network benchmark: an echo and a counting sink, on a bare UDP socket and on the overlay of a
 * whole node. Talks to the benchmark in JSON lines; ends with its standard input.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { bindDatagramSocket } from "../../core/runtime/datagram_socket.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { benchNode } from "./bench_node.ts";

/** What the sink does not echo: everything longer than this is counted. */
export const longestEcho = 100;

interface Order {
  readonly token: string;
  readonly directory: string;
}

let counted = 0;

async function run({ token, directory }: Order, orders: AsyncIterator<string>): Promise<void> {
  const bare = await bindDatagramSocket({ host: "127.0.0.1", port: 0 }, {
    dropped: () => {},
    failed: console.error,
  });
  bare.receive((datagram, from) => {
    if (datagram.length > longestEcho) counted++;
    else bare.send(datagram, from);
  });
  await using node = await benchNode("far", directory, { join: { token } });
  const [address] = node.status().addresses;
  const sink = node.overlay!.listenUdp(
    { address: parseAddress(address!)!, port: 7 },
    (payload, from, socket) => {
      if (payload.length > longestEcho) counted++;
      else socket.send(payload, from);
    },
  );
  say({ address, bare: bare.local.port });
  for (let order = await orders.next(); !order.done; order = await orders.next()) {
    say({ counted });
    counted = 0;
  }
  sink.close();
  bare.close();
}

function say(report: unknown): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = await orders.next();
if (!first.done) await run(JSON.parse(first.value) as Order, orders);
