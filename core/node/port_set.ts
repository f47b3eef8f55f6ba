/**
 * The ports of a node as one. Endpoints inside the process send and get IP packets, those with an interface of their own
 * Ethernet frames; who holds what is in an index that is made anew when one comes or goes.
 */
import { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import { MeshError } from "../contracts/errors.ts";
import type { HostPort } from "../contracts/exposure.ts";
import type { AttachedPort, Attachment, LinkPort, OverlaySockets, Port } from "../contracts/port.ts";
import type { Address } from "../contracts/values.ts";
import { LinkTable } from "../forwarding/link_table.ts";
import { formatAddress, sameAddress } from "../wire/address.ts";

/** What a packet came from: `process` speaks IP, `link` speaks Ethernet. */
export type PortKind = "process" | "link";

export class PortSet {
  /** Where namespaces of this host are attached; undefined on a rootless node. */
  readonly link: LinkPort | undefined;
  /** Of the first port that has them. */
  readonly overlay: OverlaySockets | undefined;
  readonly #inside: Port;
  #table: LinkTable | undefined;
  #version = 0;
  #vanished: (owner: string) => void = () => {};
  #onChange: () => void = () => {};

  /** Throws `UNSUPPORTED` for ports that do not go together. */
  constructor(ports: readonly Port[]) {
    const links = ports.filter(isLinkPort);
    const [inside, ...others] = ports.filter((port) => !isLinkPort(port));
    if (inside === undefined) {
      throw unsupported(
        "it needs a port inside the process for the node's own addresses; add one, such as userspace",
      );
    }
    if (others.length > 0) throw unsupported("more than one port is inside the process; keep one of them");
    if (links.length > 1) {
      throw unsupported("more than one port makes interfaces in the same namespaces; keep one of them");
    }
    this.link = links[0];
    this.#inside = inside;
    this.overlay = ports.find(hasSockets);
    this.link?.watch((owner) => {
      this.#changed();
      this.#vanished(owner);
    });
  }

  /** One handler for endpoints that are gone without `detach`: who holds what is right already when it is called. */
  watch(handler: (owner: string) => void): void {
    this.#vanished = handler;
  }

  /** One handler, called when {@link PortSet.version} has grown. */
  onChange(handler: () => void): void {
    this.#onChange = handler;
  }

  /** Who holds an address or a MAC; made anew as a whole, for endpoints come by the dozen and packets by the million. */
  get table(): LinkTable {
    return this.#table ??= new LinkTable(this.attached());
  }

  /** Grows whenever an endpoint comes, goes or has other addresses. */
  get version(): number {
    return this.#version;
  }

  /** Called once, before the ports start. */
  receive(handler: (packet: OverlayPacket, from: PortKind) => Drop): void {
    this.#inside.receive((packet) => handler(packet, "process"));
    this.link?.receive((packet) => handler(packet, "link"));
  }

  /** An IP packet for an endpoint inside the process. */
  deliver(packet: OverlayPacket): Drop {
    return this.#inside.deliver(packet);
  }

  /** An Ethernet frame for the links. */
  deliverFrame(packet: OverlayPacket): Drop {
    return this.link === undefined ? Drop.noListener : this.link.deliver(packet);
  }

  /** Idempotent per owner; to the links if it has a place. Rejects as {@link Port.attach}, and `ADDRESS_TAKEN`. */
  async attach(request: Attachment, signal: AbortSignal): Promise<AttachedPort> {
    this.#refuseTaken(request);
    for (const lease of request.leases) this.requireOwn(request.owner, lease.owner);
    const port = request.place === undefined ? this.#inside : this.link;
    if (port === undefined) throw rootless();
    try {
      return await port.attach(request, signal);
    } finally {
      this.#changed();
    }
  }

  async detach(owner: string): Promise<boolean> {
    try {
      const was = await Promise.all(this.#ports().map((port) => port.detach(owner)));
      return was.includes(true);
    } finally {
      this.#changed();
    }
  }

  /** Those inside the process first. */
  *attached(): Iterable<AttachedPort> {
    for (const port of this.#ports()) yield* port.attached();
  }

  #changed(): void {
    this.#table = undefined;
    this.#version++;
    this.#onChange();
  }

  #ports(): readonly Port[] {
    return this.link === undefined ? [this.#inside] : [this.#inside, this.link];
  }

  /**
   * Throws `ADDRESS_TAKEN` when `owner` is attached with leases of another than `leaseOwner`: the host is exposed or
   * attached as an endpoint, and a container that has the host's network is the host, too.
   */
  requireOwn(owner: string, leaseOwner: string): void {
    const present = this.#leaseOwnerOf(owner) ?? leaseOwner;
    if (present === leaseOwner) return;
    const how = present === owner
      ? "an endpoint; detach it first"
      : "the host, which is exposed; hide it first";
    throw new MeshError("ADDRESS_TAKEN", `Cannot attach "${owner}": it has an interface already as ${how}`);
  }

  /** Whether what is attached as `owner` has leases of another, see {@link PortSet.requireOwn}. */
  isAnothers(owner: string, leaseOwner: string): boolean {
    return (this.#leaseOwnerOf(owner) ?? leaseOwner) !== leaseOwner;
  }

  #leaseOwnerOf(owner: string): string | undefined {
    return [...this.attached()].find((each) => each.owner === owner)?.leases[0]?.owner;
  }

  /** Each port knows of its own endpoints only. */
  #refuseTaken({ owner, leases }: Attachment): void {
    for (const { address } of leases) {
      const holder = this.#holderOf(address);
      if (holder === undefined || holder === owner) continue;
      const message = `Cannot attach "${owner}": "${holder}" holds ${
        formatAddress(address)
      }; detach it first`;
      throw new MeshError("ADDRESS_TAKEN", message);
    }
  }

  #holderOf(address: Address): string | undefined {
    if (this.table.linkOf(address) === undefined) return undefined;
    return [...this.attached()].find(({ leases }) =>
      leases.some((lease) => sameAddress(lease.address, address))
    )?.owner;
  }
}

export function rootless(): MeshError {
  return new MeshError("UNSUPPORTED", "This node runs rootless; start it with --host-mode");
}

function unsupported(why: string): MeshError {
  return new MeshError("UNSUPPORTED", `Cannot use these ports for one node: ${why}`);
}

export function isLinkPort(port: Port): port is LinkPort {
  return "locate" in port && "remains" in port;
}

export function isHostPort(port: LinkPort | undefined): port is HostPort {
  return port !== undefined && "host" in port;
}

function hasSockets(port: Port): port is Port & OverlaySockets {
  return "listenUdp" in port && "ping" in port;
}
