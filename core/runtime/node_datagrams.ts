import { createSocket, type Socket } from "node:dgram";
import process from "node:process";
import type { BindDatagrams, DatagramBackend, RawEndpoint } from "./datagram_backend.ts";

/** Room for some 2,000 full datagrams of a burst. The kernel cuts it to net.core.rmem_max. */
const receiveBytes = 4 * 1024 * 1024;

/** UDP by `node:dgram`, in Node and in a Deno that has no `Deno.listenDatagram`. */
export const nodeDatagrams: BindDatagrams = (local, failed) => {
  const { promise, resolve, reject } = Promise.withResolvers<DatagramBackend>();
  const socket = createNodeSocket(local.host.includes(":") ? 6 : 4);
  const refuse = (error: Error) => {
    socket.close();
    reject(error);
  };
  socket.once("error", refuse);
  socket.bind({ address: local.host, port: local.port, exclusive: true }, () => {
    socket.off("error", refuse);
    socket.on("error", failed);
    resolve(new NodeDatagrams(socket));
  });
  return promise;
};

/**
 * `lookup` takes IP literals as they are: the standard one defers every send by a turn, and would ask name servers.
 * Deno makes `recvBufferSize` the size of a buffer that it allocates anew for every datagram it receives: with 4 MiB
 * each, 1,000 datagrams a second are too much for it. There it stays unset.
 */
function createNodeSocket(family: 4 | 6): Socket {
  const isDeno = process.versions.deno !== undefined;
  return createSocket({
    type: family === 6 ? "udp6" : "udp4",
    lookup: (host, _options, found) => found(null, host, family),
    ...(isDeno ? {} : { recvBufferSize: receiveBytes }),
  });
}

class NodeDatagrams implements DatagramBackend {
  readonly local: RawEndpoint;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    const { address, port } = socket.address();
    this.local = { host: address, port };
    this.#socket = socket;
  }

  send(datagram: Uint8Array, host: string, port: number): Promise<unknown> {
    return new Promise<void>((resolve, reject) => {
      this.#socket.send(datagram, port, host, (error) => error ? reject(error) : resolve());
    });
  }

  receive(handler: (datagram: Uint8Array, from: RawEndpoint) => void): void {
    this.#socket.on("message", (datagram, { address, port }) => handler(datagram, { host: address, port }));
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(resolve));
  }
}
