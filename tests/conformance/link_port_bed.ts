/** The host that a port of links is judged on, which its author gives, and a port at work there. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { AttachedPort, Attachment, LinkPort, Where } from "../../core/contracts/port.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { test } from "../harness.ts";

/** One host, with nothing on it; disposing removes all that the test made there. */
export interface LinkPortBed extends AsyncDisposable {
  /** Where there never was a namespace. */
  readonly missing: Where;
  /** A port on this host, not started; once more when the former is disposed, as a node that starts anew. */
  make(): LinkPort & Lifecycle;
  /** A further place that is there: all the ways to name it. The first stands for it in what follows. */
  place(): readonly [Where, ...Where[]];
  /** Ends a place as its owner would; resolves when nothing of it is left. */
  end(where: Where): Promise<void>;
  /** Called once it is attached: what can be done at its interface. */
  inside(where: Where): Promise<LinkEndpoint>;
  /** Of its interface, without link-local ones; none when there is no interface. */
  addresses(where: Where): readonly string[];
  /** True when something of an attachment can be seen on the host, also while it is under way. */
  isBegun(): boolean;
  /** Resolves when interfaces that were opened carry frames, and lets the runtime read what has come. */
  settle(): Promise<void>;
}

export interface LinkEndpoint {
  /** The frame leaves through the interface as it is. */
  send(frame: Uint8Array): void;
  /** What came to the interface since, growing; whatever else its host says there may be among it. */
  readonly heard: readonly Uint8Array[];
}

export interface LinkPortKit {
  /** Begins the tests' names. */
  readonly name: string;
  readonly bed: () => LinkPortBed;
  /** Why it cannot run on this machine. */
  readonly skip?: string | undefined;
}

export const signal: AbortSignal = new AbortController().signal;

/** Of waiting: in vain for some seconds where a round asks the kernel. */
const rounds = 400;

export interface Joined {
  readonly where: Where;
  readonly request: Attachment;
  readonly attached: AttachedPort;
  readonly inside: LinkEndpoint;
}

/** A started port on a bed of its own. */
export class Rig {
  readonly bed: LinkPortBed;
  /** Copies of what ports gave to the node. */
  readonly frames: Uint8Array[] = [];
  #port: (LinkPort & Lifecycle) | undefined;

  constructor(bed: LinkPortBed) {
    this.bed = bed;
  }

  get port(): LinkPort & Lifecycle {
    return this.#port!;
  }

  /** Another run of the node, on the same host. */
  readonly restart = async (): Promise<LinkPort & Lifecycle> => {
    await this.#port?.[Symbol.asyncDispose]?.();
    const port = this.#port = this.bed.make();
    port.receive(({ protocol, payload }) => {
      if (protocol === GreProtocol.ethernet) this.frames.push(new Uint8Array(payload));
      return Drop.none;
    });
    await port.start?.(signal);
    return port;
  };

  /** At a new place, shut. */
  readonly attach = async (...addresses: string[]): Promise<Joined> => {
    const [where] = this.bed.place();
    const request = await requestFor(this.port, where, ...addresses);
    const attached = await this.port.attach(request, signal);
    return { where, request, attached, inside: await this.bed.inside(where) };
  };

  /** From memory that is used again at once. */
  deliver(frame: Uint8Array): Drop {
    const payload = new Uint8Array(frame);
    const drop = this.port.deliver({ protocol: GreProtocol.ethernet, payload, forwarded: false });
    payload.fill(0xff);
    return drop;
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    for (let round = 0; round < rounds && !condition(); round++) await this.bed.settle();
    assert.ok(condition(), `${what} did not come`);
  }
}

/** Registers a test that runs `body` on a host of its own. */
export function onHost(
  { name, bed, skip }: LinkPortKit,
  claim: string,
  body: (rig: Rig) => Promise<void>,
): void {
  test(`${name}: ${claim}`, async () => {
    await using given = bed();
    const rig = new Rig(given);
    await rig.restart();
    try {
      await body(rig);
    } finally {
      await rig.port[Symbol.asyncDispose]?.();
    }
  }, { skip });
}

export async function requestFor(port: LinkPort, where: Where, ...addresses: string[]): Promise<Attachment> {
  const place = await port.locate(where, signal);
  return { owner: place.owner, leases: leasesOf(place.owner, ...addresses), mtu: 1400, place };
}

export function leasesOf(owner: string, ...addresses: string[]): Attachment["leases"] {
  return addresses.map((text) => ({ owner, address: parseAddress(text)!, bits: 16 }));
}
