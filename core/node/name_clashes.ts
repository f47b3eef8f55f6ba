/**
 * Names that two members were admitted under. A member checks that a name is free before it admits, but on two sides of a
 * partition both are right. All agree on who may use the name then; this tells an operator of the others.
 */
import type { Trust } from "../identity/trust.ts";
import { foldName } from "../identity/node_name.ts";
import type { Alerts } from "./alerts.ts";

export interface NameClash {
  readonly alert: string;
  readonly detail: string;
}

/** One per name, in the order of names. */
export function nameClashes(trust: Trust): readonly NameClash[] {
  const admitted = trust.members().filter(({ state }) => state === "admitted");
  const groups = [...Map.groupBy(admitted, ({ name }) => foldName(name))].filter(([, group]) =>
    group.length > 1
  );
  return groups.sort(([a], [b]) => a < b ? -1 : 1).map(([name, group]) => {
    const owner = trust.nameOwner(name)!;
    const others = group.filter(({ id }) => id !== owner.id).map(({ id }) => id).sort();
    return {
      alert: `name-clash:${name}`,
      detail: `"${owner.name}" is the name of ${owner.id}, and was given to ${others.join(", ")} as well ` +
        "while the network was parted; reset what it was given to later, and join it under another name",
    };
  });
}

export class NameClashAlerts {
  readonly #alerts: Alerts;
  #raised: readonly string[] = [];

  constructor(alerts: Alerts) {
    this.#alerts = alerts;
  }

  update(trust: Trust): void {
    const clashes = nameClashes(trust);
    const now = clashes.map(({ alert }) => alert);
    for (const alert of this.#raised) if (!now.includes(alert)) this.#alerts.clear(alert);
    for (const { alert, detail } of clashes) this.#alerts.raise(alert, detail);
    this.#raised = now;
  }
}
