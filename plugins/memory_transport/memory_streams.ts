/**
 * Streams over the network's pipes. There is no encryption: nobody inside the process can listen or lie about keys. But
 * each side says in its first message what it would show in a handshake, its credentials and its Noise key, and the other
 * one's membership judges them: whoever is refused on a real transport is refused here. As there, the dialler has the last
 * word, an empty message, and only then the listener hands the stream over.
 */
import { Drop } from "../../core/contracts/drop.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Clock, Host, Timer } from "../../core/contracts/host.ts";
import type { PeerIdentity } from "../../core/contracts/membership.ts";
import type { FramedStream, Streams, StreamTarget } from "../../core/contracts/transport.ts";
import type { Endpoint, PeerId } from "../../core/contracts/values.ts";
import { LineStream, type StreamLine } from "../../core/runtime/line_stream.ts";
import { concatBytes, copyBytes, equalBytes } from "../../core/wire/bytes.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import type { MemoryPipe, MemoryPipeHandler, MemoryPipes } from "./memory_network.ts";

export type MemoryStreamsHost = Pick<Host, "self" | "membership" | "clock" | "log" | "drops">;

const maxFrame = 1_048_576;
/** Bytes that the reader has not taken, over which `send` waits. */
const windowBytes = 262_144;
const handshakeMillis = 5_000;
const lingerMillis = 5_000;
const noiseKeyLength = 32;

export class MemoryStreams implements Streams {
  readonly #pipes: MemoryPipes;
  readonly #endpoint: Endpoint;
  readonly #host: MemoryStreamsHost;
  readonly #lines = new Set<PipeLine>();
  #listener: { close(): void } | undefined;
  #handler: ((stream: FramedStream) => void) | undefined;

  constructor(pipes: MemoryPipes, endpoint: Endpoint, host: MemoryStreamsHost) {
    this.#pipes = pipes;
    this.#endpoint = endpoint;
    this.#host = host;
  }

  /** Throws `BIND_FAILED`. */
  open(): void {
    this.#listener = this.#pipes.listen(this.#endpoint, (pipe) => this.#accept(pipe));
  }

  close(): void {
    this.#listener?.close();
    this.#listener = undefined;
    for (const line of [...this.#lines]) line.reset();
  }

  localEndpoints(): readonly Endpoint[] {
    return this.#listener === undefined ? [] : [this.#endpoint];
  }

  accept(handler: (stream: FramedStream) => void): void {
    this.#handler = handler;
  }

  disconnect(peer: PeerId): void {
    for (const line of [...this.#lines]) if (line.peer?.id === peer) line.reset();
  }

  async dial({ endpoint, peer }: StreamTarget, signal: AbortSignal): Promise<FramedStream> {
    const refuse = (code: "INVALID_ARGUMENT" | "UNREACHABLE" | "TIMEOUT", why: string) =>
      new MeshError(code, `Cannot open a stream to ${formatEndpoint(endpoint)}: ${why}`);
    if (this.#listener === undefined) throw refuse("UNREACHABLE", "the transport is not running");
    if (peer.id === this.#host.self.id) throw refuse("INVALID_ARGUMENT", "that is this node itself");
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => {}); // it may abort when nobody waits any more
    const abort = () => aborted.reject(refuse("TIMEOUT", "it was given up"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    const dialled = this.#dial(endpoint, peer);
    try {
      return await Promise.race([aborted.promise, dialled]);
    } catch (error) {
      dialled.then((stream) => stream.reset(), () => {}); // it comes too late
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async #dial(endpoint: Endpoint, peer: StreamTarget["peer"]): Promise<FramedStream> {
    const pipe = await this.#pipes.dial(this.#endpoint, endpoint);
    const opened = Promise.withResolvers<FramedStream>();
    this.#add(pipe, peer, {
      opened: opened.resolve,
      closed: (error) => opened.reject(error ?? new Error("unreachable: nothing ends before it has begun")),
    });
    return await opened.promise;
  }

  #accept(pipe: MemoryPipe): void {
    const opened = (stream: FramedStream) => {
      try {
        this.#handler?.(stream);
      } catch (error) {
        this.#host.log.log("error", "A stream could not be handled", { error, peer: stream.peer.id });
        stream.reset();
      }
    };
    const line = this.#add(pipe, undefined, { opened, closed: () => {} });
    if (this.#handler === undefined) line.reset();
  }

  #add(pipe: MemoryPipe, expected: StreamTarget["peer"] | undefined, observer: LineObserver): PipeLine {
    const closed = (error: MeshError | undefined) => {
      this.#lines.delete(line);
      observer.closed(error);
    };
    const line: PipeLine = new PipeLine(pipe, expected, this.#host, { ...observer, closed });
    this.#lines.add(line);
    return line;
  }
}

interface LineObserver {
  opened(stream: FramedStream): void;
  closed(error: MeshError | undefined): void;
}

/** One end: introduces itself, judges the other side, then carries frames. */
class PipeLine implements StreamLine, MemoryPipeHandler {
  readonly #pipe: MemoryPipe;
  readonly #expected: StreamTarget["peer"] | undefined;
  readonly #host: MemoryStreamsHost;
  readonly #observer: LineObserver;
  readonly #clock: Clock;
  /** The dialler, which has not yet said its last word. */
  #judged: PeerIdentity | undefined;
  #stream: LineStream | undefined;
  #timer: Timer | undefined;
  /** Bytes that have arrived and that the other side does not yet know to be taken. */
  #untold = 0;
  #lingers = false;
  #isOver = false;

  constructor(
    pipe: MemoryPipe,
    expected: StreamTarget["peer"] | undefined,
    host: MemoryStreamsHost,
    observer: LineObserver,
  ) {
    this.#pipe = pipe;
    this.#expected = expected;
    this.#host = host;
    this.#observer = observer;
    this.#clock = host.clock;
    pipe.attach(this);
    this.#resetIn(handshakeMillis);
    if (expected !== undefined) this.#introduce();
  }

  /** Known since the other side was judged, which may be before there is a stream. */
  get peer(): PeerIdentity | undefined {
    return this.#stream?.peer ?? this.#judged;
  }

  get remote(): Endpoint {
    return this.#pipe.remote;
  }

  get hasRoom(): boolean {
    return this.#pipe.outstanding < windowBytes;
  }

  pieces(frame: Uint8Array): Iterable<Uint8Array> {
    return [frame];
  }

  write(frame: Uint8Array): void {
    this.#pipe.send(frame);
  }

  writeEnd(): void {
    this.#pipe.end();
  }

  /** What still waits has not been taken; the rest the other side may send anew. */
  taken(): void {
    const waiting = this.#stream?.waitingBytes ?? 0;
    const taken = this.#untold - waiting;
    this.#untold = waiting;
    if (taken > 0) this.#pipe.took(taken);
  }

  linger(): void {
    if (this.#lingers) return;
    this.#lingers = true;
    this.#resetIn(lingerMillis);
  }

  reset(): void {
    this.#finish("UNREACHABLE", "this side has cut it");
    this.#pipe.reset();
  }

  received(message: Uint8Array): void {
    this.#untold += message.length;
    if (this.#stream === undefined) this.#meet(message);
    else this.#stream.arrived(message);
    this.taken();
  }

  ended(): void {
    this.#stream?.arrived(undefined);
  }

  drained(): void {
    if (this.#lingers) this.#resetIn(lingerMillis); // it takes what was sent, however slowly
    this.#stream?.roomMade();
  }

  closed(isWhole: boolean): void {
    if (isWhole) this.#finish();
    else this.#finish("UNREACHABLE", "the connection was cut before the other side had ended");
  }

  #introduce(): void {
    const { self, membership } = this.#host;
    this.#pipe.send(concatBytes(self.noise.publicKey, membership.credentials()));
  }

  #meet(message: Uint8Array): void {
    if (this.#judged !== undefined) return this.#open(this.#judged);
    const noiseKey = copyBytes(message, 0, noiseKeyLength);
    const judged = this.#host.membership.check(copyBytes(message, noiseKeyLength), noiseKey);
    if ("refused" in judged) return this.#refuse(judged.refused, judged.reason);
    if (this.#expected === undefined) {
      this.#judged = judged;
      return this.#introduce();
    }
    if (this.#expected.id !== judged.id || !equalBytes(this.#expected.noiseKey, noiseKey)) {
      return this.#refuse("NOT_ADMITTED", "another member answered than the one that was dialled");
    }
    this.#pipe.send(new Uint8Array());
    this.#open(judged);
  }

  #open(peer: PeerIdentity): void {
    this.#timer?.cancel();
    this.#stream = new LineStream(this, peer, maxFrame);
    this.#observer.opened(this.#stream);
  }

  #refuse(code: MeshError["code"], why: string): void {
    this.#host.drops.count(Drop.notAdmitted);
    this.#finish(code, why);
    this.#pipe.reset();
  }

  #resetIn(millis: number): void {
    this.#timer?.cancel();
    if (this.#isOver) return;
    this.#timer = this.#clock.timer(this.#clock.now() + millis, () => {
      this.#finish("TIMEOUT", "the other side took too long");
      this.#pipe.reset();
    });
  }

  #finish(code?: MeshError["code"], why?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    const where = formatEndpoint(this.remote);
    const error = code && new MeshError(code, `Cannot go on with the stream to ${where}: ${why}`);
    this.#stream?.finished(error);
    this.#observer.closed(error);
  }
}
