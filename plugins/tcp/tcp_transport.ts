import { Drop } from "../../core/contracts/drop.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { NetworkKey, PeerIdentity } from "../../core/contracts/membership.ts";
import type {
  FramedStream,
  StreamDatagrams,
  Streams,
  StreamTarget,
  Transport,
} from "../../core/contracts/transport.ts";
import type { Endpoint, PeerId } from "../../core/contracts/values.ts";
import { isUsablePublicKey } from "../../core/noise/dh.ts";
import { interfaceAddresses } from "../../core/runtime/interfaces.ts";
import { bindWildcard, reachableEndpoints } from "../../core/runtime/listen_address.ts";
import {
  dialStream,
  listenStreams,
  type StreamListener,
  type StreamSocket,
} from "../../core/runtime/stream_socket.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { type Carrier } from "./carrier.ts";
import { Carriers } from "./carriers.ts";
import { Connection } from "./connection.ts";
import { limits } from "./constants.ts";
import { Doorway } from "./doorway.ts";
import { dialError, type Fault, faults } from "./fault.ts";
import type { Local } from "./handshake.ts";
import { answeringMachine, dialMachine } from "./machine.ts";
import { Remembered } from "./remembered.ts";
import { WaitingRoom } from "./waiting_room.ts";

export interface TcpOptions {
  readonly listen: Endpoint;
  /** Bytes of the longest frame taken. */
  readonly maxFrame: number;
  /** Streams that others have dialled. */
  readonly maxStreams: number;
  readonly maxStreamsPerPeer: number;
  /** Connections that have proved nothing yet. */
  readonly maxUnproved: number;
  readonly maxUnprovedPerSource: number;
  /** Whether connections carry datagrams that get no answer by themselves. */
  readonly overTcp: "fallback" | "never";
  /** Connections of others that carry datagrams. */
  readonly maxCarriers: number;
  readonly maxCarriersPerSource: number;
}

export type TcpHost = Pick<Host, "self" | "membership" | "clock" | "random" | "log" | "drops">;

export class TcpTransport implements Transport, Streams, Lifecycle {
  readonly streams: Streams = this;
  readonly streamDatagrams?: StreamDatagrams;
  readonly #options: TcpOptions;
  readonly #host: TcpHost;
  readonly #local: Local;
  readonly #unproved: WaitingRoom<Connection | Doorway | Carrier>;
  readonly #carriers: Carriers | undefined;
  /** Connections of which nobody knows yet what they are going to be. */
  readonly #doorways = new Set<Doorway>();
  /** All, dialled and accepted, proved or not. */
  readonly #connections = new Set<Connection>();
  /** Of each peer, how many of the streams that it has dialled are open. */
  readonly #taken = new Map<PeerId, number>();
  readonly #stop = new AbortController();
  #listener: StreamListener | undefined;
  #handler: ((stream: FramedStream) => void) | undefined;
  #faultsLogged = 0;

  constructor(options: TcpOptions, host: TcpHost) {
    this.#options = options;
    this.#host = host;
    const { self, membership, random } = host;
    const remembered = new Remembered(limits.remembered);
    this.#local = { self, membership, random, maxFrame: options.maxFrame, remembered };
    this.#unproved = new WaitingRoom({ all: options.maxUnproved, perSource: options.maxUnprovedPerSource });
    this.#carriers = options.overTcp === "never" ? undefined : this.#newCarriers();
    if (this.#carriers !== undefined) this.streamDatagrams = this.#carriers;
  }

  /** Rejects `BIND_FAILED`. */
  async start(): Promise<void> {
    const { listen } = this.#options;
    const observer = {
      accepted: (socket: StreamSocket) => this.#accept(socket),
      failed: (error: unknown) => this.#host.log.log("warn", "A connection could not be taken", { error }),
    };
    this.#listener = await bindWildcard(listen, (local) => listenStreams(local, observer), () => {
      this.#host.log.log("info", "This machine has no IPv6; TCP listens on IPv4 only", { port: listen.port });
    });
  }

  /** Of a wildcard, the addresses that the machine has at the moment of the call. */
  localEndpoints(): readonly Endpoint[] {
    return this.#listener ? reachableEndpoints(this.#listener.local, interfaceAddresses) : [];
  }

  accept(handler: (stream: FramedStream) => void): void {
    this.#handler = handler;
  }

  /**
   * With each of the network keys in turn, while the other side hangs up without a word: it may have been away when the key
   * changed. All other failures are final.
   */
  async dial(to: StreamTarget, signal: AbortSignal): Promise<FramedStream> {
    this.#requireTarget(to);
    let fault: Fault = faults.noNetwork;
    for (const key of this.#host.membership.networkKeys()) {
      const dialled = await this.#dialWith(key, to, signal);
      if (!("reason" in dialled)) return dialled;
      fault = dialled;
      if (fault !== faults.cut) break;
    }
    throw dialError(fault === faults.cut ? refused : fault, to.endpoint);
  }

  /** Those too that have not proved themselves: they were judged when the peer still belonged. */
  disconnect(peer: PeerId): void {
    for (const connection of [...this.#connections]) if (connection.peer?.id === peer) connection.reset();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const closing = this.#listener?.close();
    this.#listener = undefined;
    for (const connection of [...this.#connections]) connection.reset();
    for (const doorway of [...this.#doorways]) doorway.fail(faults.reset);
    this.#carriers?.close();
    await closing;
  }

  #requireTarget({ endpoint, peer }: StreamTarget): void {
    const refuse = (code: "INVALID_ARGUMENT" | "UNREACHABLE", why: string) => {
      throw new MeshError(code, `Cannot open a stream to ${formatEndpoint(endpoint)}: ${why}`);
    };
    if (this.#stop.signal.aborted) refuse("UNREACHABLE", "the transport has been stopped");
    if (peer.id === this.#host.self.id) refuse("INVALID_ARGUMENT", "that is this node itself");
    if (!isUsablePublicKey(peer.noiseKey)) refuse("INVALID_ARGUMENT", "the peer's Noise key is none");
  }

  async #dialWith(key: NetworkKey, to: StreamTarget, signal: AbortSignal): Promise<FramedStream | Fault> {
    // Made before there is a connection: a listener under siege has little patience with those that say nothing.
    const dialled = dialMachine(this.#local, to.peer, key);
    if (!("machine" in dialled)) return dialled;
    const socket = await this.#connect(to.endpoint, signal).catch((error) => {
      dialled.machine.wipe();
      throw error;
    });
    const opened = Promise.withResolvers<FramedStream | Fault>();
    const connection = new Connection(socket, dialled.machine, this.#host.clock, {
      opened: (stream) => opened.resolve(stream),
      finished: (fault = faults.cut, peer) => {
        opened.resolve(fault); // of no effect when the stream has been handed over
        this.#forget(connection, fault, peer);
      },
    });
    this.#connections.add(connection);
    connection.write(dialled.bytes);
    const giveUp = () => connection.fail(faults.givenUp);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      if (signal.aborted || this.#stop.signal.aborted) giveUp();
      return await opened.promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  #newCarriers(): Carriers {
    const { maxCarriers: all, maxCarriersPerSource: perSource } = this.#options;
    return new Carriers({
      host: this.#host,
      limits: { all, perSource },
      connect: (to) => this.#connect(to, this.#stop.signal),
      leftRoom: (carrier) => this.#unproved.leave(carrier.remote.host, carrier),
      failed: (remote, fault) => this.#count(remote, fault, undefined),
    });
  }

  /** The kernel would try for minutes. */
  async #connect(to: Endpoint, signal: AbortSignal): Promise<StreamSocket> {
    const { clock } = this.#host;
    const late = new AbortController();
    const timer = clock.timer(clock.now() + limits.handshakeMillis, () => late.abort());
    try {
      return await dialStream(to, AbortSignal.any([signal, late.signal, this.#stop.signal]));
    } finally {
      timer.cancel();
    }
  }

  #accept(socket: StreamSocket): void {
    if (this.#stop.signal.aborted) return socket.reset();
    if (this.#carriers === undefined) return void this.#acceptStream(socket);
    const carriers = this.#carriers;
    const leave = () => {
      this.#doorways.delete(doorway);
      this.#unproved.leave(socket.remote.host, doorway);
    };
    const doorway: Doorway = new Doorway(socket, this.#host.clock, {
      entered: (kind) => {
        leave();
        return kind === "stream" ? this.#acceptStream(socket) : this.#admit(socket, carriers.accept(socket));
      },
      left: (fault) => {
        leave();
        if (fault !== undefined) this.#count(socket.remote, fault, undefined);
      },
    });
    this.#doorways.add(doorway);
    this.#admit(socket, doorway);
  }

  /** Into the room of those that have proved nothing. */
  #admit<Guest extends Connection | Doorway | Carrier>({ remote }: StreamSocket, guest: Guest): Guest {
    this.#unproved.enter(remote.host, guest)?.fail(faults.crowded);
    return guest;
  }

  #acceptStream(socket: StreamSocket): Connection {
    const { host } = socket.remote;
    let reserved: PeerId | undefined;
    const takes = (peer: PeerIdentity) => {
      this.#unproved.leave(host, connection);
      if (!this.#reserve(peer.id)) return false;
      reserved = peer.id;
      return true;
    };
    const connection: Connection = new Connection(
      socket,
      answeringMachine(this.#local, takes),
      this.#host.clock,
      {
        opened: (stream) => this.#hand(stream),
        finished: (fault, peer) => {
          this.#unproved.leave(host, connection);
          if (reserved !== undefined) this.#release(reserved);
          this.#forget(connection, fault, peer);
        },
      },
    );
    this.#connections.add(connection);
    this.#admit(socket, connection);
    if (this.#handler === undefined) connection.fail(faults.noHandler);
    return connection;
  }

  #reserve(peer: PeerId): boolean {
    const open = this.#taken.get(peer) ?? 0;
    const all = this.#taken.values().reduce((sum, count) => sum + count, 0);
    if (open >= this.#options.maxStreamsPerPeer || all >= this.#options.maxStreams) return false;
    this.#taken.set(peer, open + 1);
    return true;
  }

  #release(peer: PeerId): void {
    const open = this.#taken.get(peer)! - 1;
    if (open === 0) this.#taken.delete(peer);
    else this.#taken.set(peer, open);
  }

  #hand(stream: FramedStream): void {
    try {
      this.#handler?.(stream);
    } catch (error) {
      this.#host.log.log("error", "A stream could not be handled", { error, peer: stream.peer.id });
      stream.reset();
    }
  }

  #forget(connection: Connection, fault: Fault | undefined, peer: PeerIdentity | undefined): void {
    this.#connections.delete(connection);
    if (fault !== undefined) this.#count(connection.remote, fault, peer);
  }

  #count(remote: Endpoint, fault: Fault, peer: PeerIdentity | undefined): void {
    if (fault.drop === Drop.none) return;
    this.#host.drops.count(fault.drop);
    this.#report(remote, fault, peer);
  }

  /** At the 1st, 2nd, 4th, 8th … time: whatever a stranger can cause must not fill the log. */
  #report(remote: Endpoint, { reason, code }: Fault, peer: PeerIdentity | undefined): void {
    const count = ++this.#faultsLogged;
    if ((count & (count - 1)) !== 0) return;
    const endpoint = formatEndpoint(remote);
    this.#host.log.log("warn", "A stream was refused or ended", {
      reason,
      code,
      endpoint,
      peer: peer?.id,
      count,
    });
  }
}

/** What a listener says to all that it does not take, and what a port of something else looks like. */
const refused: Fault = {
  ...faults.cut,
  reason: "the other side closed the connection; is it this peer's TCP port, and does it take this member?",
};
