/** The kit of ports of links, with interfaces and namespaces of the kernel. */
import type { Where } from "../../core/contracts/port.ts";
import type { TapDevice } from "../../core/runtime/tap_device.ts";
import { testLinkPort } from "../conformance/link_port.ts";
import type { LinkEndpoint, LinkPortBed } from "../conformance/link_port_bed.ts";
import { Bed, type Container, exists, interfacesIn, run, skip, until } from "./bed.ts";
import { injector } from "./injector.ts";

interface ShownLink {
  readonly ifname?: string;
  readonly address?: string;
  readonly flags?: readonly string[];
  readonly addr_info?: readonly { readonly local: string; readonly scope: string }[];
  readonly linkinfo?: { readonly info_slave_data?: { readonly state?: string } };
}

class KernelBed implements LinkPortBed {
  readonly missing = { netns: "svt-none" };
  readonly #bed = new Bed();
  readonly #containers = new Map<string, Container>();
  readonly #devices = new Map<string, TapDevice>();

  make() {
    return this.#bed.port().port;
  }

  place(): [Where, Where] {
    const container = this.#bed.container();
    this.#containers.set(container.name, container);
    return [{ netns: container.name }, { netns: container.path }];
  }

  /** The kernel takes a namespace down some time after its last name. */
  async end(where: Where): Promise<void> {
    const name = where["netns"]!;
    const before = this.#ports().length;
    const isAttached = shown(name).some(({ ifname }) => ifname === "mesh0");
    // An open device keeps its namespace.
    await this.#devices.get(name)?.[Symbol.asyncDispose]();
    this.#devices.delete(name);
    this.#containers.delete(name);
    run("ip", "netns", "del", name);
    await until(() => !isAttached || this.#ports().length < before);
  }

  async inside(where: Where): Promise<LinkEndpoint> {
    const container = this.#containers.get(where["netns"]!)!;
    const device = await injector(container);
    this.#devices.set(container.name, device);
    forgetOwnMac(container);
    const heard: Uint8Array[] = [];
    device.receive((frame) => void heard.push(new Uint8Array(frame)), (error) => {
      throw error;
    });
    return { heard, send: (frame) => void device.write(frame) };
  }

  addresses(where: Where): string[] {
    const link = shown(where["netns"]!).find(({ ifname }) => ifname === "mesh0");
    return (link?.addr_info ?? []).filter(({ scope }) => scope === "global").map(({ local }) => local);
  }

  isBegun(): boolean {
    return this.#ports().length > 0;
  }

  /** A bridge forwards over a link some time after the link has its carrier. */
  async settle(): Promise<void> {
    const names = [this.#bed.namespace, ...this.#devices.keys()].filter(exists);
    await until(() => names.flatMap(shown).every(isForwarding));
    // What it forwards then is read by the devices of the test in a later turn, and who waits for nothing hears no event.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const device of this.#devices.values()) await device[Symbol.asyncDispose]();
    await this.#bed.end();
  }

  #ports(): string[] {
    return exists(this.#bed.namespace)
      ? interfacesIn(this.#bed.namespace).filter((name) => /^port[0-9]+$/.test(name))
      : [];
  }
}

/** So that the bridge in the container does not keep for its own host what is for the interface, but floods it. */
function forgetOwnMac({ name }: Container): void {
  const { address } = shown(name).find(({ ifname }) => ifname === "mesh0")!;
  run("bridge", "-n", name, "fdb", "del", address!, "dev", "mesh0", "master");
}

function shown(name: string): ShownLink[] {
  return JSON.parse(run("ip", "-n", name, "-j", "-d", "addr")) as ShownLink[];
}

function isForwarding({ flags = [], linkinfo }: ShownLink): boolean {
  const state = linkinfo?.info_slave_data?.state;
  return state === undefined || !flags.includes("LOWER_UP") || state === "forwarding";
}

testLinkPort({ name: "tap", bed: () => new KernelBed(), skip });
