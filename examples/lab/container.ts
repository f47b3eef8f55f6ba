/** A network namespace that stands for a container, with a talker in it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { EndpointStatus } from "../../mod.ts";
import { Namespace } from "./namespace.ts";
import type { Answer, Order, OrderName, Orders } from "./talker.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Of the service that every talker has. */
export const servicePort = 7000;

export class Container {
  readonly namespace: Namespace;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #orders = 0;

  readonly #ready: Promise<unknown>;

  /** Not ready yet. */
  constructor(name: string) {
    this.namespace = Namespace.make(name);
    // Always Node, whatever runs the mesh: a container's programs know nothing of it.
    const [program, ...args] = this.namespace.command(
      `${root}/node_modules/.bin/node`,
      `${root}/examples/lab/talker.ts`,
    );
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#child.stdout! })
      .on("line", (line) => this.#take(JSON.parse(line) as Answer));
    this.#ready = this.order("serve", { port: servicePort });
  }

  /** Resolves when its talker serves. */
  async ready(): Promise<this> {
    await this.#ready;
    return this;
  }

  get name(): string {
    return this.namespace.name;
  }

  /** What `attach` has answered. Set by its host. */
  attached: EndpointStatus | undefined;

  get address4(): string {
    return this.#address(4);
  }

  get address6(): string {
    return this.#address(6);
  }

  /** Rejects with what the talker said when it could not. */
  order<K extends OrderName>(name: K, order: Orders[K]["order"]): Promise<Orders[K]["answer"]> {
    const waiting = Promise.withResolvers<unknown>();
    const message: Order = { id: ++this.#orders, name, order };
    this.#waiting.set(message.id, waiting);
    this.#child.stdin!.write(`${JSON.stringify(message)}\n`);
    return waiting.promise as Promise<Orders[K]["answer"]>;
  }

  async transfer(to: string, streams: number, bytes: number): Promise<Orders["transfer"]["answer"]> {
    return await this.order("transfer", { to, port: servicePort, streams, bytes });
  }

  /** How many of `count` datagrams came back as they were. */
  async echo(to: string, count: number, bytes: number): Promise<number> {
    return (await this.order("echo", { to, port: servicePort, count, bytes })).returned;
  }

  /** Its processes. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await exited;
  }

  #take(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)!;
    this.#waiting.delete(answer.id);
    if ("failed" in answer) waiting.reject(new Error(`${this.name}: ${answer.failed}`));
    else waiting.resolve(answer.answer);
  }

  #address(family: 4 | 6): string {
    const texts = this.attached?.addresses.map((text) => text.split("/")[0]!) ?? [];
    const found = texts.find((text) => text.includes(":") === (family === 6));
    if (found === undefined) throw new Error(`${this.name} has no IPv${family} address`);
    return found;
  }
}
