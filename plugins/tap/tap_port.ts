/**
 * Ethernet interfaces for network namespaces of this host, on a bridge whose one way out is a TAP device of this
 * process. What stays on the host the kernel carries alone, also while the node is stopped.
 *
 * The truth is in the kernel: what an earlier run made is read from the aliases of its interfaces, and every ten seconds
 * this object compares what it believes with what is there.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host, Timer } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { BridgingPort } from "../../core/contracts/bridging.ts";
import type { HostPort } from "../../core/contracts/exposure.ts";
import type { AttachedPort, Attachment, Place, Where } from "../../core/contracts/port.ts";
import { LONGEST_FRAME, type TapDevice } from "../../core/runtime/tap_device.ts";
import { ethernetHeaderLength } from "../../core/wire/ethernet.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { announcement } from "./announcement.ts";
import { AttachedLink, hasLease, isSameMac, requireFree, requireSound } from "./attached_link.ts";
import { BridgeJoiner } from "./bridge_join.ts";
import { BridgeNamespace } from "./bridge_namespace.ts";
import { HostRules } from "./host/host_rules.ts";
import { ruleName } from "./host/own_table.ts";
import { DropReadings } from "./drop_readings.ts";
import { diagnose, type Inspection, inspectionText, isBridgeWhole, parseInspection } from "./inspection.ts";
import { Losses } from "./losses.ts";
import { type PairOptions, Pairs } from "./pairs.ts";
import { locate, ownerOf, pathNow } from "./places.ts";
import { routeScript } from "./default_route.ts";
import { isOnHost } from "./host_bridges.ts";
import type { Address } from "../../core/contracts/values.ts";
import { namespaceAt } from "../../core/runtime/network_namespace.ts";
import { Storms } from "./storms.ts";
import { Turns } from "./turns.ts";

export type TapHost = Pick<Host, "clock" | "datapath" | "drops" | "events" | "log">;

export interface TapOptions extends PairOptions {
  /** Name of the network namespace that holds the bridge. */
  readonly namespace: string;
}

const lookMillis = 10_000;
/** After a frame that the kernel did not take: soon, but not once per frame of a full queue. */
const earlyLookMillis = 1_000;

export class TapPort implements HostPort, BridgingPort, Lifecycle {
  readonly host: HostRules;
  readonly bridges: BridgeJoiner;
  readonly #host: TapHost;
  readonly #bridge: BridgeNamespace;
  readonly #pairs: Pairs;
  readonly #losses: Losses;
  readonly #readings = new DropReadings();
  readonly #storms: Storms;
  readonly #turns = new Turns();
  readonly #links = new Map<string, AttachedLink>();
  #handler: (packet: OverlayPacket) => Drop = () => Drop.noRoute;
  #gone: (owner: string) => void = () => {};
  #tap: TapDevice | undefined;
  #timer: Timer | undefined;
  #isEarly = false;
  /** While the TAP device is to be opened anew. */
  #isClosed = false;
  readonly #openInTurn = (link: AttachedLink) => this.#turns.take(() => this.#open(link));
  /** Aborts when the port is disposed. */
  #life = new AbortController();

  constructor(options: TapOptions, host: TapHost) {
    this.#host = host;
    this.#bridge = new BridgeNamespace(options.namespace, host.datapath);
    this.#pairs = new Pairs(this.#bridge, options);
    this.#losses = new Losses(host);
    this.#storms = new Storms(host);
    const { namespace, hostInterface: device } = options;
    const rules = { name: ruleName(namespace), device, deviceGone: () => void this.look() };
    this.host = new HostRules(rules, host);
    this.bridges = new BridgeJoiner({
      bridge: this.#bridge,
      namespace,
      host,
      take: (task) => this.#turns.take(task),
      attached: () => this.attached(),
      write: (frame) => void this.#tap?.write(frame),
      life: () => this.#life.signal,
      lookSoon: () => this.#lookEarly(),
    });
  }

  /** Rejects as {@link BridgeNamespace.raise}; then the host is as it was. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#turns.take(async () => {
      await this.#raise(signal);
      const found = await this.#inspect();
      this.#readings.begin(found.counters);
      this.#storms.begin(found.counters);
      this.#pairs.recall(found.links);
      this.bridges.recall(found);
      this.#lookAt(lookMillis);
    });
  }

  receive(handler: (packet: OverlayPacket) => Drop): void {
    this.#handler = handler;
  }

  watch(handler: (owner: string) => void): void {
    this.#gone = handler;
  }

  deliver({ protocol, payload }: OverlayPacket): Drop {
    if (protocol !== GreProtocol.ethernet) return Drop.unsupported;
    if (payload.length < ethernetHeaderLength) return Drop.malformed;
    if (payload.length > LONGEST_FRAME) return Drop.tooBig;
    if (this.#tap === undefined) return Drop.noListener;
    if (this.#tap.write(payload)) return Drop.none;
    this.#lookEarly();
    return Drop.queueFull;
  }

  async locate(where: Where, signal: AbortSignal): Promise<Place> {
    signal.throwIfAborted();
    return await locate(where);
  }

  /**
   * Rejects `INVALID_ARGUMENT`, `ADDRESS_TAKEN`; `NAME_TAKEN` when the namespace has an interface of our name;
   * `NOT_FOUND` when it is gone; `NOT_RUNNING`; and as {@link runScript}.
   */
  async attach(request: Attachment, signal: AbortSignal): Promise<AttachedPort> {
    this.#requireRunning();
    requireSound(request);
    const adopted = await this.#pairs.adopt(request, (task) => this.#turns.take(task));
    if (adopted !== undefined) return this.#attached(request, adopted);
    return await this.#turns.take(async () => {
      const until = AbortSignal.any([signal, this.#life.signal]);
      until.throwIfAborted();
      const present = this.#links.get(request.owner);
      if (present?.isSame(request)) return present;
      requireFree(request, this.#links.values());
      if (present !== undefined) return await this.#change(present, request, until);
      const link = this.#attached(request, await this.#pairs.make(request, until));
      try {
        await this.bridges.refit();
      } catch (error) {
        this.#links.delete(link.owner);
        await this.#pairs.remove(link.owner, link.rules.port).catch(() => {});
        throw error;
      }
      return link;
    });
  }

  async detach(owner: string): Promise<boolean> {
    return await this.#turns.take(async () => {
      const wasLost = this.#losses.forget(owner);
      const link = this.#links.get(owner);
      this.#links.delete(owner);
      const isRemoved = await this.#pairs.remove(owner, link?.rules.port);
      if (isRemoved) await this.#refitBridges();
      return isRemoved || wasLost;
    });
  }

  /** Rejects `NOT_FOUND` also when the namespace is gone. */
  async route(owner: string, gateways: readonly Address[], signal: AbortSignal): Promise<void> {
    await this.#turns.take(async () => {
      const link = this.#links.get(owner);
      if (link === undefined) throw gone(owner);
      const script = routeScript(link.device, gateways, await pathNow(link.place!));
      const until = AbortSignal.any([signal, this.#life.signal]);
      await this.#bridge.run(`set the default route of "${owner}"`, script.text, {
        ...script,
        signal: until,
      });
    });
  }

  attached(): Iterable<AttachedPort> {
    return this.#links.values();
  }

  remains(): Iterable<string> {
    return this.#pairs.remains();
  }

  async forgetRemains(): Promise<void> {
    await this.#turns.take(async () => {
      for (const owner of [...this.#pairs.remains()]) await this.#pairs.remove(owner, undefined);
    });
  }

  /** Works on a port that was never started, and ends one that was. */
  async reset(): Promise<void> {
    await this[Symbol.asyncDispose]();
    this.#links.clear();
    this.#pairs.recall([]);
    this.bridges.forget();
    await this.#turns.take(() => this.#bridge.remove());
    await this.host.clear();
  }

  /** Compares with what is there, repairs what can be, and counts what the kernel has dropped. */
  async look(): Promise<void> {
    await this.#turns.take(async () => {
      if (this.#tap === undefined) return;
      try {
        await this.#look();
      } catch (error) {
        this.#losses.bridgeLost(error);
      }
    });
  }

  /** Interfaces, bridge and rules stay, so that containers of this host go on talking. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new MeshError("NOT_RUNNING", "The node stops"));
    this.#timer?.cancel();
    this.host.stop();
    this.bridges.stop();
    await this.host.idle();
    await this.#turns.idle();
    this.#timer?.cancel();
    const tap = this.#tap;
    this.#tap = undefined;
    await tap?.[Symbol.asyncDispose]();
  }

  async #raise(signal: AbortSignal): Promise<void> {
    const tap = await this.#bridge.raise(signal);
    this.#tap = tap;
    tap.receive(
      (payload) => {
        if (this.bridges.takeFrame(payload)) return;
        this.#handler({ protocol: GreProtocol.ethernet, payload, forwarded: false });
      },
      (error) => {
        this.#host.log.log("error", "A frame of the TAP device cannot be handled", { error });
        this.#lookEarly();
      },
    );
  }

  #attached(request: Attachment, facts: ConstructorParameters<typeof AttachedLink>[1]): AttachedLink {
    const present = this.#links.get(request.owner);
    if (present !== undefined) return present;
    const link = new AttachedLink(request, facts, this.#openInTurn);
    this.#links.set(link.owner, link);
    this.#losses.forget(link.owner);
    return link;
  }

  /** As for a new one, the neighbours hear of an address before its holder has it. */
  async #change(present: AttachedLink, request: Attachment, signal: AbortSignal): Promise<AttachedLink> {
    const next = present.with(request);
    const news = next.leases.filter((lease) => !hasLease(present, lease) || !isSameMac(next, present));
    if (present.isUp) { for (const lease of news) this.#tap?.write(announcement(lease, next.mac)); }
    await this.#pairs.change(present, next, signal);
    this.#links.set(next.owner, next);
    await this.#refitBridges();
    return next;
  }

  /** What has changed stays so: until the next change a device may have trouble with an address, and no endpoint has. */
  async #refitBridges(): Promise<void> {
    await this.bridges.refit().catch((error) =>
      this.#host.log.log("error", "The rules of joined bridges cannot be set", { error })
    );
  }

  /** The neighbours hear of it first: an endpoint that hears its own announcement takes it for a rival's. */
  // deno-lint-ignore require-await -- a throw must become a rejection
  async #open(link: AttachedLink): Promise<void> {
    if (link.isOpen) return;
    if (this.#links.get(link.owner) !== link) throw gone(link.owner);
    this.#requireRunning();
    if (!link.isUp) {
      for (const lease of link.leases) this.#tap?.write(announcement(lease, link.mac));
      this.#tap?.bringUp(link.rules.port);
      link.isUp = true;
    }
    link.isOpen = true;
  }

  async #inspect(): Promise<Inspection> {
    return parseInspection(await this.#bridge.run("look at the bridge", inspectionText));
  }

  async #look(): Promise<void> {
    let found = this.#isClosed ? undefined : await this.#inspectIfThere();
    if (found === undefined || !isBridgeWhole(found)) {
      this.#losses.bridgeBroken();
      this.#isClosed = true;
      await this.#tap?.[Symbol.asyncDispose]();
      await this.#raise(this.#life.signal);
      this.#isClosed = false;
      found = await this.#inspect();
    }
    this.#readings.read(found.counters, this.#host.drops);
    this.#storms.look(found.counters);
    const failures: unknown[] = [];
    for (const link of [...this.#links.values()]) {
      await this.#check(link, found).catch((error) => void failures.push(error));
    }
    await this.bridges.look(found);
    if (failures.length > 0) throw failures[0];
    this.#losses.bridgeWhole();
  }

  /** A look may fail for want of a process or a program: no reason to close a device that works. */
  async #inspectIfThere(): Promise<Inspection | undefined> {
    try {
      return await this.#inspect();
    } catch (error) {
      if (await this.#bridge.isThere()) throw error;
      return undefined;
    }
  }

  async #check(link: AttachedLink, found: Inspection): Promise<void> {
    const { isGone, isUnfit, renamed } = diagnose(found, link);
    if (isGone || !await isWhole(link)) return await this.#lost(link);
    if (!isUnfit) return;
    await this.#pairs.refit(link, renamed);
    this.#losses.repaired(link, renamed);
  }

  /** With its namespace an interface ends as it should; without it, somebody has taken it away. */
  async #lost(link: AttachedLink): Promise<void> {
    this.#links.delete(link.owner);
    await this.#pairs.remove(link.owner, link.rules.port);
    await this.#refitBridges();
    const identity = link.place && await namespaceAt(link.place.path);
    const isThere = identity !== undefined && ownerOf(identity) === link.owner;
    this.#losses.linkLost(link, isThere);
    this.#gone(link.owner);
  }

  #lookEarly(): void {
    if (this.#isEarly || this.#tap === undefined) return;
    this.#isEarly = true;
    this.#timer?.cancel();
    this.#lookAt(earlyLookMillis);
  }

  #lookAt(delay: number): void {
    if (this.#life.signal.aborted) return;
    const { clock } = this.#host;
    this.#timer = clock.timer(clock.now() + delay, () => {
      this.#isEarly = false;
      void this.look().finally(() => this.#lookAt(lookMillis));
    });
  }

  #requireRunning(): void {
    if (this.#tap === undefined) {
      throw new MeshError("NOT_RUNNING", "Cannot attach: the TAP device is not open; start the node");
    }
  }
}

/**
 * Of an exposed host, the only endpoint that forwards, the far end is looked at too: rules of the host call it by its name.
 * A container may call its own what it likes.
 */
async function isWhole({ rules, device, index }: AttachedLink): Promise<boolean> {
  return (rules.forwards ?? []).length === 0 || await isOnHost(device, index);
}

function gone(owner: string): MeshError {
  return new MeshError(
    "NOT_FOUND",
    `Cannot find the interface of "${owner}": it was removed; attach it again`,
  );
}
