/** Userspace ports on a simulated clock: IP hosts without a mesh between them. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";
import type { Address } from "../../core/contracts/values.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { decodeIp, type IpPacket } from "../../core/wire/ip.ts";
import { SimClock } from "./clock.ts";
import { SimRandom } from "./random.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import { UserspacePort } from "../../plugins/userspace/userspace_port.ts";

export const signal: AbortSignal = new AbortController().signal;

export function ip(text: string): Address {
  return parseAddress(text)!;
}

export function overlay(payload: Uint8Array): OverlayPacket {
  const protocol = payload[0]! >>> 4 === 4 ? GreProtocol.ipv4 : GreProtocol.ipv6;
  return { protocol, payload, forwarded: false };
}

/** One port with what it counted and logged. */
export class Host {
  readonly clock: SimClock;
  readonly port: UserspacePort;
  readonly drops: Drop[] = [];
  readonly logged: string[] = [];
  /** Copies of what left the port, if {@link record} was called. */
  readonly sent: IpPacket[] = [];

  constructor(clock: SimClock = new SimClock(), seed = 1) {
    this.clock = clock;
    const log = {
      child: () => log,
      log: (_level: string, message: string) => void this.logged.push(message),
    };
    const count = (drop: Drop) => {
      if (drop !== Drop.none) this.drops.push(drop);
    };
    const port = userspace({}).create({ clock, log, random: new SimRandom(seed), drops: { count } });
    assert.ok(port instanceof UserspacePort);
    this.port = port;
  }

  /** Attached and open. */
  async attach(owner: string, addresses: readonly string[], mtu = 1400): Promise<this> {
    const leases = addresses.map((text) => ({ owner, address: ip(text), bits: 12 }));
    await (await this.port.attach({ owner, leases, mtu }, signal)).open();
    return this;
  }

  /** The node says `drop` to everything that leaves. */
  record(drop: Drop = Drop.none): this {
    this.port.receive(({ protocol, payload }) => {
      const packet = decodeIp(new Uint8Array(payload));
      assert.ok(typeof packet === "object", "the port sent a malformed packet");
      assert.equal(protocol, packet.family === 4 ? GreProtocol.ipv4 : GreProtocol.ipv6);
      this.sent.push(packet);
      return drop;
    });
    return this;
  }

  deliver(packet: Uint8Array): Drop {
    return this.port.deliver(overlay(packet));
  }
}

/** Two hosts on one clock with a wire of `delay` milliseconds between them. */
export async function pair(delay = 5): Promise<{ clock: SimClock; left: Host; right: Host }> {
  const clock = new SimClock();
  const left = await new Host(clock, 1).attach("left", ["10.32.0.1", "fd00::1"]);
  const right = await new Host(clock, 2).attach("right", ["10.32.0.2", "fd00::2"]);
  connect(left, right, delay);
  connect(right, left, delay);
  return { clock, left, right };
}

function connect(from: Host, to: Host, delay: number): void {
  from.port.receive((packet) => {
    const copy = { ...packet, payload: new Uint8Array(packet.payload) };
    from.clock.timer(from.clock.now() + delay, () => to.port.deliver(copy));
    return Drop.none;
  });
}
