/** What transfers are proved over: the dimensions, which of their values exclude each other, and the two sets of cells. */
import { type CellOf, coveringCells } from "./covering.ts";

const dimensions = {
  traffic: ["tcp1", "tcp16", "udp"],
  /** Family of the containers' packets, and of the datagrams that carry them. */
  inner: [4, 6],
  outer: [4, 6],
  /** Overlay packets of 1,280 bytes, or an underlay of 9,000. */
  size: ["small", "jumbo"],
  /** What happens again and again while bytes are on their way. */
  event: ["none", "rekeys", "roaming", "workerRestart"],
  /** Runtime of both nodes, and how it calls the system. */
  nodes: ["deno", "koffi", "node:ffi"],
  /** `fast`: the data path's own thread; `main`: the thread that does everything else too. */
  path: ["fast", "main"],
  /** Datagrams of the underlay that are lost, of a thousand, each way. */
  lossPerMille: [0, 1, 10, 50],
} as const;

export type Cell = CellOf<typeof dimensions>;

export const transferDimensions: typeof dimensions = dimensions;

const mib = 2 ** 20;

/** What is lost often takes long to repeat: the fewer bytes the more is lost. */
const bytesAt: Readonly<Record<Cell["lossPerMille"], number>> = {
  0: 1024 * mib,
  1: 256 * mib,
  10: 32 * mib,
  50: 32 * mib,
};

export function fullBytes({ lossPerMille }: Cell): number {
  return bytesAt[lossPerMille];
}

/** Without a thread of its own the data path has none that could be restarted. */
export function canBe({ event, path }: Partial<Cell>): boolean {
  return event !== "workerRestart" || path !== "main";
}

/** Every two values that can be together are, in one of them. */
export const allCells: readonly Cell[] = coveringCells(dimensions, canBe);

const small = { outer: 4, size: "small", event: "none", path: "fast", lossPerMille: 10 } as const;

/** What every run of the suite tries, a few MiB each: the Deno cells on Deno, the others on Node. */
export const quickCells: readonly { readonly cell: Cell; readonly bytes: number }[] = [
  { cell: { ...small, traffic: "udp", inner: 4, nodes: "deno", event: "rekeys" }, bytes: 8 * mib },
  {
    cell: {
      ...small,
      traffic: "tcp16",
      inner: 6,
      nodes: "deno",
      outer: 6,
      event: "workerRestart",
      lossPerMille: 1,
    },
    bytes: 8 * mib,
  },
  {
    cell: { ...small, traffic: "udp", inner: 6, nodes: "koffi", event: "roaming", size: "jumbo" },
    bytes: 8 * mib,
  },
  {
    cell: { ...small, traffic: "tcp1", inner: 4, nodes: "koffi", path: "main", event: "rekeys" },
    bytes: 8 * mib,
  },
  {
    cell: { ...small, traffic: "tcp1", inner: 6, nodes: "node:ffi", lossPerMille: 50, outer: 6 },
    bytes: 8 * mib,
  },
];

/** `udp 4-in-6 jumbo roaming koffi main 5 %`. */
export function cellName({ traffic, inner, outer, size, event, nodes, path, lossPerMille }: Cell): string {
  return `${traffic} ${inner}-in-${outer} ${size} ${event} ${nodes} ${path} ${lossPerMille / 10} %`;
}
