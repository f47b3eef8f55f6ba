/** Members that come and that are expelled: what a mesh learns from signed admissions and revocations, bit by bit. */
import { Belief } from "./beliefs.ts";
import type { Mesh } from "./mesh.ts";

/** Until everybody who runs has the record of an admission or a revocation. */
export const recordMillis = 2_000;

/** A node that was no member is one, and starts: it knows all others, and each of them hears of it in its own time. */
export function join(mesh: Mesh, node: number): void {
  mesh.members[node] = 1;
  // Those who restart later read of it what is stored; so only who runs now has to be told.
  tellAll(mesh, node, (observer) => {
    mesh.beliefs.learn(observer, node, Belief.alive);
    mesh.call(observer, (machine, now) => machine.admit(node, now));
  });
  mesh.restart(node, false);
}

/** A member is revoked. It goes on, and says what it wants. */
export function expel(mesh: Mesh, node: number): void {
  mesh.members[node] = 0;
  mesh.beliefs.expel(node);
  tellAll(mesh, node, (observer) => {
    mesh.beliefs.learn(observer, node, Belief.left);
    mesh.call(observer, (machine, now) => machine.expel(node, now));
  });
}

function tellAll(mesh: Mesh, node: number, tell: (observer: number) => void): void {
  for (let observer = 0; observer < mesh.nodes; observer++) {
    if (observer === node || !mesh.isRunning(observer)) continue;
    mesh.after(mesh.random.float() * recordMillis, () => tell(observer));
  }
}
