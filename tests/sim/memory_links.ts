/**
 * A port of links without a kernel: a host with namespaces by name, whose interfaces outlive the node that made them. A
 * test sees the frames that reach them, sends its own, and lets any step fail.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Plugin } from "../../core/contracts/plugin.ts";
import type { AttachedPort, Attachment, LinkPort, Place, Where } from "../../core/contracts/port.ts";
import { formatAddress, sameAddress } from "../../core/wire/address.ts";
import { ethernetHeaderLength } from "../../core/wire/ethernet.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { decodeIp } from "../../core/wire/ip.ts";
import { macLength, macOfAddress } from "../../core/wire/mac.ts";

interface Interface {
  readonly request: Attachment;
  /** Copies of the frames that came to it, whatever runs of the node delivered them. */
  readonly heard: Uint8Array[];
  isOpen: boolean;
}

/** What a kernel would keep. Hand it to the plugin of each start. */
export class MemoryHost {
  /** Names of namespaces that there are. */
  readonly namespaces = new Set<string>();
  /** What a namespace is known by, where it is not its name: the same once more is another number, or one used before. */
  readonly numbers = new Map<string, string>();
  readonly interfaces = new Map<string, Interface>();
  /** Copies of the frames that were written to the links, in order. */
  readonly frames: Uint8Array[] = [];
  /** `attach netns:web 10.32.0.5`, `change netns:web 10.32.0.5,10.32.0.6`, `open netns:web`, `adopt netns:web`, `detach netns:web`, `forget netns:web`. */
  readonly history: string[] = [];
  /** Called with each step before it is taken, and may throw or wait. */
  before: (step: string) => void | Promise<void> = () => {};
  #receive: (packet: OverlayPacket) => Drop = () => Drop.noRoute;

  constructor(...namespaces: readonly string[]) {
    for (const name of namespaces) this.namespaces.add(name);
  }

  plugin(): Plugin<"port"> {
    return { slot: "port", name: "memory_links", create: () => new MemoryLinks(this) };
  }

  /** A container ends: its namespace goes, and its interface with it. */
  end(netns: string): void {
    this.namespaces.delete(netns);
    this.interfaces.delete(`netns:${this.numbers.get(netns) ?? netns}`);
  }

  /** A frame from some interface of the host, whatever it says. */
  send(frame: Uint8Array): Drop {
    return this.#receive({ protocol: GreProtocol.ethernet, payload: frame, forwarded: false });
  }

  /** A frame from inside a namespace: its interface takes it when it is open, and only from its own addresses. */
  sendFrom(netns: string, frame: Uint8Array): Drop {
    const found = this.interfaceOf(netns);
    if (found?.isOpen !== true) return Drop.denied;
    const packet = decodeIp(frame.subarray(ethernetHeaderLength));
    if (typeof packet !== "object") return packet;
    const isOwn = found.request.leases.some(({ address }) => sameAddress(address, packet.source));
    return isOwn ? this.send(frame) : Drop.badSource;
  }

  interfaceOf(netns: string): Interface | undefined {
    return this.interfaces.get(`netns:${this.numbers.get(netns) ?? netns}`);
  }

  /** A frame from the mesh, to the interface that has its destination. */
  carry(frame: Uint8Array): void {
    this.frames.push(frame);
    const destination = encodeHex(frame.subarray(0, macLength));
    for (const { request, heard, isOpen } of this.interfaces.values()) {
      if (isOpen && encodeHex(macOf(request)) === destination) heard.push(frame);
    }
  }

  connect(receive: (packet: OverlayPacket) => Drop): void {
    this.#receive = receive;
  }

  async step(step: string): Promise<void> {
    await this.before(step);
    this.history.push(step);
  }
}

export class MemoryLinks implements LinkPort {
  readonly #host: MemoryHost;
  readonly #attached = new Map<string, AttachedPort>();
  #gone: (owner: string) => void = () => {};

  constructor(host: MemoryHost) {
    this.#host = host;
  }

  deliver({ protocol, payload }: OverlayPacket): Drop {
    if (protocol !== GreProtocol.ethernet) return Drop.unsupported;
    this.#host.carry(new Uint8Array(payload));
    return Drop.none;
  }

  receive(handler: (packet: OverlayPacket) => Drop): void {
    this.#host.connect(handler);
  }

  async locate(where: Where, signal: AbortSignal): Promise<Place> {
    await Promise.resolve();
    signal.throwIfAborted();
    const [kind = "", said = ""] = Object.entries(where)[0] ?? [];
    if (!["netns", "container"].includes(kind)) {
      throw new MeshError("INVALID_ARGUMENT", `Cannot find a ${kind}`);
    }
    const isMeant = (name: string) => kind === "netns" ? name === said : name.startsWith(said);
    const name = [...this.#host.namespaces].find(isMeant);
    if (name === undefined) throw new MeshError("NOT_FOUND", `There is no namespace "${said}"`);
    return { owner: `netns:${this.#host.numbers.get(name) ?? name}`, path: `/run/netns/${name}` };
  }

  watch(handler: (owner: string) => void): void {
    this.#gone = handler;
  }

  async look(): Promise<void> {
    await Promise.resolve();
    for (const owner of this.#attached.keys()) {
      if (this.#host.interfaces.has(owner)) continue;
      this.#attached.delete(owner);
      this.#gone(owner);
    }
  }

  async attach(request: Attachment, signal: AbortSignal): Promise<AttachedPort> {
    const { owner, leases, mtu } = request;
    const addresses = leases.map(({ address }) => formatAddress(address)).join();
    await this.#host.step(`${this.#verb(owner)} ${owner} ${addresses}`);
    signal.throwIfAborted();
    const { isOpen = false, heard = [] } = this.#host.interfaces.get(owner) ?? {};
    const device: Interface = { request, heard, isOpen };
    this.#host.interfaces.set(owner, device);
    const attached: AttachedPort = {
      owner,
      leases,
      mtu,
      mac: macOf(request),
      device: "mesh0",
      open: async () => {
        await this.#host.step(`open ${owner}`);
        device.isOpen = true;
      },
    };
    this.#attached.set(owner, attached);
    return attached;
  }

  #verb(owner: string): string {
    if (this.#attached.has(owner)) return "change";
    return this.#host.interfaces.has(owner) ? "adopt" : "attach";
  }

  async detach(owner: string): Promise<boolean> {
    if (!this.#host.interfaces.delete(owner)) return false;
    this.#attached.delete(owner);
    await this.#host.step(`detach ${owner}`);
    return true;
  }

  attached(): Iterable<AttachedPort> {
    return this.#attached.values();
  }

  remains(): Iterable<string> {
    return [...this.#host.interfaces.keys()].filter((owner) => !this.#attached.has(owner));
  }

  async forgetRemains(): Promise<void> {
    for (const owner of this.remains()) {
      await this.#host.step(`forget ${owner}`);
      this.#host.interfaces.delete(owner);
    }
  }

  async reset(): Promise<void> {
    for (const owner of [...this.#host.interfaces.keys()]) await this.detach(owner);
  }
}

function macOf({ leases, link }: Attachment): Uint8Array {
  return link?.mac ?? macOfAddress(leases[0]!.address);
}
