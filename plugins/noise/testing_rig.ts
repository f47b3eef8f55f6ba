/**
 * Machines on a simulated network and clock, for the tests of this plugin. Everything that happens follows from the
 * calls and the seed. A member's credentials are its name and key number in clear.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { AeadName, AeadSuite } from "../../core/contracts/aead.ts";
import { Drop, dropNames } from "../../core/contracts/drop.ts";
import type { EncapsulationOutput } from "../../core/contracts/encapsulation.ts";
import type { Random } from "../../core/contracts/host.ts";
import type { Membership, NetworkKey, PeerIdentity, Refusal } from "../../core/contracts/membership.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { relayEndpointTo } from "../../core/wire/relay_endpoint.ts";
import { retryMillis } from "./constants.ts";
import { NoiseMachine } from "./machine.ts";
import type { NoiseOptions } from "./options.ts";
import { generateKeyPair, type KeyPair, type X25519 } from "../../core/noise/dh.ts";

/** Mulberry32: small, seeded, good enough to be no help to a bug. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  fill(bytes: Uint8Array): Uint8Array {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#word();
    return bytes;
  }

  /** In [0, 1). */
  next(): number {
    return this.#word() / 2 ** 32;
  }

  #word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}

/** An id that has a tag, as those of real peers have. */
export function peerIdOf(letter: string): PeerId {
  return letter.repeat(32) as PeerId;
}

/** True when attempts at `times` have the waits of a first round between them: each up to a quarter shorter than stated. */
export function areFirstAttempts(times: readonly Millis[]): boolean {
  return times.slice(1, retryMillis.length + 1).every((time, i) => {
    const share = (time - times[i]!) / retryMillis[i]!;
    return share >= 0.75 && share <= 1;
  });
}

type Cipher = typeof chacha20poly1305 | typeof gcm;

function suite(name: AeadName, cipher: Cipher): AeadSuite {
  return {
    name,
    implementation: "noble",
    key: (secret) => ({
      seal: (nonce, ad, plaintext) => cipher(secret, nonce, ad).encrypt(plaintext),
      open: (nonce, ad, ciphertext) => {
        try {
          return cipher(secret, nonce, ad).decrypt(ciphertext);
        } catch {
          return undefined;
        }
      },
    }),
  };
}

export const chacha = suite("chacha20-poly1305", chacha20poly1305);
export const aes = suite("aes-256-gcm", gcm);

export function networkKey(fill: number): NetworkKey {
  return { id: new Uint8Array(8).fill(fill), secret: new Uint8Array(32).fill(fill) };
}

export const networkId: Uint8Array = new Uint8Array(16).fill(9);
export const token = { id: new Uint8Array(16).fill(5), expires: 1_900_000_000 };
export const tokenKey: Uint8Array = new Uint8Array(32).fill(6);

/** A membership whose every answer a test can set. */
export class FakeMembership implements Membership {
  id: Uint8Array | undefined = networkId;
  keys: readonly NetworkKey[] = [networkKey(1)];
  tokens: readonly Uint8Array[] = [tokenKey];
  /** Key number shown in handshakes. */
  binding = 1;
  /** Pads the credentials. */
  ballast = 0;
  /** Times that credentials were judged. */
  checks = 0;
  readonly refused = new Set<string>();
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  networkId() {
    return this.id;
  }

  network() {
    return undefined;
  }

  networkKeys() {
    return this.keys;
  }

  tokenKeys() {
    return this.tokens;
  }

  credentials(): Uint8Array {
    return new TextEncoder().encode(`${this.#name}#${this.binding}#${"x".repeat(this.ballast)}`);
  }

  check(credentials: Uint8Array, noiseKey: Uint8Array): PeerIdentity | Refusal {
    this.checks += 1;
    const [name = "", binding] = new TextDecoder().decode(credentials).split("#");
    if (this.refused.has(name)) return { refused: "REVOKED", reason: "revoked in this test" };
    const id = name as PeerId;
    const publicKey = new Uint8Array(32);
    return { id, name, noiseKey, endpoints: [], publicKey, bindingNumber: Number(binding) };
  }
}

export interface NodeOptions {
  readonly keys?: KeyPair;
  readonly aeads?: readonly AeadSuite[];
  readonly options?: NoiseOptions;
  /** First stamp; by default that of a machine whose stamps were never started. */
  readonly wall?: number;
}

type Of<T extends EncapsulationOutput["type"]> = Extract<EncapsulationOutput, { type: T }>;

/** One node of the network. */
export class RigNode {
  readonly name: string;
  readonly id: PeerId;
  readonly keys: KeyPair;
  readonly membership: FakeMembership;
  readonly machine: NoiseMachine;
  endpoint: Endpoint;
  /** Sees datagrams before the machine does; undefined: this one is the machine's. */
  front: (datagram: Uint8Array, from: Endpoint) => Drop | undefined = () => undefined;
  /** All outputs but datagrams, with the time of each. */
  readonly facts: { readonly at: Millis; readonly fact: EncapsulationOutput }[] = [];
  readonly drops = new Map<string, number>();

  constructor(name: string, endpoint: Endpoint, { random, curve, now }: Rig, options: NodeOptions) {
    this.name = name;
    this.id = name as PeerId;
    this.endpoint = endpoint;
    this.membership = new FakeMembership(name);
    this.keys = options.keys ?? generateKeyPair(random, curve);
    const host = {
      self: { id: this.id, noise: this.keys },
      membership: this.membership,
      random,
      curve,
      aeads: options.aeads ?? [chacha, aes],
      drops: { count: (drop: Drop) => this.count(drop) },
    };
    this.machine = new NoiseMachine(host, options.options);
    if (options.wall !== undefined) this.startStamps(options.wall, now);
  }

  /** On a disk that takes no time; gives the last reserve that it has kept. */
  startStamps(wall: number, now: Millis, reserve = 0): () => number {
    const { stamps } = this.machine;
    let kept = reserve;
    const keep = (larger: number) => stamps.kept(kept = larger);
    keep(stamps.start({ wall, now, reserve, keep }));
    return () => kept;
  }

  count(drop: Drop): void {
    const name = dropNames[drop]!;
    this.drops.set(name, (this.drops.get(name) ?? 0) + 1);
  }

  of<T extends EncapsulationOutput["type"]>(type: T): Of<T>[] {
    return this.facts.flatMap(({ fact }) => fact.type === type ? [fact as Of<T>] : []);
  }

  times(type: EncapsulationOutput["type"]): Millis[] {
    return this.facts.flatMap(({ at, fact }) => fact.type === type ? [at] : []);
  }

  /** `session-up` and `session-down` in order, as `+b` and `-b`. */
  edges(): string[] {
    return this.facts.flatMap(({ fact }) =>
      fact.type === "session-up"
        ? [`+${fact.peer.id}`]
        : fact.type === "session-down"
        ? [`-${fact.peer}`]
        : []
    );
  }

  /** Payloads received, as text. */
  received(): string[] {
    return this.of("packet").map(({ packet }) => new TextDecoder().decode(packet.payload));
  }
}

/** A datagram on its way, or seen. */
export interface Flight {
  readonly at: Millis;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly datagram: Uint8Array;
}

/** What becomes of a datagram: delays in milliseconds, one for each copy that arrives. */
export type Weather = (flight: Flight) => readonly Millis[];

const clear: Weather = () => [10];

export class Rig {
  readonly random: SeededRandom;
  readonly curve: X25519 | undefined;
  readonly nodes: RigNode[] = [];
  /** Every datagram ever sent. */
  readonly log: Flight[] = [];
  weather: Weather = clear;
  now: Millis = 1_000;
  #flights: Flight[] = [];
  #port = 1_000;

  /** `curve`: a faster X25519 than the portable one, for many handshakes. */
  constructor(seed = 1, curve?: X25519) {
    this.curve = curve;
    this.random = new SeededRandom(seed);
  }

  add(name: string, options: NodeOptions = {}): RigNode {
    const endpoint = { host: "192.0.2.1", port: this.#port++ };
    const node = new RigNode(name, endpoint, this, options);
    this.nodes.push(node);
    return node;
  }

  /** The node is gone without a word: what is sent to it is lost. */
  remove(node: RigNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  /** The same node started anew: same keys and place, nothing remembered. */
  restart(node: RigNode, options: NodeOptions = {}): RigNode {
    this.remove(node);
    const again = this.add(node.name, { keys: node.keys, ...options });
    again.endpoint = node.endpoint;
    return again;
  }

  /** A call on a node's machine, and what it sends. */
  call<T>(node: RigNode, step: (machine: NoiseMachine, now: Millis) => T): T {
    const result = step(node.machine, this.now);
    this.#drain(node);
    return result;
  }

  connect(node: RigNode, to: RigNode): void {
    const peer = { id: to.id, noiseKey: to.keys.publicKey };
    this.call(node, (machine, now) => machine.connect({ endpoint: to.endpoint, peer }, now));
  }

  /** The same by way of `relay`. */
  connectVia(node: RigNode, to: RigNode, relay: RigNode): void {
    const peer = { id: to.id, noiseKey: to.keys.publicKey };
    const endpoint = relayEndpointTo(relay.id, to.id)!;
    this.call(node, (machine, now) => machine.connect({ endpoint, peer }, now));
  }

  /** One packet with `text` as payload. */
  send(from: RigNode, to: RigNode, text: string, forwarded = false): Drop {
    const payload = new TextEncoder().encode(text);
    return this.call(
      from,
      (machine, now) => machine.seal(to.id, { protocol: 0x0800, payload, forwarded }, now),
    );
  }

  /** Hands a datagram to a node at once, outside of the network. */
  inject(node: RigNode, datagram: Uint8Array, from: Endpoint): Drop {
    const drop = node.front(datagram, from) ??
      this.call(node, (machine, now) => machine.handleDatagram(datagram, from, now));
    node.count(drop);
    return drop;
  }

  /** Sends a datagram that is not of the node's machine. */
  transmit(node: RigNode, datagram: Uint8Array, to: Endpoint): void {
    this.#launch({ at: this.now, from: node.endpoint, to, datagram });
  }

  /** Lets time pass; everything due until then happens in order. */
  run(millis: Millis): void {
    const end = this.now + millis;
    for (let at = this.#next(); at !== undefined && at <= end; at = this.#next()) {
      this.now = Math.max(this.now, at);
      this.#deliver();
      for (const node of this.nodes) {
        const due = node.machine.pollTimeout();
        if (due !== undefined && due <= this.now) {
          this.call(node, (machine, now) => machine.handleTimeout(now));
        }
      }
    }
    this.now = end;
  }

  /** Two members with a session, and what led to it forgotten. */
  pair(options: NodeOptions = {}): { a: RigNode; b: RigNode } {
    const [a, b] = [this.add("a", options), this.add("b", options)];
    this.connect(a, b);
    this.run(100);
    return { a, b };
  }

  /** Types of the datagrams sent from `since` on, in order. */
  types(since: Millis = 0): number[] {
    return this.log.filter(({ at }) => at >= since).map(({ datagram }) => datagram[0]!);
  }

  #next(): Millis | undefined {
    const timeouts = this.nodes.flatMap((node) => node.machine.pollTimeout() ?? []);
    const arrivals = this.#flights.map(({ at }) => at);
    const all = [...timeouts, ...arrivals];
    return all.length === 0 ? undefined : Math.min(...all);
  }

  #deliver(): void {
    const due = this.#flights.filter(({ at }) => at <= this.now).sort((left, right) => left.at - right.at);
    this.#flights = this.#flights.filter(({ at }) => at > this.now);
    for (const { datagram, from, to } of due) {
      const node = this.nodes.find(({ endpoint }) => endpoint.host === to.host && endpoint.port === to.port);
      if (node !== undefined) this.inject(node, datagram, from);
    }
  }

  #drain(node: RigNode): void {
    for (let output = node.machine.poll(); output !== undefined; output = node.machine.poll()) {
      if (output.type !== "transmit") node.facts.push({ at: this.now, fact: output });
      else this.#launch({ at: this.now, from: node.endpoint, to: output.to, datagram: output.datagram });
    }
  }

  #launch(flight: Flight): void {
    this.log.push(flight);
    for (const delay of this.weather(flight)) this.#flights.push({ ...flight, at: this.now + delay });
  }
}
