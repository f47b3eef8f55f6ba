import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { EncapsulationOutput, OverlayPacket } from "../../core/contracts/encapsulation.ts";
import type { Plugin, SlotName } from "../../core/contracts/plugin.ts";
import type { Datagrams } from "../../core/contracts/transport.ts";
import type { Endpoint, PeerId } from "../../core/contracts/values.ts";
import type { Composition } from "../../core/node/composition.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { parseEndpoint } from "../../core/wire/endpoint.ts";
import { encodeBroadcast } from "../../core/wire/broadcast_header.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { decodeIp } from "../../core/wire/ip.ts";
import { decodeUdp, encodeUdp } from "../../core/wire/udp.ts";
import { test } from "../../tests/harness.ts";
import type { UntimedPacket } from "./capture_file.ts";
import { capturedPlugins } from "./captured_plugins.ts";

const ann = "ann" as PeerId;
const here = { source: parseAddress("10.32.0.1")!, destination: parseAddress("10.32.0.2")! };
const ip = encodeUdp(here, { sourcePort: 1, destinationPort: 2, payload: Uint8Array.of(7) });

function packet(protocol: number, payload: Uint8Array): OverlayPacket {
  return { protocol, payload, forwarded: false };
}

/** With private state, as real ones have: a decorator that passed itself as `this` would fail. */
class Machine {
  readonly overhead = { 4: 64, 6: 84 };
  readonly #outputs: EncapsulationOutput[];
  verdict: Drop = Drop.none;

  constructor(outputs: readonly OverlayPacket[]) {
    this.#outputs = outputs.map((each) => ({ type: "packet", from: ann, packet: each }));
  }

  seal(): Drop {
    return this.verdict;
  }

  poll(): EncapsulationOutput | undefined {
    return this.#outputs.shift();
  }

  join(): number {
    return this.#outputs.length;
  }
}

class Socket implements Datagrams {
  readonly sent: string[] = [];
  #handler: (datagram: Uint8Array, from: Endpoint) => void = () => {};
  isOpen = true;

  localEndpoints(): readonly Endpoint[] {
    return ["[2001:db8::1]:6783", "192.0.2.1:6783"].map((text) => parseEndpoint(text)!);
  }

  send(datagram: Uint8Array, to: Endpoint): boolean {
    if (this.isOpen) this.sent.push(`${datagram.length} to ${to.host}`);
    return this.isOpen;
  }

  receive(handler: (datagram: Uint8Array, from: Endpoint) => void): void {
    this.#handler = handler;
  }

  hear(datagram: Uint8Array, from: string): void {
    this.#handler(datagram, parseEndpoint(from)!);
  }
}

function plugin<K extends SlotName>(slot: K, part: object): Plugin<K> {
  return { slot, name: "double", create: () => part } as unknown as Plugin<K>;
}

function made<T>(made: { create(host: never): unknown }): T {
  return made.create({} as never) as T;
}

function captured(machine: object, datagrams: Datagrams | undefined, layer: "inner" | "outer") {
  const written: UntimedPacket[] = [];
  const transport = plugin("transport", datagrams === undefined ? {} : { datagrams });
  const plugins = { transport, encapsulation: plugin("encapsulation", machine) } as unknown as Composition;
  const result = capturedPlugins(plugins, layer, (each) => void written.push(each));
  return { result, written };
}

test("inner packets are written both ways, frames on a link of their own, and what nodes tell each other not at all", () => {
  const frame = new Uint8Array(60);
  const machine = new Machine([packet(GreProtocol.ipv4, ip), packet(GreProtocol.control, Uint8Array.of(9))]);
  const { result, written } = captured(machine, undefined, "inner");
  const part = made<Machine & { seal(...given: unknown[]): Drop }>(result.encapsulation);
  assert.equal(part.seal(ann, packet(GreProtocol.ethernet, frame), 0), Drop.none);
  const header = { origin: new Uint8Array(8), number: 1, hops: 2, flags: 0 };
  part.seal(ann, packet(GreProtocol.broadcast, encodeBroadcast(header, frame)), 0);
  part.seal(ann, packet(GreProtocol.control, Uint8Array.of(1)), 0);
  machine.verdict = Drop.noSession;
  assert.equal(part.seal(ann, packet(GreProtocol.ipv4, ip), 0), Drop.noSession);
  assert.deepEqual([part.poll()?.type, part.poll()?.type, part.poll()], ["packet", "packet", undefined]);
  assert.deepEqual(written, [
    { link: 1, direction: "out", bytes: frame, comment: "peer ann" },
    { link: 1, direction: "out", bytes: frame, comment: "peer ann" },
    { link: 0, direction: "in", bytes: ip, comment: "peer ann" },
  ]);
});

test("what an encapsulation or a transport can do besides, it still can; what it cannot, it still cannot", () => {
  const { result } = captured(new Machine([packet(GreProtocol.ipv4, ip)]), undefined, "inner");
  const part = made<Machine>(result.encapsulation);
  assert.equal("join" in part && part.join(), 1);
  assert.ok(!("exportSessions" in part));
  assert.deepEqual(part.overhead, { 4: 64, 6: 84 });
  const bare = captured({}, undefined, "outer").result.transport as unknown as readonly Plugin<"transport">[];
  assert.equal(made<{ datagrams?: unknown }>(bare[0]!).datagrams, undefined);
});

test("outer datagrams are written in IP and UDP, from and to the node's address of the same family, if they were sent", () => {
  const socket = new Socket();
  const { result, written } = captured({}, socket, "outer");
  const transport = result.transport as unknown as readonly Plugin<"transport">[];
  const { datagrams } = made<{ datagrams: Datagrams }>(transport[0]!);
  const heard: string[] = [];
  datagrams.receive((datagram, from) => void heard.push(`${datagram.length} from ${from.host}`));
  datagrams.send(Uint8Array.of(1, 2), parseEndpoint("192.0.2.9:7000")!);
  socket.isOpen = false;
  assert.equal(datagrams.send(Uint8Array.of(1), parseEndpoint("192.0.2.9:7000")!), false);
  socket.hear(Uint8Array.of(3), "[2001:db8::9]:7001");
  socket.hear(Uint8Array.of(4), "[::ffff:192.0.2.9]:7002");
  assert.deepEqual([socket.sent, heard.length], [["2 to 192.0.2.9"], 2]);
  assert.deepEqual(written.map(shown), [
    "out 192.0.2.1:6783 > 192.0.2.9:7000: 1,2 (192.0.2.9:7000)",
    "in 2001:db8::9:7001 > 2001:db8::1:6783: 3 ([2001:db8::9]:7001)",
    "in 192.0.2.9:7002 > 192.0.2.1:6783: 4 (192.0.2.9:7002)",
  ]);
});

function shown({ direction, bytes, comment }: UntimedPacket): string {
  const parsed = decodeIp(bytes);
  assert.ok(typeof parsed !== "number");
  const udp = decodeUdp(parsed);
  assert.ok(typeof udp !== "number");
  const [from, to] = [parsed.source, parsed.destination].map(formatAddress);
  const { sourcePort, destinationPort, payload } = udp;
  return `${direction} ${from}:${sourcePort} > ${to}:${destinationPort}: ${
    [...payload].join(",")
  } (${comment})`;
}
