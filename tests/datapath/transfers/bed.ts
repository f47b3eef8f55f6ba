/** Two hosts with a router between them, a node on each and a container at each. */
import process from "node:process";
import type { Container } from "../../../examples/lab/container.ts";
import { isInstalled, Lab, lacksForLab, until } from "../../../examples/lab/lab.ts";
import type { LabHost } from "../../../examples/lab/lab_host.ts";
import { Namespace } from "../../../examples/lab/namespace.ts";
import { type Cell, cellName } from "./cells.ts";
import { Middle } from "./middle.ts";
import { programOf, settingsOf, underlayMtu } from "./node_words.ts";

/** Longer than the slowest cell takes where it yields to other work; one that hangs is a fault. */
const limitSeconds = 1_200;

/** Why there can be no transfers here. */
export function lacksForTransfers(): string | undefined {
  return lacksForLab() ?? (isInstalled("ethtool") ? undefined : "needs ethtool; apt-get install ethtool");
}

/** What is to be moved, and how. */
export interface Transfer {
  readonly cell: Cell;
  readonly bytes: number;
  readonly seed: number;
}

export interface Bed {
  readonly from: LabHost;
  readonly to: LabHost;
  readonly sender: Container;
  readonly receiver: Container;
  readonly middle: Middle;
}

/** Removes everything, whatever becomes of `body`; when that fails, the nodes' logs and drops are shown. */
export async function inBed<T>(
  { cell, bytes, seed }: Transfer,
  body: (bed: Bed) => Promise<T>,
): Promise<T> {
  await using lab = new Lab(programOf(cell, bytes));
  const plan = {
    namespace: Namespace.make(`${lab.prefix}-mid`),
    family: cell.outer,
    mtu: underlayMtu(cell),
    seed,
  } as const;
  await using middle = await Middle.make(plan, (left, right) => {
    lab.host("a", left);
    lab.host("b", right);
  });
  try {
    return await inTime(meshed(lab, middle, cell).then(body), cellName(cell));
  } catch (error) {
    for (const { name, log, admin } of lab.hosts) {
      const drops = await admin.drops().catch(() => ({}));
      process.stderr.write(`--- node ${name}\n${log}\n${JSON.stringify(drops)}\n`);
    }
    throw error;
  }
}

async function inTime<T>(running: Promise<T>, name: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const tell = () => late.reject(new Error(`not done in ${limitSeconds} s`));
  const timer = setTimeout(tell, 1000 * limitSeconds);
  try {
    return await Promise.race([running, late.promise]);
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function meshed(lab: Lab, middle: Middle, cell: Cell): Promise<Bed> {
  const [from, to] = lab.hosts as [LabHost, LabHost];
  const environment = settingsOf(cell);
  await from.launch({ environment });
  const { token } = await from.admin.createToken();
  await to.join(token, { environment });
  await lab.meshed();
  const [sender, receiver] = await Promise.all([from.container(), to.container()]);
  return { from, to, sender, receiver, middle };
}

/** Gives both ends the time to find out how large a packet the way carries: until then they cut what is large. */
export async function measured({ sender, receiver }: Bed, cell: Cell): Promise<void> {
  const address = cell.inner === 4 ? receiver.address4 : receiver.address6;
  const headers = cell.inner === 4 ? 28 : 48;
  const size = (cell.size === "jumbo" ? 8_900 : 1_280) - headers;
  await until(() => sender.namespace.pings(address, 1));
  sender.namespace.run("ping", "-q", "-n", "-c", "3", "-i", "0.2", "-W", "2", "-s", `${size}`, address);
}
