/** For tests: a node's state without the rest of the node, and doubles of what surrounds it. */
import type { Channel, Clock, LogFields, Logger } from "../contracts/host.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Store, StoreChange } from "../contracts/store.ts";
import type { PeerId } from "../contracts/values.ts";
import { seededRandom } from "../identity/fake_members.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { NetworkState } from "./network_state.ts";
import type { Platform } from "./platform.ts";

export class FakeLog implements Logger {
  readonly entries: { readonly message: string; readonly fields: LogFields | undefined }[] = [];

  child(): this {
    return this;
  }

  log(_level: string, message: string, fields?: LogFields): void {
    this.entries.push({ message, fields });
  }

  get messages(): readonly string[] {
    return this.entries.map(({ message }) => message);
  }
}

/** A store that notes what happens when, and is full or slow on demand. */
export class FakeStore implements Store {
  readonly content = new Map<string, Uint8Array>();
  readonly history: string[];
  isFull = false;
  /** A commit is durable when this has resolved. */
  slowness: Promise<void> = Promise.resolve();

  constructor(history: string[] = []) {
    this.history = history;
  }

  get(key: string): Uint8Array | undefined {
    return this.content.get(key);
  }

  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]> {
    return [...this.content].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => a < b ? -1 : 1);
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    await this.slowness;
    if (this.isFull) throw new MeshError("DISK_FULL", "Cannot write: the disk of this test is full");
    for (const { key, value } of changes) {
      if (value === undefined) this.content.delete(key);
      else this.content.set(key, value);
    }
    this.history.push(`commit ${changes.map(({ key }) => key.split("/").slice(0, 2).join("/")).join(" ")}`);
  }
}

/** One end of a channel; what is sent is kept. */
export class FakeChannel implements Channel {
  readonly sent: { readonly to: PeerId; readonly message: Uint8Array }[] = [];
  connected: readonly PeerId[] = [];
  #handler: (from: PeerId, message: Uint8Array) => void = () => {};

  send(to: PeerId, message: Uint8Array): boolean {
    this.sent.push({ to, message });
    return true;
  }

  receive(handler: (from: PeerId, message: Uint8Array) => void): void {
    this.#handler = handler;
  }

  peers(): readonly PeerId[] {
    return this.connected;
  }

  hear(from: PeerId, message: Uint8Array): void {
    this.#handler(from, message);
  }
}

export function fakePlatform(clock: Clock, seed: string): Platform & { readonly log: FakeLog } {
  return {
    clock,
    random: seededRandom(seed),
    log: new FakeLog(),
    aeads: [],
    runtime: "none",
    hostname: seed,
    resolve: (name) => Promise.reject(new MeshError("UNREACHABLE", `Nobody knows ${name} here`)),
  };
}

export interface FakeState {
  readonly state: NetworkState;
  readonly store: FakeStore;
  readonly platform: ReturnType<typeof fakePlatform>;
}

/** A node that belongs to no network; the same identity for the same name. */
export function newState(clock: Clock, name: string, store: FakeStore = new FakeStore()): FakeState {
  const platform = fakePlatform(clock, name);
  return { state: new NetworkState({ platform, store, name }), store, platform };
}

/** A node that has founded the network "loom". */
export async function foundedState(clock: Clock, name: string): Promise<FakeState> {
  const founded = newState(clock, name);
  await founded.state.found("loom", [parsePrefix("10.32.0.0/12")!], undefined);
  return founded;
}
