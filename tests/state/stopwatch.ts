import process from "node:process";

/**
 * Milliseconds since the call: of the clock, or of this process' processor time where that is less. What starts does not
 * wait for anybody, so on a machine that has nothing else to do both are the same but for the disk; on a busy one the
 * clock also counts the turns of others.
 */
export function startStopwatch(): () => number {
  const began = performance.now();
  const used = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(used);
    return Math.min(performance.now() - began, (user + system) / 1000);
  };
}
