/**
 * Devices behind joined bridges, of this node and of all others: learns, tells, hears and settles them, and answers what
 * the forwarding asks. Nothing of it is kept on disk: devices speak again.
 */
import type { Channel, Clock, Timer } from "../contracts/host.ts";
import type { Events } from "../contracts/events.ts";
import type { Route, RouteSource } from "../contracts/ipam.ts";
import type { ForeignDeviceStatus } from "../contracts/bridging.ts";
import type { Address, Millis, PeerId, Prefix } from "../contracts/values.ts";
import { type ForeignClaim, ForeignClaims, type ForeignClash } from "../forwarding/foreign_claims.ts";
import { type ForeignDevice, ForeignDevices, mostDevices } from "../forwarding/foreign_devices.ts";
import { questionFor } from "../forwarding/foreign_question.ts";
import { sightingIn, soughtIn, sourceIn } from "../forwarding/foreign_sighting.ts";
import { RangeTable } from "../forwarding/range_table.ts";
import { type Rate, TokenBucket } from "../forwarding/token_bucket.ts";
import { formatAddress } from "../wire/address.ts";
import { decodeEthernet, type EthernetFrame } from "../wire/ethernet.ts";
import { formatMac, macToNumber } from "../wire/mac.ts";
import { contains, hostPrefix } from "../wire/prefix.ts";
import type { Alerts } from "./alerts.ts";
import { decodeForeign, encodeForeign } from "./foreign_message.ts";

export interface ForeignParts {
  readonly self: PeerId;
  readonly channel: Channel;
  readonly clock: Clock;
  readonly events: Events;
  readonly alerts: Pick<Alerts, "raise" | "clear">;
  /** Without those that come from here. */
  readonly routes: Pick<RouteSource, "routes" | "version">;
  /** What the network spans; undefined until the node belongs to one. */
  ranges(): readonly Prefix[] | undefined;
  /** Whether an endpoint of this node has the MAC, or the address. */
  isEndpointMac(mac: Uint8Array): boolean;
  isEndpointAddress(address: Address): boolean;
  /** Writes a frame to the links of this node. */
  write(frame: Uint8Array): void;
  /** A member as a person knows it. */
  nameOf(peer: PeerId): string;
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
}

/** All is told again, for what was lost on its way. */
export const repeatMillis: Millis = 30_000;
/** Three repetitions, and some time on the way. */
export const tellingAge: Millis = 95_000;
const tickMillis: Millis = 5_000;
/** A frame that comes back does so at once; a device that has moved is heard later. */
const echoMillis: Millis = 2_000;
const mostWritten = 1024;
/** Settling goes through all claims: who makes new ones without end must not take the time of packets. */
const settling: Rate = { perSecond: 5, burst: 10 };
const settleDelay: Millis = 200;
/** Of this node's endpoints all together, and of all other nodes: who scans a network must not make all bridges busy. */
const questionRate: Rate = { perSecond: 10, burst: 20 };
const clashAlert = "mac-clash";

interface Told {
  readonly device: ForeignDevice;
  heard: Millis;
}

export class ForeignLinks {
  readonly #parts: ForeignParts;
  readonly #own = new ForeignDevices();
  readonly #told = new Map<PeerId, Map<number, Told>>();
  /** What the others have been told of ours, as text, by MAC. */
  readonly #announced = new Map<number, { readonly mac: Uint8Array; readonly text: string }>();
  /** When a frame of a device elsewhere was last written to our links, by MAC. */
  readonly #written = new Map<number, Millis>();
  readonly #settlings = new TokenBucket(settling);
  readonly #questions = new TokenBucket(questionRate);
  readonly #asked = new TokenBucket(questionRate);
  #claims = new ForeignClaims();
  #version = 0;
  #base = new RangeTable([]);
  #baseVersion = -1;
  #tick: Timer | undefined;
  #soon: Timer | undefined;
  #repeatAt: Millis = 0;
  #isJoined = false;

  constructor(parts: ForeignParts) {
    this.#parts = parts;
    const { channel, events, signal } = parts;
    channel.receive((from, message) => this.#hearPeer(from, message));
    events.on("peer:up", ({ peer }) => this.#greet(peer), signal);
    events.on("peer:down", ({ peer }) => this.#forget(peer), signal);
    signal.addEventListener("abort", () => this.#stop(), { once: true });
  }

  /** Whether this node has joined any bridge: without one no sender is unknown. */
  joined(isJoined: boolean): void {
    this.#isJoined = isJoined;
    if (!isJoined && this.#own.clear()) this.#changed();
  }

  /** A frame from the links, before it is decided upon. */
  hear(frame: Uint8Array): void {
    const ethernet = decodeEthernet(frame);
    if (typeof ethernet === "number") return;
    const sought = soughtIn(ethernet);
    if (sought !== undefined) this.#seek(sought);
    if (this.#isJoined && !this.#parts.isEndpointMac(ethernet.source)) this.#see(ethernet);
  }

  #see(ethernet: EthernetFrame): void {
    const sighting = sightingIn(ethernet);
    if (sighting === undefined || this.isEcho(sighting.mac)) return;
    const { self, clock } = this.#parts;
    const addresses = sighting.addresses.filter((address) => this.#accepts(self, address));
    if (this.#own.learn({ mac: sighting.mac, addresses }, clock.now(), Math.floor(clock.wall()))) {
      this.#changed();
    }
    // After a restart devices go on talking, and say for a while nothing of who they are.
    const source = sourceIn(ethernet);
    if (source !== undefined && this.#claims.ofAddress(source) === undefined) this.#ask(source);
  }

  /** Who has an address that nobody has told of: devices that are silent have to be asked. */
  #seek(target: Address): void {
    const { channel, clock } = this.#parts;
    if (this.#claims.ofAddress(target) !== undefined || !this.#isOutside(target)) return;
    if (channel.peers().length > 0 && this.#questions.take(clock.now())) this.#tellAll({ sought: [target] });
  }

  #ask(target: Address): void {
    const { self, clock, write } = this.#parts;
    if (!this.#isJoined || !this.#accepts(self, target) || !this.#asked.take(clock.now())) return;
    write(questionFor(target));
  }

  /** A frame from the mesh that was written to the links. */
  wrote(frame: Uint8Array): void {
    if (!this.#isJoined) return;
    const mac = frame.subarray(6, 12);
    if (this.#claims.ofMac(mac) === undefined) return;
    const key = macToNumber(mac);
    this.#written.delete(key);
    this.#written.set(key, this.#parts.clock.now());
    if (this.#written.size > mostWritten) this.#written.delete(this.#written.keys().next().value!);
  }

  /** True for the source of a frame that comes in while the mesh brings frames of the same source here. */
  isEcho(mac: Uint8Array): boolean {
    const at = this.#written.get(macToNumber(mac));
    return at !== undefined && this.#parts.clock.now() - at < echoMillis;
  }

  /** The device behind a bridge of this node that has the address. */
  linkOf(address: Address): Uint8Array | undefined {
    const claim = this.#claims.ofAddress(address);
    return claim?.owner === this.#parts.self ? claim.device.mac : undefined;
  }

  /** True for a device behind a bridge of this node. */
  isHere(mac: Uint8Array): boolean {
    return this.ownerOf(mac) === this.#parts.self;
  }

  ownerOf(mac: Uint8Array): PeerId | undefined {
    return this.#claims.ofMac(mac)?.owner;
  }

  /** The MAC that goes with an address outside of the network's ranges. */
  macOf(address: Address): Uint8Array | undefined {
    return this.#baseTable().lookup(address) === undefined
      ? this.#claims.ofAddress(address)?.device.mac
      : undefined;
  }

  /** One per address outside of the network's ranges. */
  *routes(): Iterable<Route> {
    const table = this.#baseTable();
    for (const { address, owner } of this.#claims.addresses()) {
      if (table.lookup(address) === undefined) yield { prefix: hostPrefix(address), owner };
    }
  }

  version(): number {
    return this.#version;
  }

  devices(): readonly ForeignDeviceStatus[] {
    return [...this.#allClaims()].map(({ owner, device }) => ({
      mac: formatMac(device.mac),
      addresses: device.addresses.map(formatAddress),
      node: this.#parts.nameOf(owner),
      isUsed: this.ownerOf(device.mac) === owner,
    }));
  }

  #hearPeer(from: PeerId, bytes: Uint8Array): void {
    const message = decodeForeign(bytes);
    if (message === undefined) return;
    const known = this.#told.get(from) ?? new Map<number, Told>();
    let isChanged = false;
    for (const mac of message.gone) isChanged = known.delete(macToNumber(mac)) || isChanged;
    for (const device of message.devices) isChanged = this.#take(known, device) || isChanged;
    for (const target of message.sought) this.#ask(target);
    if (known.size > 0) this.#told.set(from, known);
    else this.#told.delete(from);
    if (isChanged) this.#changed();
  }

  #take(known: Map<number, Told>, device: ForeignDevice): boolean {
    const key = macToNumber(device.mac);
    const before = known.get(key);
    if (before === undefined && known.size >= mostDevices) return false;
    known.set(key, { device, heard: this.#parts.clock.now() });
    return before === undefined || textOf(before.device) !== textOf(device);
  }

  #greet(peer: PeerId): void {
    for (const message of encodeForeign({ devices: this.#ownDevices() })) {
      this.#parts.channel.send(peer, message);
    }
  }

  #forget(peer: PeerId): void {
    if (this.#told.delete(peer)) this.#changed();
  }

  /** Settles now, or soon when that was done often already. */
  #changed(): void {
    if (this.#parts.signal.aborted || this.#soon !== undefined) return;
    const { clock } = this.#parts;
    if (this.#settlings.take(clock.now())) return this.#settle();
    this.#soon = clock.timer(clock.now() + settleDelay, () => {
      this.#soon = undefined;
      this.#settle();
    });
  }

  #settle(): void {
    this.#claims = new ForeignClaims(
      this.#allClaims(),
      (owner, address) => this.#accepts(owner, address),
    );
    this.#version++;
    this.#tellNews();
    this.#tellClashes(this.#claims.clashes);
    this.#keepTicking();
  }

  *#allClaims(): Iterable<ForeignClaim> {
    for (const device of this.#own.devices()) yield { owner: this.#parts.self, device };
    for (const [owner, devices] of this.#told) {
      for (const { device } of devices.values()) yield { owner, device };
    }
  }

  /**
   * Outside of the ranges an address is whose it is said to be, unless a device of the configuration has its prefix.
   * Inside of them the ring is the only truth: a device here may have a free address of this node's own range, and what
   * other members have of that kind is found by their ranges.
   */
  #accepts(owner: PeerId, address: Address): boolean {
    const { self, isEndpointAddress } = this.#parts;
    if (owner === self && isEndpointAddress(address)) return false;
    const route = this.#baseTable().lookup(address);
    if (route !== undefined) return owner === self && route.owner === self;
    return this.#isOutside(address);
  }

  #isOutside(address: Address): boolean {
    const spans = this.#parts.ranges();
    if (spans === undefined || spans.some((range) => contains(range, address))) return false;
    return this.#baseTable().lookup(address) === undefined;
  }

  #baseTable(): RangeTable {
    const { routes } = this.#parts;
    const version = routes.version();
    if (version !== this.#baseVersion) {
      this.#base = new RangeTable(routes.routes());
      this.#baseVersion = version;
    }
    return this.#base;
  }

  /** Those addresses only that others need to hear: in the ranges the ring tells. */
  #ownDevices(): ForeignDevice[] {
    const table = this.#baseTable();
    return [...this.#own.devices()].map((device) => ({
      ...device,
      addresses: device.addresses.filter((address) => table.lookup(address) === undefined),
    }));
  }

  #tellNews(): void {
    const own = this.#ownDevices();
    const devices = own.filter((device) =>
      this.#announced.get(macToNumber(device.mac))?.text !== textOf(device)
    );
    const present = new Set(own.map(({ mac }) => macToNumber(mac)));
    const gone = [...this.#announced].filter(([key]) => !present.has(key)).map(([, { mac }]) => mac);
    for (const mac of gone) this.#announced.delete(macToNumber(mac));
    for (const device of devices) {
      this.#announced.set(macToNumber(device.mac), { mac: device.mac, text: textOf(device) });
    }
    this.#tellAll({ devices, gone });
  }

  #tellAll(message: Parameters<typeof encodeForeign>[0]): void {
    const { channel } = this.#parts;
    for (const bytes of encodeForeign(message)) {
      for (const peer of channel.peers()) channel.send(peer, bytes);
    }
  }

  #tellClashes(clashes: readonly ForeignClash[]): void {
    const { alerts, nameOf } = this.#parts;
    if (clashes.length === 0) return alerts.clear(clashAlert);
    const all = clashes.slice(0, 5).map(({ what, kept, refused }) =>
      `${what} is behind bridges of ${nameOf(kept)}, which keeps it, and of ${nameOf(refused)}`
    );
    const more = clashes.length > 5 ? `; and ${clashes.length - 5} more` : "";
    alerts.raise(clashAlert, `${all.join("; ")}${more}; detach one of the bridges, or change the address`);
  }

  /** Only while there is something to grow old. */
  #keepTicking(): void {
    if (this.#tick !== undefined || (this.#own.size === 0 && this.#told.size === 0)) return;
    const { clock } = this.#parts;
    this.#tick = clock.timer(clock.now() + tickMillis, () => {
      this.#tick = undefined;
      this.#age(clock.now());
      this.#keepTicking();
    });
  }

  #age(now: Millis): void {
    let isChanged = this.#own.age(now);
    for (const [peer, devices] of this.#told) {
      for (const [key, { heard }] of devices) {
        if (now - heard >= tellingAge) isChanged = devices.delete(key);
      }
      if (devices.size === 0) this.#told.delete(peer);
    }
    if (now >= this.#repeatAt) {
      this.#repeatAt = now + repeatMillis;
      this.#tellAll({ devices: this.#ownDevices() });
    }
    if (isChanged) this.#changed();
  }

  #stop(): void {
    this.#tick?.cancel();
    this.#soon?.cancel();
  }
}

function textOf({ mac, since, addresses }: ForeignDevice): string {
  return [formatMac(mac), since, ...addresses.map(formatAddress)].join(" ");
}
