/** What goes on in a mesh while something else is measured: changes, and nodes that pause. */
import type { Mesh } from "./mesh.ts";

/** In the whole mesh, whatever its size. */
export const changesPerMinute = 10;
const minute = 60_000;

/** Records of some node or other, evenly spread over time, until `until`. */
export function makeChanges(mesh: Mesh, until: number): void {
  const interval = minute / changesPerMinute;
  const change = () => {
    if (mesh.now >= until) return;
    mesh.spread();
    mesh.after(interval, change);
  };
  mesh.after(mesh.random.float() * interval, change);
}

/** In each minute a tenth of the nodes stops for 1 to 10 s, each at a moment of its own. */
export function pauseSome(mesh: Mesh, until: number): void {
  const pauseOne = () => {
    const node = mesh.anyRunning();
    mesh.pause(node, 1_000 + mesh.random.float() * 9_000);
  };
  const eachMinute = () => {
    if (mesh.now >= until) return;
    for (let count = mesh.nodes / 10; count > 0; count--) mesh.after(mesh.random.float() * minute, pauseOne);
    mesh.after(minute, eachMinute);
  };
  eachMinute();
}
