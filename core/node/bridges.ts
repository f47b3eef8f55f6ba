/** Bridges of the host that are joined to the network's: remembered on disk, and joined again by the next start. */
import type {
  BridgeAdmin,
  BridgeJoin,
  BridgeJoins,
  BridgeStatus,
  BridgingPort,
  ForeignDeviceStatus,
} from "../contracts/bridging.ts";
import { errorCode, MeshError } from "../contracts/errors.ts";
import type { Logger } from "../contracts/host.ts";
import type { LinkPort } from "../contracts/port.ts";
import type { Store } from "../contracts/store.ts";
import type { Alerts } from "./alerts.ts";
import { mostBridges, putBridges, readBridges } from "./bridge_record.ts";
import type { ForeignLinks } from "./foreign_links.ts";
import { type PortSet, rootless } from "./port_set.ts";
import { timeText } from "./time_text.ts";
import { Turns } from "./turns.ts";

export interface BridgeParts {
  readonly port: PortSet;
  readonly store: Store;
  readonly log: Logger;
  readonly alerts: Pick<Alerts, "raise">;
  readonly foreign: Pick<ForeignLinks, "joined" | "devices">;
  /** 8 bytes that tell this network from others. */
  network(): Uint8Array;
}

export class Bridges implements BridgeAdmin {
  readonly #parts: BridgeParts;
  readonly #turns = new Turns();
  #devices: readonly string[] = [];

  constructor(parts: BridgeParts) {
    this.#parts = parts;
  }

  /** On disk first: a join that nobody remembers would be removed by the next start, and nobody told. */
  async attach(device: string, signal: AbortSignal): Promise<BridgeStatus> {
    const joins = this.#joins();
    return await this.#turns.take(async () => {
      const isKnown = this.#devices.includes(device);
      if (!isKnown && this.#devices.length >= mostBridges) {
        throw new MeshError("POOL_EXHAUSTED", `Cannot join more than ${mostBridges} bridges; detach one`);
      }
      const join = await joins.join(device, { network: this.#parts.network() }, signal);
      if (!isKnown) {
        await this.#keep([...this.#devices, device]).catch(async (error) => {
          await joins.leave(device);
          throw error;
        });
      }
      this.#parts.log.log("info", "Bridge attached", { name: device });
      return statusOf(join);
    });
  }

  async detach(device: string, signal: AbortSignal): Promise<void> {
    const joins = this.#joins();
    await this.#turns.take(async () => {
      signal.throwIfAborted();
      const wasJoined = await joins.leave(device);
      const isKnown = this.#devices.includes(device);
      if (isKnown) await this.#keep(this.#devices.filter((each) => each !== device));
      if (!wasJoined && !isKnown) {
        throw new MeshError("NOT_FOUND", `No bridge "${device.slice(0, 64)}" is attached`);
      }
      this.#parts.log.log("info", "Bridge detached", { name: device });
    });
  }

  list(): readonly BridgeStatus[] {
    return this.#link()?.bridges.list().map(statusOf) ?? [];
  }

  devices(): readonly ForeignDeviceStatus[] {
    return this.#parts.foreign.devices();
  }

  /** A bridge that cannot be joined now is tried again by the port. Rejects `UNSUPPORTED` for a newer record. */
  async restore(): Promise<void> {
    const { store, log, alerts } = this.#parts;
    const link = this.#link();
    this.#devices = this.#read(store);
    if (link === undefined) {
      if (this.#devices.length > 0) log.log("warn", "Bridges wait for a start in host mode");
      return;
    }
    this.#parts.foreign.joined(this.#devices.length > 0);
    try {
      await link.bridges.restore(this.#devices, { network: this.#parts.network() });
    } catch (error) {
      alerts.raise("bridges", error instanceof Error ? error.message : String(error));
    }
  }

  /** A frame of this MAC has come back. */
  looped(mac: Uint8Array): void {
    this.#link()?.bridges.looped(mac);
  }

  /** Resolves when no step is under way. */
  async settled(): Promise<void> {
    await this.#turns.take(() => Promise.resolve());
  }

  #read(store: Store): readonly string[] {
    try {
      return readBridges(store);
    } catch (error) {
      if (errorCode(error) !== "STATE_CORRUPT") throw error;
      this.#parts.alerts.raise("bridges", (error as Error).message);
      return [];
    }
  }

  async #keep(devices: readonly string[]): Promise<void> {
    await this.#parts.store.commit([putBridges(devices)]);
    this.#devices = devices;
    this.#parts.foreign.joined(devices.length > 0);
  }

  #link(): BridgingPort | undefined {
    const { link } = this.#parts.port;
    return isBridging(link) ? link : undefined;
  }

  #joins(): BridgeJoins {
    const { link } = this.#parts.port;
    if (link === undefined) throw rootless();
    if (isBridging(link)) return link.bridges;
    throw new MeshError("UNSUPPORTED", "The port plugin of this node joins no bridges");
  }
}

function isBridging(port: LinkPort | undefined): port is BridgingPort {
  return port !== undefined && "bridges" in port;
}

function statusOf({ device, port, state, until }: BridgeJoin): BridgeStatus {
  return { device, port, state, until: until === undefined ? null : timeText(until) };
}
