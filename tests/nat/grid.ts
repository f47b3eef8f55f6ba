/** Nodes of the real program in every kind of network, and which pairs of them meet directly. */
import { type Lab, until } from "../../examples/lab/lab.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import type { Ground } from "../../examples/lab/underlay.ts";
import { outsidePort, Router } from "./router.ts";

export const networks = [
  "open",
  "full cone",
  "address",
  "port",
  "symmetric",
  "carrier",
  "without UDP",
] as const;
/** `carrier`: a router at home behind another one of the provider. */
export type Network = (typeof networks)[number];

/** Small enough for a machine of two cores; every pair of networks is in one of them, those of one kind as well. */
export const meshes: readonly (readonly Network[])[] = [
  ["symmetric", "full cone", "address", "carrier", "symmetric"],
  ["port", "carrier", "carrier", "full cone", "port"],
  ["without UDP", "without UDP", "symmetric", "carrier", "port"],
  ["open", "full cone", "full cone", "address", "address", "without UDP"],
  ["open", "open", "without UDP", "port", "symmetric"],
  ["open", "carrier", "address", "port"],
];

interface Inhabitant {
  readonly network: Network;
  readonly host: LabHost;
}

export interface Meeting {
  readonly pair: readonly [Network, Network];
  readonly direct: boolean;
  /** From when the later one of the two was ready; as often as it was looked. */
  readonly millis: number;
}

const port = 6783;
/** With the streams that datagrams take where UDP is blocked. */
const options = { rootless: true, environment: { SELVAGE_TRANSPORT: '[{"use":"udp"},{"use":"tcp"}]' } };
/** Ways are changed by then: two rounds of trying, and the answers. */
const settlingMillis = 5_000;
const lookEvery = 100;
/** Much longer than it may take, for whoever wants to read what the nodes have to say. */
const patienceMillis = 40_000;

/**
 * One whose port nobody can know in advance reaches those who let it in whatever its port: it is then answered where it came
 * from. All others have ports that others can be told of, and open them towards each other. Without UDP there are streams, to
 * those who can be dialled.
 */
export function meetsDirectly(one: Network, other: Network): boolean {
  if (one === "without UDP" || other === "without UDP") return one === "open" || other === "open";
  const lets = (network: Network) => network === "open" || network === "full cone" || network === "address";
  return !(one === "symmetric" && !lets(other)) && !(other === "symmetric" && !lets(one));
}

/** A hub that all reach, then a node in each of `wanted`, one after the other; what became of each pair. */
export async function runGrid(lab: Lab, wanted: readonly Network[]): Promise<readonly Meeting[]> {
  const hub = lab.host("hub");
  await hub.launch(options);
  const all: Inhabitant[] = [];
  const times = new Map<string, number>();
  for (const [index, network] of wanted.entries()) {
    const host = lab.host(`n${index}`, groundFor(lab, network, index));
    await host.join((await hub.admin.createToken()).token, options);
    const ready = Date.now();
    for (const { host: other } of all) {
      await until(() => isJoined(host, other, ready + patienceMillis));
      times.set(`${other.name} ${host.name}`, Date.now() - ready);
    }
    all.push({ network, host });
  }
  await new Promise((resolve) => setTimeout(resolve, settlingMillis));
  const meetings: Meeting[] = [];
  for (const [index, one] of all.entries()) {
    for (const other of all.slice(index + 1)) {
      const direct = await isDirect(one.host, other.host) && await isDirect(other.host, one.host);
      const millis = times.get(`${one.host.name} ${other.host.name}`)!;
      meetings.push({ pair: [one.network, other.network], direct, millis });
    }
  }
  return meetings;
}

function groundFor(lab: Lab, network: Network, index: number): Ground {
  const ground = lab.underlay;
  if (network === "open") return ground;
  const home = { name: `${lab.prefix}-r${index}`, inside: "192.168.1", port };
  if (network !== "carrier") return new Router({ ...home, kind: network, ground });
  const inside = `100.64.${index}`;
  const carrier = new Router({
    name: `${lab.prefix}-c${index}`,
    kind: "port",
    ground,
    inside,
    port: outsidePort,
  });
  return new Router({ ...home, kind: "port", ground: carrier });
}

async function connectionOf(host: LabHost, to: LabHost) {
  const connections = await host.admin.connections();
  return connections.find(({ name, state }) => name === to.name && state === "established");
}

/** Throws at the end of all patience. */
async function isJoined(host: LabHost, to: LabHost, until: number): Promise<boolean> {
  const [here, there] = await Promise.all([connectionOf(host, to), connectionOf(to, host)]);
  if (here !== undefined && there !== undefined) return true;
  if (Date.now() > until) throw new Error(`${host.name} and ${to.name} have not met`);
  await new Promise((resolve) => setTimeout(resolve, lookEvery));
  return false;
}

async function isDirect(host: LabHost, to: LabHost): Promise<boolean> {
  return (await connectionOf(host, to))?.relay === null;
}
