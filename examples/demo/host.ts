/**
 * One host of the demo: a whole node in a process of its own, composed by hand from the library. It says what it does in
 * JSON lines on stdout and takes orders as JSON lines on stdin; everything else goes through its admin API, like any
 * other node's.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import {
  allowAll,
  createNode,
  formatAddress,
  type MeshNode,
  noise,
  parseAddress,
  parsePrefix,
  ring,
  serveAdmin,
  sqlite,
  staticSeeds,
  udp,
  type UdpSocket,
  userspace,
} from "../../mod.ts";

/** First line on stdin. Without a token the host founds the network, or resumes the one in its state directory. */
export interface HostOrder {
  readonly name: string;
  readonly directory: string;
  readonly token?: string;
  readonly resume?: boolean;
}

/** Later lines: send `text` to the echo service of `to` and report the answer. */
export interface EchoOrder {
  readonly echo: { readonly to: string; readonly text: string };
}

/** What the host says. */
export type HostReport =
  | { readonly ready: { readonly addresses: readonly string[]; readonly join: string } }
  | { readonly echoed: { readonly text: string; readonly from: string } }
  | { readonly failed: { readonly code: string; readonly message: string } };

const echoPort = 7;

async function run(order: HostOrder, orders: AsyncIterator<string>): Promise<void> {
  await using node = await createNode({
    name: order.name,
    plugins: {
      store: sqlite({ directory: order.directory }),
      transport: udp({ listen: "127.0.0.1:0" }),
      encapsulation: noise({}),
      discovery: [staticSeeds({ seeds: [] })],
      ipam: ring({}),
      policy: allowAll({}),
      port: userspace({}),
    },
    intent: intentOf(order),
  });
  await using _admin = await serveAdmin(node, { socket: `${order.directory}/admin.sock` });
  const echoes = node.status().addresses.map((address) => listenEcho(node, address));
  const { token } = await node.tokens.create();
  report({ ready: { addresses: node.status().addresses, join: token } });
  for (let line = await orders.next(); !line.done; line = await orders.next()) {
    await sendEcho(node, JSON.parse(line.value) as EchoOrder);
  }
  for (const echo of echoes) echo.close();
}

function intentOf({ token, resume }: HostOrder) {
  if (token !== undefined) return { join: { token } };
  if (resume === true) return {};
  return { found: { networkName: "demo", range: parsePrefix("10.32.0.0/12")! } };
}

/** RFC 862 on the overlay: whatever comes goes back. */
function listenEcho(node: MeshNode, address: string): UdpSocket {
  return node.overlay!.listenUdp(
    { address: parseAddress(address)!, port: echoPort },
    (payload, from, socket) => socket.send(payload, from),
  );
}

async function sendEcho(node: MeshNode, { echo }: EchoOrder): Promise<void> {
  const to = parseAddress(echo.to)!;
  const own = node.status().addresses.map((text) => parseAddress(text)!).find(({ family }) =>
    family === to.family
  )!;
  const answer = Promise.withResolvers<HostReport>();
  const socket = node.overlay!.listenUdp({ address: own, port: 0 }, (payload, from) => {
    answer.resolve({
      echoed: { text: new TextDecoder().decode(payload), from: formatAddress(from.address) },
    });
  });
  socket.send(new TextEncoder().encode(echo.text), { address: to, port: echoPort });
  report(await answer.promise);
  socket.close();
}

function report(line: HostReport): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
try {
  const first = await orders.next();
  if (!first.done) await run(JSON.parse(first.value) as HostOrder, orders);
} catch (error) {
  const { code = "INTERNAL", message } = error as Error & { code?: string };
  report({ failed: { code, message } });
  process.exitCode = 1;
} finally {
  process.stdin.destroy();
}
