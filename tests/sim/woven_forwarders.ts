/** For tests: forwarders with links between some of them, and the trees that a test draws. */
import { SimClock } from "./clock.ts";
import { MemoryHost } from "./memory_links.ts";
import { memoryPort, PacketTap } from "../../plugins/memory_port/mod.ts";
import { Drop } from "../../core/contracts/drop.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";
import type { Port } from "../../core/contracts/port.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { directTree } from "../../core/forwarding/broadcast_tree.ts";
import { fakeSelf } from "../../core/identity/fake_members.ts";
import { type LinkTag, tagOf, tagToBytes } from "../../core/topology/link_tag.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { type BroadcastHeader, decodeBroadcast, encodeBroadcast } from "../../core/wire/broadcast_header.ts";
import { encodeEthernet } from "../../core/wire/ethernet.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { macOfAddress, macOfGroup } from "../../core/wire/mac.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { encodeUdp } from "../../core/wire/udp.ts";
import { Broadcasts } from "../../core/node/broadcasts.ts";
import { DropCounts } from "../../core/node/drop_counts.ts";
import { Forwarder } from "../../core/node/forwarder.ts";
import { PortSet } from "../../core/node/port_set.ts";
import { silentLogger } from "../../core/node/silent_logger.ts";

/** One letter. */
export type NodeName = string;
/** By node, the letters of others: those that it has sessions with, or its children. */
export type Drawing = Readonly<Record<NodeName, string>>;

/** Each letter linked to the next. */
export function chain(letters: string): Drawing {
  const around = (i: number) => (letters[i - 1] ?? "") + (letters[i + 1] ?? "");
  return Object.fromEntries([...letters].map((name, i) => [name, around(i)]));
}

export interface WovenOptions {
  /** Letters of nodes with no port for links. */
  readonly rootless?: string;
  /** Of those that take no headers. */
  readonly older?: string;
}

interface Node {
  readonly forwarder: Forwarder;
  readonly drops: DropCounts;
  readonly host: MemoryHost;
  denies: boolean;
}

const group = parseAddress("239.1.2.3")!;

export class Woven {
  readonly clock = new SimClock();
  readonly links: Drawing;
  /** Frames that reached links, in order, with the text in each. */
  readonly delivered: { readonly at: NodeName; readonly text: string }[] = [];
  /** `a>b` for each packet that was sealed, with ` bare` for a frame without a header. */
  readonly sent: string[] = [];
  /** Hops in the headers that were sent. */
  readonly hops: number[] = [];
  /** How often each packet arrives. */
  copies = 1;
  /** Every frame is a new one to every node. */
  forgets = false;
  /** The children of each node in the tree of an origin; undefined: direct trees. By default all links but the way back. */
  trees: ((origin: NodeName) => Drawing) | undefined = () => this.links;
  readonly #options: WovenOptions;
  readonly #nodes = new Map<NodeName, Node>();
  readonly #ids = new Map<NodeName, PeerId>();
  readonly #queue: (() => void)[] = [];
  #fresh = 0;

  constructor(links: Drawing, options: WovenOptions = {}) {
    this.links = links;
    this.#options = options;
  }

  static async of(links: Drawing, options: WovenOptions = {}): Promise<Woven> {
    const woven = new Woven(links, options);
    for (const name of woven.names) await woven.restart(name);
    return woven;
  }

  /** Of the endpoint of this node. */
  static addressOf(name: NodeName): string {
    return `10.${name.charCodeAt(0)}.0.1`;
  }

  get names(): readonly NodeName[] {
    return Object.keys(this.links);
  }

  id(name: NodeName): PeerId {
    const id = this.#ids.get(name) ?? fakeSelf(name).id;
    this.#ids.set(name, id);
    return id;
  }

  node(name: NodeName): Node {
    return this.#nodes.get(name)!;
  }

  /** The endpoint of a node sends texts to all, and then what follows from it happens. */
  say(name: NodeName, ...texts: readonly string[]): void {
    for (const text of texts) this.node(name).host.send(frameOf(name, text));
    this.#settle();
  }

  /** `by` brings a payload of type 0x88b6, and what follows from it happens. */
  bring(to: NodeName, by: NodeName, payload: Uint8Array): Drop {
    const packet = { protocol: GreProtocol.broadcast, payload, forwarded: false };
    const drop = this.node(to).forwarder.fromMesh(this.id(by), packet);
    this.#settle();
    return drop;
  }

  /** As `origin` would send it, or as somebody who says so. */
  broadcast(
    origin: NodeName,
    text: string,
    { source = origin, ...fields }: Partial<BroadcastHeader> & { readonly source?: NodeName } = {},
  ): Uint8Array {
    const header = { origin: tagToBytes(tagOf(this.id(origin))), number: 1, hops: 9, flags: 0, ...fields };
    return encodeBroadcast(header, frameOf(source, text));
  }

  async restart(name: NodeName): Promise<void> {
    const host = new MemoryHost("web");
    host.carry = (frame) => void this.delivered.push({ at: name, text: textOf(frame) });
    const inside: Port = memoryPort({ tap: new PacketTap() }).create(undefined as never);
    const links: Port = host.plugin().create(undefined as never);
    const port = new PortSet(this.#options.rootless?.includes(name) ? [inside] : [inside, links]);
    const drops = new DropCounts();
    const routes = this.names.map((each) => ({
      prefix: parsePrefix(`${Woven.addressOf(each)}/32`)!,
      owner: this.id(each),
    }));
    const forwarder = new Forwarder({
      self: this.id(name),
      port,
      routes: { routes: () => routes, version: () => 1 },
      clock: this.clock,
      policy: {
        evaluate: ({ direction }) => ({
          allow: direction === "egress" || !this.node(name).denies,
          because: "test",
        }),
        gate: () => Promise.resolve(),
        forget: () => {},
        epoch: () => 0,
      },
      drops,
      log: silentLogger,
      broadcasts: this.#broadcasts(name, drops),
      pathMtu: () => undefined,
      seal: (peer, packet) => this.#carry(name, this.#nameOf(peer), packet),
    });
    this.#nodes.set(name, { forwarder, drops, host, denies: false });
    if (!this.#options.rootless?.includes(name)) await attach(port, Woven.addressOf(name));
  }

  #broadcasts(name: NodeName, drops: DropCounts): Broadcasts {
    const older = this.#options.older ?? "";
    const peers = () => [...this.links[name]!].map((each) => this.id(each));
    const takesHeaders = (peer: PeerId) => {
      const other = this.#nameOf(peer);
      return !older.includes(name) && !older.includes(other) && this.links[name]!.includes(other);
    };
    const broadcasts = new Broadcasts({
      self: this.id(name),
      clock: this.clock,
      drops,
      peers,
      takesHeaders,
      memberOf: (tag) => this.#memberOf(tag),
    });
    const direct = directTree(this.id(name), peers);
    broadcasts.follow({
      children: (origin, from) => {
        if (this.trees === undefined) return direct.children(origin, from);
        return [...this.trees(this.#nameOf(origin))[name] ?? ""].map((each) => this.id(each));
      },
      mayBring: (origin, from) => this.trees !== undefined || direct.mayBring(origin, from),
    });
    return broadcasts;
  }

  #memberOf(tag: LinkTag): PeerId | undefined {
    return this.names.map((name) => this.id(name)).find((id) => tagOf(id) === tag);
  }

  #nameOf(peer: PeerId): NodeName {
    return this.names.find((name) => this.id(name) === peer)!;
  }

  #carry(from: NodeName, to: NodeName, packet: OverlayPacket): Drop {
    const read = packet.protocol === GreProtocol.broadcast ? decodeBroadcast(packet.payload) : undefined;
    this.sent.push(`${from}>${to}${read === undefined ? " bare" : ""}`);
    let { payload } = packet;
    if (typeof read === "object") {
      this.hops.push(read.hops);
      if (this.forgets) payload = encodeBroadcast({ ...read, number: ++this.#fresh }, read.frame);
    }
    const copy = { ...packet, payload: new Uint8Array(payload) };
    for (let i = 0; i < this.copies; i++) {
      this.#queue.push(() => void this.node(to).forwarder.fromMesh(this.id(from), copy));
    }
    return Drop.none;
  }

  #settle(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next();
  }
}

async function attach(port: PortSet, text: string): Promise<void> {
  const leases = [{ owner: "netns:web", address: parseAddress(text)!, bits: 8 }];
  const place = { owner: "netns:web", path: "" };
  const { signal } = new AbortController();
  await (await port.attach({ owner: "netns:web", leases, mtu: 1400, place }, signal)).open();
}

/** A datagram to a group, with the text in it. */
function frameOf(name: NodeName, text: string): Uint8Array {
  const source = parseAddress(Woven.addressOf(name))!;
  const payload = new TextEncoder().encode(text);
  const packet = encodeUdp({ source, destination: group }, {
    sourcePort: 1000,
    destinationPort: 5353,
    payload,
  });
  return encodeEthernet(macOfGroup(group), macOfAddress(source), GreProtocol.ipv4, packet);
}

function textOf(frame: Uint8Array): string {
  return new TextDecoder().decode(frame.subarray(14 + 20 + 8));
}
