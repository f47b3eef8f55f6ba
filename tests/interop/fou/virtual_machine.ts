/** A machine with a kernel of its own, on a network of a lab, that does what it is told over its console. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Namespace } from "../../../examples/lab/namespace.ts";
import type { BootFiles } from "./debian_kernel.ts";

const linesKept = 100;

export interface Answer {
  /** Exit status of the shell's last command. */
  readonly status: number;
  readonly out: string;
}

export class VirtualMachine implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting: PromiseWithResolvers<Answer>[] = [];
  readonly #log: string[] = [];
  #lines: string[] = [];

  /** Resolves when it takes orders. */
  readonly ready: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.ready = this.#next();
    createInterface({ input: child.stdout! }).on("line", (line) => this.#hear(line.replace(/\r/g, "")));
    child.once("close", () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`the machine ended:\n${this.log}`));
    });
  }

  /** Not ready yet. `tap`: a device of the namespace, which is its cable. */
  static start(namespace: Namespace, tap: string, files: BootFiles): VirtualMachine {
    const [program, ...args] = namespace.command(
      "qemu-system-x86_64",
      // Without KVM, which is not everywhere and may be broken where it is: the boot takes seconds without it too.
      ...["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "256"],
      ...["-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-serial", "stdio"],
      ...["-kernel", files.kernel, "-initrd", files.initramfs],
      ...["-append", "console=ttyS0 quiet panic=-1"],
      ...["-netdev", `tap,id=net,ifname=${tap},script=no,downscript=no`],
      // As on a cable. With checksums left to the card, TCP out of a tunnel does not arrive.
      ...["-device", "virtio-net-pci,netdev=net,mac=52:54:00:00:00:10,romfile=,csum=off,gso=off"],
    );
    return new VirtualMachine(spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] }));
  }

  /** The last lines of its console. */
  get log(): string {
    return this.#log.join("\n");
  }

  /** A line of shell. One at a time: the next when this one has been answered. */
  async ask(order: string): Promise<Answer> {
    const answer = this.#next();
    this.#child.stdin!.write(`${order}\n`);
    return await answer;
  }

  /** The same for what must succeed. */
  async tell(...orders: readonly string[]): Promise<string> {
    let said = "";
    for (const order of orders) {
      const { status, out } = await this.ask(order);
      if (status !== 0) throw new Error(`${order} ended with ${status}: ${out}`);
      said = out;
    }
    return said;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }

  #next(): Promise<Answer> {
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  #hear(line: string): void {
    this.#log.push(line);
    if (this.#log.length > linesKept) this.#log.shift();
    const status = /^##done (\d+)$/.exec(line)?.[1];
    if (status === undefined) return void this.#lines.push(line);
    this.#waiting.shift()?.resolve({ status: Number(status), out: this.#lines.splice(0).join("\n") });
  }
}
