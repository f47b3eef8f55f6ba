/**
 * Whose processor time it was. A system's cost is all that the machine spent less what programs that have nothing to do
 * with the measurement took. The load's own time stays in it, as an overlay in the kernel does its work in the name of
 * whoever sends and receives; the bare cable beside it says how much of it is the load's.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Linux reports times to programs in hundredths of a second on every architecture. */
export const ticksPerSecond = 100;

export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** User and system ticks of its own. */
  readonly ticks: number;
  /** Of its children that it has waited for. */
  readonly childTicks: number;
}

export interface Snapshot {
  /** Ticks of all processors in anything but idling. */
  readonly busy: number;
  /** Of those, what programs took that neither descend from the benchmark nor are threads of the kernel. */
  readonly foreign: number;
  /** Of those, what the given daemons took. */
  readonly daemons: number;
  /** Milliseconds of a clock that never jumps. */
  readonly at: number;
}

/** Parent of the kernel's threads. */
const kernelThreads = 2;

export function takeSnapshot(self: number, daemons: ReadonlySet<number>): Snapshot {
  const processes = listProcesses();
  return {
    busy: parseBusy(readFileSync("/proc/stat", "utf8")),
    foreign: foreignTicks(processes, self),
    daemons: processes.reduce((sum, { pid, ticks }) => daemons.has(pid) ? sum + ticks : sum, 0),
    at: performance.now(),
  };
}

/** All processes of the machine. */
export function listProcesses(): Process[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      return parseProcess(readFileSync(`/proc/${name}/stat`, "utf8"));
    } catch {
      return []; // It has ended in between.
    }
  });
}

/** A line of /proc/PID/stat. The name in parentheses may itself have spaces and parentheses. */
export function parseProcess(text: string): Process {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
  const [user, system, childUser, childSystem] = fields.slice(11, 15);
  return {
    pid: Number.parseInt(text),
    parent: fields[1]!,
    ticks: user! + system!,
    childTicks: childUser! + childSystem!,
  };
}

/** Of /proc/stat: user, nice, system, interrupts and soft interrupts; not idling, waiting for disks, or other guests. */
export function parseBusy(text: string): number {
  const [user, nice, system, , , interrupts, softInterrupts] = /^cpu +(.*)$/m.exec(text)![1]!.split(" ").map(
    Number,
  );
  return user! + nice! + system! + interrupts! + softInterrupts!;
}

export function descendantsOf(processes: readonly Process[], self: number): Set<number> {
  const children = Map.groupBy(processes, ({ parent }) => parent);
  const found = new Set<number>();
  const open = [self];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    for (const child of children.get(pid) ?? []) {
      found.add(child.pid);
      open.push(child.pid);
    }
  }
  return found;
}

/** The benchmark itself counts as foreign, but not what its ended children took: that was the load. */
export function foreignTicks(processes: readonly Process[], self: number): number {
  const own = descendantsOf(processes, self);
  return processes.reduce((sum, { pid, parent, ticks, childTicks }) => {
    if (own.has(pid) || pid === kernelThreads || parent === kernelThreads) return sum;
    return sum + ticks + (pid === self ? 0 : childTicks);
  }, 0);
}

/** MiB that a process has in memory; 0 when it has ended. */
export function residentMiB(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
