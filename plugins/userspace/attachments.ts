import { MeshError } from "../../core/contracts/errors.ts";
import type { AttachedPort, Attachment } from "../../core/contracts/port.ts";
import type { Address } from "../../core/contracts/values.ts";
import { formatAddress, sameAddress } from "../../core/wire/address.ts";

/** What IPv6 asks of every link (RFC 8200 §5), and what an IP packet can be. */
const smallestMtu = 1280;
const largestMtu = 65_535;

/** One attached endpoint: some addresses, shut until `open`. */
export class LocalEndpoint implements AttachedPort {
  readonly owner: string;
  readonly leases: Attachment["leases"];
  readonly mtu: number;
  #isOpen = false;

  constructor({ owner, leases, mtu }: Attachment) {
    this.owner = owner;
    this.leases = [...leases];
    this.mtu = mtu;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; there is nothing to wait for
  async open(): Promise<void> {
    this.#isOpen = true;
  }

  holds(address: Address): boolean {
    return this.leases.some((lease) => sameAddress(lease.address, address));
  }
}

/** Who is attached, by owner and by address. */
export class Attachments implements Iterable<LocalEndpoint> {
  readonly #byOwner = new Map<string, LocalEndpoint>();
  readonly #byAddress = new Map<string, LocalEndpoint>();

  /** The endpoint that is there already, if the request is the same. Throws `ADDRESS_TAKEN`, `INVALID_ARGUMENT`. */
  attach(request: Attachment): LocalEndpoint {
    const present = this.#byOwner.get(request.owner);
    if (present !== undefined && isSame(present, request)) return present;
    this.#check(request, present);
    const endpoint = new LocalEndpoint(request);
    this.#byOwner.set(endpoint.owner, endpoint);
    for (const { address } of endpoint.leases) this.#byAddress.set(formatAddress(address), endpoint);
    return endpoint;
  }

  detach(owner: string): LocalEndpoint | undefined {
    const endpoint = this.#byOwner.get(owner);
    this.#byOwner.delete(owner);
    for (const { address } of endpoint?.leases ?? []) this.#byAddress.delete(formatAddress(address));
    return endpoint;
  }

  at(address: Address): LocalEndpoint | undefined {
    return this.#byAddress.get(formatAddress(address));
  }

  [Symbol.iterator](): Iterator<LocalEndpoint> {
    return this.#byOwner.values();
  }

  #check({ owner, leases, mtu }: Attachment, present: LocalEndpoint | undefined): void {
    if (present !== undefined) {
      throw refused(owner, "it is attached with other addresses or another MTU; detach it first");
    }
    if (leases.length === 0) throw refused(owner, "it has no address");
    if (!Number.isInteger(mtu) || mtu < smallestMtu || mtu > largestMtu) {
      throw refused(owner, `its MTU is ${mtu}; give ${smallestMtu} to ${largestMtu}`);
    }
    for (const { address } of leases) {
      const holder = this.at(address)?.owner;
      if (holder === undefined) continue;
      const message = `Cannot attach "${owner}": "${holder}" holds ${
        formatAddress(address)
      }; detach it first`;
      throw new MeshError("ADDRESS_TAKEN", message);
    }
  }
}

function isSame(endpoint: LocalEndpoint, { leases, mtu }: Attachment): boolean {
  return endpoint.mtu === mtu && endpoint.leases.length === leases.length &&
    leases.every(({ address }) => endpoint.holds(address));
}

function refused(owner: string, why: string): MeshError {
  return new MeshError("INVALID_ARGUMENT", `Cannot attach "${owner}": ${why}`);
}
