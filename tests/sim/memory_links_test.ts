import { setImmediate } from "node:timers/promises";
import type { LinkPort, Where } from "../../core/contracts/port.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { testLinkPort } from "../conformance/link_port.ts";
import type { LinkEndpoint, LinkPortBed } from "../conformance/link_port_bed.ts";
import { MemoryHost, MemoryLinks } from "./memory_links.ts";

class MemoryBed implements LinkPortBed {
  readonly missing = { netns: "none" };
  readonly #host = new MemoryHost();
  #places = 0;
  #isBegun = false;

  constructor() {
    this.#host.before = (step) => {
      this.#isBegun ||= step.startsWith("attach");
      return this.settle();
    };
  }

  make(): LinkPort {
    return new MemoryLinks(this.#host);
  }

  place(): [Where] {
    const netns = `place${++this.#places}`;
    this.#host.namespaces.add(netns);
    return [{ netns }];
  }

  end(where: Where): Promise<void> {
    return Promise.resolve(this.#host.end(where["netns"]!));
  }

  inside(where: Where): Promise<LinkEndpoint> {
    const netns = where["netns"]!;
    const { heard } = this.#host.interfaceOf(netns)!;
    return Promise.resolve({ heard, send: (frame) => void this.#host.sendFrom(netns, frame) });
  }

  addresses(where: Where): string[] {
    const { request } = this.#host.interfaceOf(where["netns"]!) ?? {};
    return (request?.leases ?? []).map(({ address }) => formatAddress(address));
  }

  isBegun(): boolean {
    return this.#isBegun;
  }

  /** A turn of the event loop, so that a test that waits in vain ends. */
  async settle(): Promise<void> {
    await setImmediate();
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

testLinkPort({ name: "memory_links", bed: () => new MemoryBed() });
