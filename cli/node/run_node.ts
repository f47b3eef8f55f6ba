/** A node as this process: from configuration to a clean end. */
import { type ErrorCode, errorCode, MeshError } from "../../core/contracts/errors.ts";
import type { ClosedPort } from "../../core/contracts/exposure.ts";
import type { Clock } from "../../core/contracts/host.ts";
import type { MeshNode } from "../../core/contracts/node.ts";
import type { Composition } from "../../core/node/composition.ts";
import { createNode } from "../../core/node/create_node.ts";
import { startMemoryTrim } from "../../core/runtime/memory_trim.ts";
import { parseEndpoint } from "../../core/wire/endpoint.ts";
import { CaptureFile, type CaptureWorld } from "../capture/capture_file.ts";
import type { CaptureOrder } from "../capture/capture_order.ts";
import { capturedPlugins, captureLinks } from "../capture/captured_plugins.ts";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { shownSettings } from "../config/shown_setting.ts";
import { ExitCode } from "../exit_code.ts";
import type { Io } from "../io.ts";
import { createLog, type NodeLog } from "../log.ts";
import { defaultTokenFile } from "../paths.ts";
import { serveAdmin, type TcpOptions } from "../serve_admin.ts";
import { version } from "../version.ts";
import { chooseDatapath, type ChosenDatapath } from "./datapath.ts";
import { entranceOf, explainEntry, rangeInVain } from "./entry_intent.ts";
import type { NodeOrder, Ready } from "./node_order.ts";
import { notePorts, resetPorts } from "./port_traces.ts";
import { withSeeds } from "./seeds.ts";
import { tellServiceManager } from "./service_manager.ts";
import { type Undo, watchTraces } from "./traces.ts";

/**
 * Runs until it is interrupted, or stopped through its API. A start that fails leaves nothing behind and rejects with
 * the reason; one that is interrupted ends with 130.
 */
export async function runNode(io: Io, order: NodeOrder, onReady: (ready: Ready) => void): Promise<ExitCode> {
  const config = await loadConfig(order.flags, io);
  const { level, format } = config.settings.log;
  const log = createLog({ level, format, write: io.say, wall: () => io.clock.wall() });
  const traces = watchTraces(config.settings.stateDir);
  const ports = notePorts(config);
  await using running = new RunningNode();
  try {
    await running.start({ io, order, config, log });
    const { runtime, peer, name, listen } = running.node.status();
    log.log("info", "Ready", { what: `${version} (${runtime})`, peer, name, endpoint: listen });
    warnOfRange(running.node, config, log);
    onReady(await readiness(running.node, order));
    await tellServiceManager(io, "READY=1", log);
  } catch (error) {
    await running[Symbol.asyncDispose]();
    if (running.hasStarted && ports.areNew) await resetPorts(config.settings.stateDir, io);
    ports.undo();
    traces.undo(undoAfter(error, order));
    if (io.interrupted.aborted) return ExitCode.interrupted;
    throw explainEntry(error, order);
  }
  await stopAsked(io.interrupted, running.stopped);
  log.log("info", "Stopping");
  await tellServiceManager(io, "STOPPING=1", log);
  return ExitCode.ok;
}

/** Whoever has changed the configuration would wait for addresses of it. */
function warnOfRange(node: MeshNode, config: LoadedConfig, log: NodeLog): void {
  const { ranges } = node.ipam();
  const range = rangeInVain(config, ranges);
  if (range === undefined) return;
  log.log("warn", "The configured ipam.range is not this network's, which keeps what it was founded with", {
    what: range,
    prefix: ranges,
  });
}

/** With these a member has answered, or was never asked; a silence may hide an admission. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  "EXPIRED",
  "NAME_TAKEN",
  "REVOKED",
  "TOKEN_INVALID",
  "UNREACHABLE",
]);

/** A network founded without a password has no other member before its first token is out. */
function undoAfter(error: unknown, { entry }: NodeOrder): Undo {
  if (entry.kind === "launch" && entry.endpoints.length === 0 && entry.password === undefined) {
    return "everything";
  }
  return refusals.has(errorCode(error)) ? "refused" : "unused";
}

interface Start {
  readonly io: Io;
  readonly order: NodeOrder;
  readonly config: LoadedConfig;
  readonly log: NodeLog;
}

/** The node and its API. The API is the last to go: who sees its socket disappear knows that everything is released. */
class RunningNode implements AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  readonly #stop = Promise.withResolvers<void>();
  #node: MeshNode | undefined;

  /** Resolves when somebody asked for it through the API. */
  get stopped(): Promise<void> {
    return this.#stop.promise;
  }

  /** Its ports have: what they made on the host is this node's. */
  get hasStarted(): boolean {
    return this.#node !== undefined;
  }

  get node(): MeshNode {
    if (this.#node === undefined) throw new MeshError("NOT_RUNNING", "The node has not started");
    return this.#node;
  }

  async start({ io, order, config, log }: Start): Promise<void> {
    const { settings } = config;
    const warn = (problem: string) => io.say(`selvage: ${problem}; it is tried again\n`);
    const { intent, given, patience } = await entranceOf(order, config, warn);
    const plugins = withSeeds(config, given);
    io.interrupted.throwIfAborted();
    if (patience !== undefined) io.say(`selvage: ${patience}\n`);
    const { capture } = order;
    const world = { clock: io.clock, log };
    // The main thread alone sees every packet.
    const chosen = capture === undefined
      ? await chooseDatapath(config, world)
      : { noDatapath: "packets are written to a file" };
    if (chosen.datapath !== undefined) this.#parts.use(chosen.datapath);
    this.#parts.use(await trimmed(io.clock, settings, chosen));
    this.#node = await createNode({
      plugins: capture === undefined ? plugins : this.#captured(plugins, capture, world),
      intent,
      version,
      platform: { clock: io.clock, log, ...chosen },
      signal: io.interrupted,
      closedPorts: portsOf(settings),
      onlyTargets: !settings.discover,
      ...settings.name === undefined ? {} : { name: settings.name },
    });
    this.#parts.use(this.#node);
    const server = await serveAdmin(this.#node, {
      socket: settings.admin.socket,
      tcp: tcpOf(settings),
      log,
      levels: log,
      config: () => shownSettings(config.effective),
      stop: this.#stop.resolve,
    });
    this.#parts.use(server);
  }

  #captured(plugins: Composition, order: CaptureOrder, world: CaptureWorld): Composition {
    const file = this.#parts.use(new CaptureFile(order, captureLinks[order.layer], world));
    return capturedPlugins(plugins, order.layer, (packet) => file.write(packet));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node?.[Symbol.asyncDispose]();
    await this.#parts[Symbol.asyncDispose]();
  }
}

/** Where Node has called no C library yet, to load one for this costs more than it brings. */
async function trimmed(clock: Clock, { datapath: { ffi } }: Settings, { datapath }: ChosenDatapath) {
  if (datapath === undefined && !("Deno" in globalThis)) return undefined;
  return await startMemoryTrim(clock, ffi === "auto" ? undefined : ffi);
}

function tcpOf({ admin, stateDir }: Settings): TcpOptions | undefined {
  if (admin.listen === undefined) return undefined;
  return { listen: admin.listen, tokenFile: admin.tokenFile ?? defaultTokenFile(stateDir) };
}

function portsOf({ admin }: Settings): readonly ClosedPort[] {
  const endpoint = admin.listen === undefined ? undefined : parseEndpoint(admin.listen);
  return endpoint === undefined ? [] : [{ protocol: "tcp", port: endpoint.port }];
}

async function readiness(node: MeshNode, { entry }: NodeOrder): Promise<Ready> {
  const { name, peer, network, addresses } = node.status();
  const where = addresses.length === 0 ? "waiting for its addresses" : `at ${addresses.join(" and ")}`;
  const words = `selvage: ${name} (${peer}) is ready in network "${network.name}", ${where}\n`;
  if (entry.kind === "join") return { join: null, words };
  const { join, expires } = await node.tokens.create();
  return { join, words: `${words}selvage: until ${expires} other hosts join with:\n` };
}

async function stopAsked(interrupted: AbortSignal, stopped: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (interrupted.aborted) return;
  interrupted.addEventListener("abort", () => resolve(), { once: true });
  await Promise.race([promise, stopped]);
}
