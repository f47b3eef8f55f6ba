/** An engine whose client takes docker's words, which podman has made its own: one process per command. */
import type { Namespace } from "../../../examples/lab/namespace.ts";
import { asleep, attempt, type Engine, order } from "./engine.ts";
import { imageName } from "./image.ts";

export interface DockerClient {
  readonly host: Namespace;
  /** The program, and where it keeps its things. */
  readonly words: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  /** Template of the version, as each has it elsewhere. */
  readonly versionTemplate: string;
  /** Of `run` and of `rm`, beside those of both. */
  readonly options?: { readonly run: readonly string[]; readonly remove: readonly string[] };
  /** Ends with the engine. */
  readonly daemon?: AsyncDisposable;
}

export class DockerWords implements Engine {
  readonly version: string;
  readonly #client: DockerClient;
  readonly #ids = new Set<string>();

  constructor(client: DockerClient, imageFile: string) {
    this.#client = client;
    this.version = this.#order("version", "-f", client.versionTemplate);
    this.#order("load", "-i", imageFile);
  }

  run(name: string): string {
    const options = ["--network", "none", ...this.#client.options?.run ?? [], "--name", name];
    const id = this.#order("run", "-d", ...options, imageName, ...asleep);
    this.#ids.add(id);
    return id;
  }

  idOf(name: string): string {
    return this.#order("inspect", "-f", "{{.Id}}", name);
  }

  restart(id: string): Promise<void> {
    this.#order("restart", "-t", "0", id);
    return Promise.resolve();
  }

  exec(id: string, ...words: readonly [string, ...string[]]): string | undefined {
    const { host, words: client, env } = this.#client;
    return attempt(host, [...client, "exec", id, ...words], env);
  }

  remove(id: string): Promise<void> {
    this.#order("rm", "-f", ...this.#client.options?.remove ?? [], id);
    this.#ids.delete(id);
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#ids]) await this.remove(id);
    await this.#client.daemon?.[Symbol.asyncDispose]();
  }

  #order(...words: readonly string[]): string {
    const { host, words: client, env } = this.#client;
    return order(host, [...client, ...words], env);
  }
}
