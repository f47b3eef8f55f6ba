/**
 * The shells around the encapsulations that serve devices. What a device can cause ends here: a packet goes to the
 * forwarder, being heard or silent to the table; it knocks at no door, opens no channel and tells no records.
 */
import { Drop } from "../contracts/drop.ts";
import type {
  Encapsulation,
  EncapsulationOutput,
  FixedPeer,
  OverlayPacket,
} from "../contracts/encapsulation.ts";
import type { Address, PeerId } from "../contracts/values.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import { GreProtocol } from "../wire/gre.ts";
import { formatPrefix } from "../wire/prefix.ts";
import { Devices, type RefusedPrefix } from "./devices.ts";
import { EncapsulationDriver, type EncapsulationFact } from "./encapsulation_driver.ts";
import type { NodeContext } from "./node_context.ts";
import type { BesidePart } from "./node_parts.ts";

type Fact<T extends EncapsulationOutput["type"]> = Extract<EncapsulationOutput, { type: T }>;
type Driver = EncapsulationDriver<Encapsulation>;

/** What devices are let into. */
export interface DeviceWays {
  forward(from: PeerId, packet: OverlayPacket): void;
  /** True for an address that one of our ports holds, and for a free one of our ranges. */
  isOurs(address: Address): boolean;
}

export class DeviceLinks {
  readonly devices: Devices;
  readonly #context: NodeContext;
  readonly #ways: DeviceWays;
  readonly #drivers: readonly Driver[];
  readonly #served: readonly { readonly device: FixedPeer; readonly driver: Driver }[];
  readonly #byPeer: ReadonlyMap<PeerId, Driver>;

  /** Throws `CONFIG_INVALID` for devices that cannot be told apart. */
  constructor(context: NodeContext, parts: readonly BesidePart[], ways: DeviceWays) {
    this.#context = context;
    this.#ways = ways;
    this.devices = new Devices(parts.flatMap(({ encapsulation }) => encapsulation.fixedPeers));
    for (const { encapsulation } of parts) encapsulation.answerFor?.((address) => ways.isOurs(address));
    this.#drivers = parts.map((part) => this.#drive(part));
    this.#served = parts.flatMap(({ encapsulation }, i) =>
      encapsulation.fixedPeers.map((device) => ({ device, driver: this.#drivers[i]! }))
    );
    this.#byPeer = new Map(this.#served.map(({ device, driver }) => [device.id, driver]));
  }

  /** The node belongs to its network: it is known which prefixes may be routed. */
  start(): void {
    for (const { device, driver } of this.#served) {
      this.#context.connections.device(device);
      driver.call((machine, now) => machine.connect({ endpoint: device.endpoint }, now));
    }
    const ranges = this.#context.state.network()?.ranges ?? [];
    for (const refused of this.devices.refused(ranges)) this.#raise(refused);
  }

  stop(): void {
    for (const { device, driver } of this.#served) {
      driver.call((machine, now) => machine.disconnect(device.id, now));
    }
    for (const driver of this.#drivers) driver.close();
  }

  /** Undefined for a peer that is no device. */
  seal(peer: PeerId, packet: OverlayPacket): Drop | undefined {
    return this.#byPeer.get(peer)?.seal(peer, packet);
  }

  #drive({ encapsulation, datagrams }: BesidePart): Driver {
    const { platform, drops } = this.#context;
    return new EncapsulationDriver<Encapsulation>({
      machine: encapsulation,
      datagrams,
      clock: platform.clock,
      drops,
      log: platform.log.child("devices"),
      onFact: (fact) => this.#handle(fact),
    });
  }

  #handle(fact: EncapsulationFact): void {
    if (fact.type === "packet") this.#receive(fact);
    if (fact.type === "device-up") this.#up(fact);
    if (fact.type === "session-down") this.#down(fact);
  }

  /** Control messages are for members: a device has shown no identity that what it says could be held against. */
  #receive({ from, packet }: Fact<"packet">): void {
    const isTraffic = packet.protocol !== GreProtocol.control && this.devices.has(from);
    if (isTraffic) this.#ways.forward(from, packet);
    else this.#context.drops.count(Drop.unsupported);
  }

  #up(fact: Fact<"device-up">): void {
    const { peer, endpoint } = fact.session;
    this.#context.connections.deviceUp(fact);
    const fields = { peer, name: fact.name, endpoint: formatEndpoint(endpoint) };
    this.#context.platform.log.log("info", "Device is heard", fields);
  }

  #down(fact: Fact<"session-down">): void {
    const { peer, reason } = fact;
    this.#context.connections.deviceDown(fact);
    this.#context.platform.log.log("info", "Device is silent", { peer, reason });
  }

  #raise({ device, prefix, range }: RefusedPrefix): void {
    const text = formatPrefix(prefix);
    this.#context.alerts.raise(
      `device-prefix:${text}`,
      `${text} of the device "${device.name}" is not routed: it overlaps the network's own range ` +
        `${
          formatPrefix(range)
        }; give the device other addresses, or take the prefix out of the configuration`,
    );
  }
}
