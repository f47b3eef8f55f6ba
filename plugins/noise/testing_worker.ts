/**
 * A data path worker as the tests need one: it seals and opens with the keys it is given, and hands over what the contract
 * says. It sees a node's datagrams before the machine does.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type {
  ExportedCells,
  ExportedSession,
  ExportedWay,
  OpenedMessage,
  RelayRates,
  SessionExporter,
  SessionKeys,
} from "../../core/contracts/encapsulation.ts";
import type { Endpoint, PeerId } from "../../core/contracts/values.ts";
import { sameEndpoint } from "../../core/wire/endpoint.ts";
import { isRelayEndpoint, relayEndpoint } from "../../core/wire/relay_endpoint.ts";
import { writeU64 } from "../../core/wire/field.ts";
import { decodeGre, encodeGre, GreProtocol } from "../../core/wire/gre.ts";
import { decodeRelayed } from "./relayed.ts";
import { ReplayWindow } from "./replay_window.ts";
import { aes, chacha, type Rig, type RigNode } from "./testing_rig.ts";
import {
  isForwarded,
  isPlain,
  MessageType,
  readCounter,
  readReceiver,
  writeTransportHeader,
} from "./wire.ts";

/** In one thread, so without atomics. */
export class ModelCells implements ExportedCells {
  sent = 0;
  received = 0;
  strayed = 0;
  newest = -1;
  sentPlain = 0;

  takeCounter(): number {
    return this.sent++;
  }
}

/** One session in the worker's hands. */
export interface Taken extends ExportedSession {
  readonly cells: ModelCells;
  readonly window: ReplayWindow;
  isConfirmed: boolean;
}

export class ModelWorker implements SessionExporter {
  partialChecksum = false;
  /** Room for sessions. */
  isRoomy = true;
  /** All calls, with peers and endpoints but without indices. */
  readonly calls: string[] = [];
  /** Of all sessions, taken or not. */
  readonly keys: SessionKeys[] = [];
  readonly sessions = new Map<number, Taken>();
  readonly ways = new Map<PeerId, ExportedWay>();
  /** Texts of packets that the worker has delivered by itself. */
  readonly received: string[] = [];
  handedOver = 0;
  /** What it may pass on for a peer; it leaves all of that to the machine. */
  relays: RelayRates | undefined;
  readonly #rig: Rig;
  readonly #node: RigNode;

  constructor(rig: Rig, node: RigNode) {
    this.#rig = rig;
    this.#node = node;
  }

  /** A worker before `node`'s machine; `settings` before the machine asks for them. */
  static of(
    rig: Rig,
    node: RigNode,
    settings: { partialChecksum?: boolean; isRoomy?: boolean } = {},
  ): ModelWorker {
    const worker = Object.assign(new ModelWorker(rig, node), settings);
    node.machine.exportSessions(worker);
    node.front = (datagram, from) => worker.#open(datagram, from);
    return worker;
  }

  relaying(rates: RelayRates): void {
    this.relays = rates;
  }

  opened(session: ExportedSession): ExportedCells | undefined {
    const { peer, keys } = session;
    this.calls.push(`opened ${peer}`);
    this.keys.push(keys);
    if (!this.isRoomy) return undefined;
    const cells = new ModelCells();
    this.sessions.set(keys.localIndex, { ...session, cells, window: new ReplayWindow(), isConfirmed: false });
    return cells;
  }

  confirmed(localIndex: number): void {
    const taken = this.sessions.get(localIndex)!;
    this.calls.push(`confirmed ${taken.peer}${taken.isConfirmed ? " again" : ""}`);
    taken.isConfirmed = true;
  }

  current(peer: PeerId, way: ExportedWay): void {
    this.calls.push(`current ${peer} ${way.endpoint.port}${way.isPlain ? " plain" : ""}`);
    this.ways.set(peer, way);
  }

  ended(localIndex: number): void {
    const { peer } = this.sessions.get(localIndex)!;
    this.calls.push(`ended ${peer}`);
    this.sessions.delete(localIndex);
  }

  down(peer: PeerId): void {
    this.calls.push(`down ${peer}`);
    this.ways.delete(peer);
  }

  /** The session to send in; undefined when packets to `peer` are the machine's, as are those that go through a relay. */
  currentOf(peer: RigNode): Taken | undefined {
    const way = this.ways.get(peer.id);
    return way && !isRelayEndpoint(way.endpoint) ? this.sessions.get(way.localIndex) : undefined;
  }

  /** Sends `text` from the worker if it can, else from the machine; gives the datagram of the worker. */
  send(to: RigNode, text: string): Uint8Array | undefined {
    const gre = encodeGre({ protocol: GreProtocol.ipv4 }, new TextEncoder().encode(text));
    const way = this.ways.get(to.id);
    const taken = this.currentOf(to);
    if (taken !== undefined && gre.length <= way!.longest) return this.sendGre(to, gre);
    this.#rig.send(this.#node, to, text);
    return undefined;
  }

  sendGre(to: RigNode, gre: Uint8Array): Uint8Array {
    const { keys, cells } = this.currentOf(to)!;
    const way = this.ways.get(to.id)!;
    if (way.isPlain) {
      cells.sentPlain++;
      this.#rig.transmit(this.#node, gre, way.endpoint);
      return gre;
    }
    const header = new Uint8Array(16);
    const counter = cells.takeCounter();
    writeTransportHeader(header, { type: MessageType.data, flags: 0, receiver: keys.remoteIndex, counter });
    const sealed = suiteOf(keys).key(keys.send).seal(nonceOf(keys, counter), header, gre);
    const datagram = new Uint8Array([...header, ...sealed]);
    this.#rig.transmit(this.#node, datagram, this.ways.get(to.id)!.endpoint);
    return datagram;
  }

  #takePlain(datagram: Uint8Array, from: Endpoint): Drop | undefined {
    const ways = [...this.ways.values()];
    const gre = decodeGre(datagram);
    const isKnown = ways.some(({ isPlain, endpoint }) => isPlain && sameEndpoint(endpoint, from));
    if (!isKnown || typeof gre === "number" || gre.key !== undefined) return undefined;
    this.received.push(new TextDecoder().decode(gre.payload));
    return Drop.none;
  }

  /** What the worker makes of a datagram; undefined: it is the machine's. */
  #open(datagram: Uint8Array, from: Endpoint): Drop | undefined {
    if (isPlain(datagram)) return this.#takePlain(datagram, from);
    if (!openedTypes.has(datagram[0]!) || datagram.length < 32) return undefined;
    const taken = this.sessions.get(readReceiver(datagram));
    if (taken === undefined) return undefined;
    const { keys, cells, window } = taken;
    const counter = readCounter(datagram);
    const key = suiteOf(keys).key(keys.receive);
    const plaintext = key.open(nonceOf(keys, counter), datagram.slice(0, 16), datagram.slice(16));
    if (plaintext === undefined) return Drop.badTag;
    if (!window.accept(counter)) return Drop.replayed;
    const newest = counter === window.newest;
    cells.received++;
    cells.newest = window.newest;
    const endpoint = this.ways.get(taken.peer)?.endpoint;
    const isElsewhere = (newest || isRelayEndpoint(from)) &&
      (endpoint === undefined || !sameEndpoint(endpoint, from));
    if (isElsewhere) cells.strayed++;
    const { localIndex } = keys;
    const forwarded = isForwarded(datagram);
    const opened = { localIndex, plaintext, relayed: false, forwarded, counter, newest, from };
    if (datagram[0] === MessageType.relay) return this.#openRelayed(taken, opened, isElsewhere);
    const gre = decodeGre(plaintext);
    if (typeof gre === "number" || gre.key !== undefined || !taken.isConfirmed || isElsewhere) {
      return this.#handOver(opened);
    }
    this.received.push(new TextDecoder().decode(gre.payload));
    return Drop.none;
  }

  /** Data inside, or another one, is opened here, for nobody else has its window; the machine hears of the rest. */
  #openRelayed({ peer, isConfirmed }: Taken, opened: OpenedMessage, isElsewhere: boolean): Drop {
    const relayed = decodeRelayed(opened.plaintext);
    const isOurs = relayed !== undefined && openedTypes.has(relayed.message[0]!) && opened.forwarded;
    const drop = isOurs ? this.#open(relayed.message, relayEndpoint(peer, relayed.tag)) : undefined;
    if (drop === undefined) return this.#handOver({ ...opened, relayed: true });
    if (isElsewhere || !isConfirmed) {
      this.#handOver({ ...opened, relayed: true, plaintext: new Uint8Array(0) });
    }
    return drop;
  }

  #handOver(opened: OpenedMessage): Drop {
    this.handedOver++;
    return this.#rig.call(this.#node, (machine, now) => machine.handleOpened(opened, now));
  }
}

const openedTypes: ReadonlySet<number> = new Set([MessageType.data, MessageType.relay]);

function suiteOf({ aead }: SessionKeys) {
  return aead === chacha.name ? chacha : aes;
}

function nonceOf({ aead }: SessionKeys, counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  writeU64(nonce, 4, counter);
  if (aead === chacha.name) nonce.subarray(4).reverse();
  return nonce;
}
