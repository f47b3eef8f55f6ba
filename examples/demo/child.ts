/** A demo host seen from outside: starts the process, gives it orders, reads its reports, kills it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type AdminClient, createAdminClient, unixFetch } from "../../mod.ts";
import type { EchoOrder, HostOrder, HostReport } from "./host.ts";

type Ready = Extract<HostReport, { ready: unknown }>["ready"];
type Echoed = Extract<HostReport, { echoed: unknown }>["echoed"];

export class DemoHost {
  readonly name: string;
  readonly ready: Ready;
  readonly admin: AdminClient;
  readonly #child: ChildProcess;
  readonly #reports: AsyncIterator<string>;

  private constructor(order: HostOrder, child: ChildProcess, reports: AsyncIterator<string>, ready: Ready) {
    this.name = order.name;
    this.ready = ready;
    this.#child = child;
    this.#reports = reports;
    this.admin = createAdminClient(unixFetch(`${order.directory}/admin.sock`));
  }

  /** Rejects with what the host said when it could not start. */
  static async start(order: HostOrder): Promise<DemoHost> {
    const child = spawn(process.execPath, hostCommand(), { stdio: ["pipe", "pipe", "inherit"] });
    const reports = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    child.stdin!.write(`${JSON.stringify(order)}\n`);
    const report = await nextReport(reports);
    if ("ready" in report) return new DemoHost(order, child, reports, report.ready);
    child.kill("SIGKILL");
    throw new Error("failed" in report ? report.failed.message : "the host spoke out of turn");
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async echo(to: string, text: string): Promise<Echoed> {
    const order: EchoOrder = { echo: { to, text } };
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`);
    const report = await nextReport(this.#reports);
    if ("echoed" in report) return report.echoed;
    throw new Error(`no echo: ${JSON.stringify(report)}`);
  }

  /** As a power cut would: the process gets no chance to say goodbye. */
  async kill(): Promise<void> {
    await this.#end(() => this.#child.kill("SIGKILL"));
  }

  /** The end of its orders is the host's signal to stop. */
  async stop(): Promise<void> {
    await this.#end(() => this.#child.stdin!.end());
  }

  async #end(act: () => void): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    act();
    await exited;
  }
}

/** The host program, run by whichever runtime runs the demo. */
function hostCommand(): string[] {
  const program = fileURLToPath(new URL("./host.ts", import.meta.url));
  return "Deno" in globalThis ? ["run", "-A", "--unstable-net", program] : ["-C", "source", program];
}

async function nextReport(reports: AsyncIterator<string>): Promise<HostReport> {
  const line = await reports.next();
  if (line.done) throw new Error("the host ended without a word");
  return JSON.parse(line.value) as HostReport;
}
