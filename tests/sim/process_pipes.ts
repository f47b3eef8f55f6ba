/**
 * The streams of one process. While it stands still nothing reaches it, and comes in its order when it goes on; what the
 * other side may send meanwhile is bounded by what the process has not taken. When it is killed its kernel resets them.
 */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import type {
  MemoryPipe,
  MemoryPipeHandler,
  MemoryPipes,
} from "../../plugins/memory_transport/memory_network.ts";

/** Runs a step inside the process: at once, when it goes on, or never. */
export type Enter = (step: () => void) => void;

export class ProcessPipes implements MemoryPipes {
  readonly #network: MemoryPipes;
  readonly #enter: Enter;
  readonly #listeners = new Set<{ close(): void }>();
  readonly #open = new Set<MemoryPipe>();
  #isDead = false;

  constructor(network: MemoryPipes, enter: Enter) {
    this.#network = network;
    this.#enter = enter;
  }

  listen(endpoint: Endpoint, accept: (pipe: MemoryPipe) => void): { close(): void } {
    const listener = this.#network.listen(endpoint, (pipe) => {
      const own = this.#own(pipe);
      this.#enter(() => accept(own));
    });
    this.#listeners.add(listener);
    return {
      close: () => {
        this.#listeners.delete(listener);
        listener.close();
      },
    };
  }

  async dial(from: Endpoint, to: Endpoint): Promise<MemoryPipe> {
    const pipe = this.#isDead ? undefined : await this.#network.dial(from, to);
    if (pipe === undefined || this.#isDead) {
      pipe?.reset();
      throw new MeshError("UNREACHABLE", "Cannot dial: the process was killed");
    }
    const own = this.#own(pipe);
    return await new Promise((resolve) => this.#enter(() => resolve(own)));
  }

  /** Something on the way cuts all streams with `host`, or with everybody: both sides learn of it. */
  reset(host?: string): void {
    for (const pipe of [...this.#open]) if (host === undefined || pipe.remote.host === host) pipe.reset();
  }

  kill(): void {
    this.#isDead = true;
    for (const listener of this.#listeners) listener.close();
    this.#listeners.clear();
    this.reset();
  }

  #own(pipe: MemoryPipe): MemoryPipe {
    const own = new ProcessPipe(pipe, this.#enter, () => this.#open.delete(pipe));
    this.#open.add(pipe);
    return own;
  }
}

class ProcessPipe implements MemoryPipe, MemoryPipeHandler {
  readonly #pipe: MemoryPipe;
  readonly #enter: Enter;
  readonly #over: () => void;
  #handler: MemoryPipeHandler | undefined;

  constructor(pipe: MemoryPipe, enter: Enter, over: () => void) {
    this.#pipe = pipe;
    this.#enter = enter;
    this.#over = over;
    pipe.attach(this);
  }

  get remote(): Endpoint {
    return this.#pipe.remote;
  }

  get outstanding(): number {
    return this.#pipe.outstanding;
  }

  attach(handler: MemoryPipeHandler): void {
    this.#handler = handler;
  }

  send(message: Uint8Array): void {
    this.#pipe.send(message);
  }

  took(bytes: number): void {
    this.#pipe.took(bytes);
  }

  end(): void {
    this.#pipe.end();
  }

  reset(): void {
    this.#pipe.reset();
  }

  received(message: Uint8Array): void {
    this.#enter(() => this.#handler?.received(message));
  }

  ended(): void {
    this.#enter(() => this.#handler?.ended());
  }

  drained(): void {
    this.#enter(() => this.#handler?.drained());
  }

  closed(isWhole: boolean): void {
    this.#over();
    this.#enter(() => this.#handler?.closed(isWhole));
  }
}
