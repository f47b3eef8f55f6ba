/** What only a running node knows: names, tokens and targets, asked for when a command takes one of them. */
import type { AdminClient } from "../../core/admin/client.ts";
import type { Where } from "../../core/contracts/port.ts";
import type { DynamicValues, Suggestion } from "./command_tree.ts";

type Ask = (client: AdminClient, signal: AbortSignal) => Promise<readonly Suggestion[]>;

const sources: Readonly<Record<string, Ask>> = {
  detach: async (client, signal) =>
    (await client.endpoints(signal)).flatMap(({ owner, where }) =>
      where === null ? [] : { value: placeText(where) ?? owner, description: "attached" }
    ),
  forget: async (client, signal) =>
    (await client.targets(signal)).map(({ endpoint, state }) => ({ value: endpoint, description: state })),
  ping: async (client, signal) =>
    (await client.peers(signal)).map(({ name, state }) => ({ value: name, description: state })),
  revoke: async (client, signal) =>
    (await client.members(signal)).map(({ name, state }) => ({ value: name, description: state })),
  "token revoke": async (client, signal) =>
    (await client.tokens(signal)).map(({ id, state }) => ({ value: id, description: state })),
};

/**
 * Values go onto a command line as they are. The node makes sure of its own, but who answers at an address may be
 * somebody else; and what begins with a dash would be an option.
 */
const plainValue = /^[\w.[][\w.:%[\]-]*$/;
const plainDescription = /^[\w -]*$/;

/** Nothing when no node answers: pressing a key must neither fail nor wait. */
export async function dynamicValues(
  words: readonly string[],
  client: () => Promise<AdminClient>,
  signal: AbortSignal,
): Promise<DynamicValues> {
  const command = Object.keys(sources).find((name) => name.split(" ").every((word) => words.includes(word)));
  if (command === undefined) return new Map();
  try {
    const suggestions = await sources[command]!(await client(), signal);
    return new Map([[command, suggestions.filter(isPlain)]]);
  } catch {
    return new Map();
  }
}

/** Undefined for a path, which completes by other means, and for the host. */
function placeText(where: Where): string | undefined {
  const [name = ""] = Object.values(where);
  return name === "" || name.includes("/") ? undefined : name;
}

function isPlain({ value, description }: Suggestion): boolean {
  return plainValue.test(value) && plainDescription.test(description);
}
