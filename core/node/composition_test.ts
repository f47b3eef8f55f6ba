import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { allowAll } from "../../plugins/allow_all/mod.ts";
import { greUdp } from "../../plugins/gre_udp/mod.ts";
import { memoryStore } from "../../plugins/memory_store/mod.ts";
import { noise } from "../../plugins/noise/mod.ts";
import { ring } from "../../plugins/ring/mod.ts";
import { udp } from "../../plugins/udp/mod.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import type { Logger } from "../contracts/host.ts";
import type { Plugin, SlotName } from "../contracts/plugin.ts";
import type { Streams, Transport } from "../contracts/transport.ts";
import { nobleAeads } from "../runtime/aead.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { type Composition, pluginNames } from "./composition.ts";
import { createNode } from "./create_node.ts";
import { createParts } from "./node_parts.ts";
import { overlayMtu } from "./overlay_mtu.ts";
import { PartStack } from "./part_stack.ts";

const any = "127.0.0.1:0";
const router = { name: "router", endpoint: "127.0.0.1:4754", prefixes: ["192.168.7.0/24"] };

/** Has every method there may be, in its members too, and none does anything. */
function hollow(target: object): never {
  const get = (_: object, name: string | symbol) => typeof name === "symbol" ? undefined : hollow(() => {});
  return new Proxy(target, { get }) as never;
}

const idle = () => {};
const streamMethods = { localEndpoints: idle, dial: idle, accept: idle, disconnect: idle };

/** A transport of streams alone; `history` has its starts and ends. */
function streaming(name: string, history: string[] = []): Plugin<"transport"> {
  return {
    slot: "transport",
    name,
    create: () => ({
      streams: { label: name, ...streamMethods } as unknown as Streams,
      start: () => Promise.resolve(void history.push(`start ${name}`)),
      [Symbol.asyncDispose]: () => Promise.resolve(void history.push(`end ${name}`)),
    }),
  };
}

function composed(part: Partial<Composition>): Composition {
  return {
    store: memoryStore({}),
    transport: udp({ listen: any }),
    encapsulation: noise({}),
    discovery: [],
    ipam: ring({}),
    policy: allowAll({}),
    port: userspace({}),
    ...part,
  };
}

function start(part: Partial<Composition>) {
  return createNode({
    plugins: composed(part),
    name: "a",
    intent: { found: { networkName: "loom", range: parsePrefix("10.32.0.0/12")! } },
    platform: { aeads: nobleAeads() },
  });
}

test("status names the plugins of a slot in the order of their start, those beside included", () => {
  const beside = [{ encapsulation: greUdp({ peers: [router] }), over: udp({ listen: any }) }];
  const names = pluginNames(composed({ transport: [streaming("bulk"), udp({ listen: any })], beside }));
  assert.deepEqual(names["transport"], ["bulk", "udp", "udp"]);
  assert.deepEqual(names["encapsulation"], ["noise", "gre_udp"]);
  assert.deepEqual([names["ipam"], names["discovery"], names["names"]], [["ring"], [], []]);
  assert.deepEqual(pluginNames(composed({}))["transport"], ["udp"]);
});

test("status lists every listener in the order of the transports: datagrams and streams, those beside included", async () => {
  const bulk: Plugin<"transport"> = {
    ...streaming("bulk"),
    create: () => ({
      streams: { ...streamMethods, localEndpoints: () => [{ host: "::1", port: 7 }] } as never,
    }),
  };
  const beside = [{ encapsulation: greUdp({ peers: [router] }), over: udp({ listen: any }) }];
  await using node = await start({ transport: [bulk, udp({ listen: any })], beside });
  const { listen, listeners } = node.status();
  assert.deepEqual(listeners, [
    { transport: "bulk", carries: "streams", endpoint: "[::1]:7" },
    { transport: "udp", carries: "datagrams", endpoint: listen[0] },
    { transport: "udp", carries: "datagrams", endpoint: listen[1] },
  ]);
  assert.equal(listen.length, 2, "streams are no place to connect to");
});

test("of several transports the first with datagrams carries the encapsulation, and streams are taken of all", async () => {
  await using stack = new PartStack(new AbortController().signal);
  const transport = [streaming("one"), udp({ listen: any }), streaming("two"), udp({ listen: any })];
  const nothing = <K extends SlotName>(slot: K): Plugin<K> => ({
    slot,
    name: "nothing",
    create: () => hollow({}),
  });
  const joining: Plugin<"encapsulation"> = {
    ...nothing("encapsulation"),
    create: () => ({ ...quiet, join: () => {}, answerJoin: () => {} }),
  };
  const plugins = { transport, encapsulation: joining, ipam: nothing("ipam"), port: nothing("port") };
  const host = { drops: { count: () => {} }, log: { child: () => undefined, log: () => {} } } as never;
  const parts = createParts(composed({ ...plugins, policy: nothing("policy") }), stack, () => host);
  assert.equal(parts.datagrams, parts.transports[1]!.datagrams);
  assert.deepEqual(parts.streams.map((streams) => (streams as unknown as { label: string }).label), [
    "one",
    "two",
  ]);
});

test("all transports start before the encapsulations, and end after them in reverse", async () => {
  const history: string[] = [];
  const noted: Plugin<"encapsulation"> = {
    slot: "encapsulation",
    name: "noted",
    create: () => ({
      ...quiet,
      fixedPeers: [],
      start: () => Promise.resolve(void history.push("start noted")),
      [Symbol.asyncDispose]: () => Promise.resolve(void history.push("end noted")),
    }),
  };
  const over: Plugin<"transport"> = {
    ...streaming("under"),
    create: (host) => {
      const part = streaming("under", history).create(host);
      return Object.assign(part, { datagrams: deaf });
    },
  };
  const node = await start({
    transport: [streaming("bulk", history), udp({ listen: any })],
    beside: [{ encapsulation: noted, over }],
  });
  assert.deepEqual(history, ["start bulk", "start under", "start noted"]);
  await node[Symbol.asyncDispose]();
  assert.deepEqual(history.slice(3), ["end noted", "end under", "end bulk"]);
});

test("the data path is offered to the transport that carries the encapsulation, and its socket alone", async () => {
  await using stack = new PartStack(new AbortController().signal);
  const offered: string[] = [];
  const noting = (name: string, datagrams?: typeof deaf): Plugin<"transport"> => ({
    slot: "transport",
    name,
    create: (host) => {
      if (host.datapath !== undefined) offered.push(name);
      return datagrams === undefined ? streaming(name).create(host) : { datagrams };
    },
  });
  const encapsulation = {
    slot: "encapsulation",
    name: "nothing",
    create: () => ({ ...quiet, fixedPeers: [], join: () => {}, answerJoin: () => {} }),
  } as Plugin<"encapsulation">;
  const nothing = <K extends SlotName>(slot: K): Plugin<K> => ({
    slot,
    name: "nothing",
    create: () => hollow({}),
  });
  const plugins = composed({
    transport: [noting("bulk"), noting("first", deaf), noting("second", deaf)],
    encapsulation,
    beside: [{ encapsulation, over: noting("under", deaf) }],
    ipam: nothing("ipam"),
    policy: nothing("policy"),
    port: nothing("port"),
  });
  createParts(plugins, stack, () => ({ datapath: {} }) as never);
  assert.deepEqual(offered, ["bulk", "first"]);
});

const deaf: NonNullable<Transport["datagrams"]> = {
  localEndpoints: () => [],
  send: () => false,
  receive: () => {},
};
const quiet = {
  overhead: { 4: 0, 6: 0 },
  connect: () => {},
  forget: () => {},
  disconnect: () => {},
  seal: () => 0 as const,
  handleDatagram: () => 0 as const,
  handleTimeout: () => {},
  pollTimeout: () => undefined,
  poll: () => undefined,
};

test("a composition that cannot work is refused, and says what is missing", async () => {
  const unsupported = (message: RegExp) => ({ code: "UNSUPPORTED", message });
  await assert.rejects(
    start({ transport: streaming("bulk") }),
    unsupported(/^The transport plugin "bulk" has no datagrams, which a node needs; choose another$/),
  );
  await assert.rejects(
    start({ transport: [streaming("bulk"), streaming("more")] }),
    unsupported(/^None of the plugins of this node \("bulk", "more"\) has datagrams; add one that has$/),
  );
  await assert.rejects(start({ transport: [] }), unsupported(/\(none is given\) has datagrams/));
  await assert.rejects(
    start({ encapsulation: greUdp({ peers: [router] }) }),
    unsupported(/^The encapsulation plugin "gre_udp" has no joining/),
  );
  const beside = (encapsulation: Plugin<"encapsulation">, over: Plugin<"transport">) =>
    start({ beside: [{ encapsulation, over }] });
  await assert.rejects(
    beside(noise({}), udp({ listen: any })),
    unsupported(/"noise" has no peers of its own/),
  );
  await assert.rejects(
    beside(greUdp({ peers: [router] }), streaming("bulk")),
    unsupported(/^The transport plugin "bulk" has no datagrams/),
  );
});

test("two encapsulations that list one device are refused", async () => {
  const one = () => ({ encapsulation: greUdp({ peers: [router] }), over: udp({ listen: any }) });
  await assert.rejects(start({ beside: [one(), one()] }), {
    code: "CONFIG_INVALID",
    message: /device "router" is listed twice/,
  });
});

test("two transports on one port are refused when the second starts, naming it, and the first is released", async () => {
  const log: Logger = { child: () => log, log: () => {} };
  const taken = udp({ listen: any }).create({ drops: { count: () => {} }, log });
  await taken.start!(new AbortController().signal);
  const { port } = taken.datagrams!.localEndpoints()[0]!;
  const beside = [{ encapsulation: greUdp({ peers: [router] }), over: udp({ listen: `127.0.0.1:${port}` }) }];
  await assert.rejects(start({ beside }), {
    code: "BIND_FAILED",
    message: new RegExp(`127\\.0\\.0\\.1:${port}`),
  });
  await taken[Symbol.asyncDispose]!();
  await using _node = await start({ beside });
});

test("the MTU of the overlay allows for the worst of all encapsulations, and is never under 1280", () => {
  const adding = (four: number, six: number) => ({ encapsulation: { overhead: { 4: four, 6: six } } });
  assert.equal(overlayMtu({ ...adding(108, 128), beside: [] }), 1372);
  assert.equal(overlayMtu({ ...adding(108, 128), beside: [adding(32, 52)] }), 1372);
  assert.equal(overlayMtu({ ...adding(32, 52), beside: [adding(36, 56), adding(90, 60)] }), 1410);
  assert.equal(overlayMtu({ ...adding(300, 52), beside: [] }), 1280);
});
