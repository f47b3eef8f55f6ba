/**
 * Bridges of the host joined to ours: made, adopted, looked after, watched for loops.
 *
 *     host's namespace                    /run/netns/selvage
 *     eth1 ── br0 ── selv3f2a1bj1 ═══════ join1 ── mesh ── tap0
 *
 * Only a bridge can be joined. A plain device was rejected: on a bridge it loses the host's addresses and routes, which
 * the host has to decide about; who wants that makes a bridge of it first.
 *
 * Who is joined stands in the kernel, as with ports: in the alias of our end.
 */
import type { BridgeJoin, BridgeJoins, JoinOptions } from "../../core/contracts/bridging.ts";
import { Drop } from "../../core/contracts/drop.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host, Timer } from "../../core/contracts/host.ts";
import type { AttachedPort } from "../../core/contracts/port.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { systemRandom } from "../../core/runtime/random.ts";
import { formatMac, isDerivedMac } from "../../core/wire/mac.ts";
import { bridgeName, type BridgeNamespace } from "./bridge_namespace.ts";
import {
  enslaveText,
  joinName,
  type JoinPlan,
  joinRules,
  leaveText,
  pairText,
  settleText,
} from "./bridge_scripts.ts";
import { type Inspection, isUp } from "./inspection.ts";
import { Crowds } from "./crowds.ts";
import { isOnBridge, mtuOfBridge, requireBridgeName } from "./host_bridges.ts";
import { formatJoinAlias, hostEndName, mostJoins, parseJoinAlias } from "./join_names.ts";
import type { Link } from "./links.ts";
import { decodeProbe, encodeProbe, type LoopProbe, probeIdLength, yielding } from "./loop_probe.ts";
import { LoopWatch } from "./loop_watch.ts";
import { fed, runScript } from "./script.ts";

export type JoinHost = Pick<Host, "clock" | "drops" | "events" | "log">;

export interface JoinParts {
  readonly bridge: BridgeNamespace;
  /** Of the namespace with our bridge. */
  readonly namespace: string;
  readonly host: JoinHost;
  take<T>(task: () => Promise<T>): Promise<T>;
  attached(): Iterable<AttachedPort>;
  /** To our bridge. */
  write(frame: Uint8Array): void;
  /** Aborts when the port is disposed. */
  life(): AbortSignal;
  /** To have {@link BridgeJoiner.look} called within a second. */
  lookSoon(): void;
}

interface Join {
  readonly device: string;
  readonly number: number;
  readonly since: number;
  state: BridgeJoin["state"];
  /** Of a blocked one. */
  until: Millis;
}

const probeMillis: Millis = 1_000;
const loopAlert = "bridge-loop";

export class BridgeJoiner implements BridgeJoins {
  readonly #parts: JoinParts;
  readonly #watch = new LoopWatch();
  readonly #crowds: Crowds;
  readonly #node = systemRandom().fill(new Uint8Array(probeIdLength));
  /** Of the MAC that frames which tell of loops are turned to: nobody else can guess it. */
  readonly #secret = systemRandom().fill(new Uint8Array(4));
  readonly #joins = new Map<string, Join>();
  /** Of an earlier run: numbers by bridge. */
  readonly #remains = new Map<string, number>();
  /** Ports of ours that somebody has made send frames back, as of the last look. */
  #hairpins: readonly string[] = [];
  #network: Uint8Array = new Uint8Array(8);
  #timer: Timer | undefined;

  constructor(parts: JoinParts) {
    this.#parts = parts;
    this.#crowds = new Crowds(parts.host.events);
  }

  /** Reads what an earlier run has left. */
  recall({ links, counters }: Pick<Inspection, "links" | "counters">): void {
    this.#crowds.begin(counters);
    this.#remains.clear();
    for (const { ifalias } of links) {
      const alias = parseJoinAlias(ifalias);
      if (alias !== undefined) this.#remains.set(alias.device, alias.number);
    }
  }

  /** Rejects `INVALID_ARGUMENT` for names that cannot be, and changes nothing. */
  async restore(devices: readonly string[], { network }: JoinOptions): Promise<void> {
    devices.forEach(requireBridgeName);
    this.#network = network;
    await this.#parts.take(async () => {
      for (const [device, number] of this.#remains) {
        if (!devices.includes(device)) await this.#remove(device, number);
      }
      for (const device of devices) await this.#tryAgain(this.#joinOf(device));
    });
  }

  async join(device: string, { network }: JoinOptions, signal: AbortSignal): Promise<BridgeJoin> {
    requireBridgeName(device);
    this.#network = network;
    return await this.#parts.take(async () => {
      signal.throwIfAborted();
      const present = this.#joins.get(device);
      if (present?.state === "open") return this.#shown(present);
      const join = present ?? this.#joinOf(device);
      try {
        await this.#make(join, signal);
      } catch (error) {
        if (present === undefined) await this.#remove(device, join.number).catch(() => {});
        throw error;
      }
      this.#tellBlocked();
      return this.#shown(join);
    });
  }

  async leave(device: string): Promise<boolean> {
    return await this.#parts.take(async () => {
      const number = this.#joins.get(device)?.number ?? this.#remains.get(device);
      if (number === undefined) return false;
      await this.#remove(device, number);
      this.#watch.forget(device);
      this.#tellBlocked();
      return true;
    });
  }

  list(): readonly BridgeJoin[] {
    return [...this.#joins.values()].map((join) => this.#shown(join));
  }

  looped(mac: Uint8Array): void {
    const [only, ...others] = this.#open();
    if (only === undefined || isDerivedMac(mac)) return this.#parts.lookSoon();
    if (others.length === 0) return this.#returned(only);
    const key = formatMac(mac);
    if (this.#watch.returned(key, this.#parts.host.clock.now())) {
      this.#watch.forget(key);
      void this.#parts.take(() => this.#blockBehind(key)).catch((error) => this.#failed(error));
    }
  }

  /** A frame of the TAP device. True when it was one that tells of a loop, and is nothing for the mesh. */
  takeFrame(frame: Uint8Array): boolean {
    if (frame.length < 14 || frame[0] !== 0x02) return false;
    for (let i = 0; i < this.#secret.length; i++) if (frame[i + 1] !== this.#secret[i]) return false;
    const arrival = [...this.#joins.values()].find(({ number }) => number === frame[5]);
    if (arrival === undefined) return true;
    const probe = decodeProbe(frame);
    if (probe !== undefined) this.#judge(probe, arrival);
    else if (arrival.state === "open") {
      this.#parts.host.drops.count(Drop.loop);
      this.#returned(arrival);
    }
    return true;
  }

  /** What an endpoint holds is no device's: after one has come or gone, in a turn. */
  async refit(): Promise<void> {
    const joins = this.#open();
    if (joins.length === 0) return;
    const text = joins.map((join) => fed("nft -f -", joinRules(this.#rulesOf(join)))).join("\n");
    await this.#parts.bridge.run("set the rules of joined bridges", text);
  }

  /** Sets right what somebody else has changed, in a turn. */
  async look({ links, chains, counters }: Inspection): Promise<void> {
    await this.#straighten(links);
    this.#crowds.look(counters, this.#joins.values());
    for (const join of this.#joins.values()) {
      const name = joinName(join.number);
      const link = links.find(({ ifname }) => ifname === name);
      const isWhole = link !== undefined && link.master === bridgeName && isUp(link) && chains.has(name);
      if (join.state === "blocked") {
        if (link !== undefined && isUp(link)) await this.#down(join);
        if (this.#parts.host.clock.now() >= join.until) await this.#reopen(join);
      } else if (
        join.state === "waiting" || !isWhole ||
        !await isOnBridge(hostEndName(this.#parts.namespace, join.number), join.device)
      ) {
        await this.#tryAgain(join);
      }
    }
  }

  /** Interfaces stay. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** After a reset: nothing is there any more. */
  forget(): void {
    this.stop();
    this.#joins.clear();
    this.#remains.clear();
  }

  #open(): Join[] {
    return [...this.#joins.values()].filter(({ state }) => state === "open");
  }

  #joinOf(device: string): Join {
    const known = this.#joins.get(device);
    if (known !== undefined) return known;
    const number = this.#remains.get(device) ?? this.#freeNumber();
    const since = Math.floor(this.#parts.host.clock.wall());
    const join: Join = { device, number, since, state: "waiting", until: 0 };
    this.#joins.set(device, join);
    return join;
  }

  #freeNumber(): number {
    const used = new Set([
      ...this.#remains.values(),
      ...[...this.#joins.values()].map(({ number }) => number),
    ]);
    for (let number = 1; number <= mostJoins; number++) if (!used.has(number)) return number;
    throw new MeshError("POOL_EXHAUSTED", `Cannot join more than ${mostJoins} bridges; detach one of them`);
  }

  /** Makes what is missing, and opens it. */
  async #make(join: Join, signal: AbortSignal): Promise<void> {
    const mtu = await mtuOfBridge(join.device, signal);
    const { bridge } = this.#parts;
    const name = joinName(join.number);
    const purpose = `join the bridge ${join.device}`;
    const present = (await bridge.links(signal))?.find(({ ifname }) => ifname === name);
    const plan = this.#planOf(join, mtu);
    const [text, made] = present === undefined ? [pairText(plan), true] : [enslaveText(plan.hostEnd), false];
    try {
      await runScript({ purpose, text, args: [bridge.path, join.device] }, signal);
      await bridge.run(purpose, settleText(plan), { signal });
    } catch (error) {
      if (made) await bridge.run(`remove ${name}`, leaveText(join.number)).catch(() => {});
      throw error;
    }
    this.#remains.delete(join.device);
    join.state = "open";
    this.#keepProbing();
    this.#parts.host.log.log("info", "Bridge joined", { name: join.device });
  }

  /** The bridge may come later, as those of other tools do. */
  async #tryAgain(join: Join): Promise<void> {
    try {
      await this.#make(join, this.#parts.life());
    } catch (error) {
      const isNew = join.state !== "waiting";
      join.state = "waiting";
      if ((error as MeshError).code === "NOT_FOUND" && !isNew) return;
      this.#parts.host.log.log("warn", "A bridge cannot be joined now; it is tried again", {
        name: join.device,
        error,
      });
    }
  }

  async #remove(device: string, number: number): Promise<void> {
    await this.#parts.bridge.run(`leave the bridge ${device}`, leaveText(number));
    this.#joins.delete(device);
    this.#remains.delete(device);
  }

  #planOf(join: Join, mtu: number): JoinPlan {
    return {
      rules: this.#rulesOf(join),
      device: join.device,
      hostEnd: hostEndName(this.#parts.namespace, join.number),
      alias: formatJoinAlias(join),
      mtu,
    };
  }

  #rulesOf({ number }: Join) {
    const attached = [...this.#parts.attached()];
    return {
      number,
      signal: Uint8Array.of(0x02, ...this.#secret, number),
      signalSource: Uint8Array.of(0x02, ...this.#secret, 0),
      macs: attached.flatMap(({ mac }) => mac ?? []),
      addresses: attached.flatMap(({ leases }) => leases.map(({ address }) => address)),
    };
  }

  #probeOf({ number, since }: Join): LoopProbe {
    return { network: this.#network, join: number, since, node: this.#node };
  }

  #judge(probe: LoopProbe, arrival: Join): void {
    const verdict = yielding(probe, this.#probeOf(arrival));
    if (verdict === "none") return;
    this.#parts.host.drops.count(Drop.loop);
    const origin = [...this.#joins.values()].find(({ number }) => number === probe.join);
    const blamed = verdict === "arrival" ? arrival : origin;
    if (blamed?.state === "open") this.#block(blamed);
  }

  #returned(join: Join): void {
    if (this.#watch.returned(join.device, this.#parts.host.clock.now())) this.#block(join);
  }

  /** At once for whoever asks; the kernel follows. */
  #block(join: Join): void {
    const { clock } = this.#parts.host;
    join.state = "blocked";
    join.until = clock.now() + this.#watch.blocked(join.device, clock.now());
    this.#parts.host.log.log("error", "A joined bridge leads frames back, and is taken down", {
      name: join.device,
    });
    this.#tellBlocked();
    void this.#parts.take(() => this.#down(join)).catch((error) => this.#failed(error));
  }

  /** A port that sends frames back whence they came (hairpin) makes every endpoint hear itself. */
  async #straighten(links: readonly Link[]): Promise<void> {
    const bent = links.filter(({ master, linkinfo }) =>
      master === bridgeName && linkinfo?.info_slave_data?.hairpin === true
    ).map(({ ifname }) => ifname);
    if (bent.length === 0 && this.#hairpins.length === 0) return;
    this.#hairpins = bent;
    const text = bent.map((name) => `ip link set dev ${name} type bridge_slave hairpin off`).join("\n");
    if (bent.length > 0) await this.#parts.bridge.run("turn hairpin off", text);
    this.#tellBlocked();
  }

  async #down(join: Join): Promise<void> {
    if (join.state !== "blocked") return;
    const name = joinName(join.number);
    await this.#parts.bridge.run(`take down ${name}`, `ip link set dev ${name} down`);
  }

  async #reopen(join: Join): Promise<void> {
    await this.#tryAgain(join);
    this.#tellBlocked();
  }

  /** Where the kernel has seen the MAC last. */
  async #blockBehind(mac: string): Promise<void> {
    const text = `bridge fdb show br ${bridgeName} | grep -i "^$1 " || true`;
    const found = await this.#parts.bridge.run("find a MAC address", text, { args: [mac] });
    const join = this.#open().find(({ number }) => found.includes(` dev ${joinName(number)} `));
    if (join !== undefined) this.#block(join);
  }

  #tellBlocked(): void {
    const { events, clock } = this.#parts.host;
    const blocked = [...this.#joins.values()].filter(({ state }) => state === "blocked");
    if (blocked.length + this.#hairpins.length === 0) {
      return events.emit("alert:cleared", { alert: loopAlert });
    }
    const down = blocked.map(({ device, number, until }) =>
      `${joinName(number)} to the bridge ${device} for ${Math.ceil((until - clock.now()) / 1000)} s`
    );
    const detail = [
      ...down.length === 0 ? [] : [
        `frames come back, taken down: ${down.join(", ")}; take the second way out, then attach it again`,
      ],
      ...this.#hairpins.map((name) => `somebody had turned on hairpin of ${name}, which is off again`),
    ].join("; ");
    events.emit("alert:raised", { alert: loopAlert, detail });
  }

  #keepProbing(): void {
    const { clock } = this.#parts.host;
    if (this.#timer !== undefined || this.#parts.life().aborted) return;
    this.#timer = clock.timer(clock.now() + probeMillis, () => {
      this.#timer = undefined;
      const open = this.#open();
      for (const join of open) this.#parts.write(encodeProbe(this.#probeOf(join)));
      if (open.length > 0) this.#keepProbing();
    });
  }

  #shown({ device, number, state, until }: Join): BridgeJoin {
    const { clock } = this.#parts.host;
    const port = joinName(number);
    if (state !== "blocked") return { device, port, state };
    return { device, port, state, until: clock.wall() + until - clock.now() };
  }

  #failed(error: unknown): void {
    this.#parts.host.log.log("error", "A joined bridge cannot be taken down", { error });
  }
}
