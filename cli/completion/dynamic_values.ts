/** What only a running node knows: names, tokens and targets, asked for when a command takes one of them. */
import type { AdminClient } from "../../core/admin/client.ts";
import type { DynamicValues, Suggestion } from "./command_tree.ts";

type Ask = (client: AdminClient, signal: AbortSignal) => Promise<readonly Suggestion[]>;

const sources: Readonly<Record<string, Ask>> = {
  forget: async (client, signal) =>
    (await client.targets(signal)).map(({ endpoint, state }) => ({ value: endpoint, description: state })),
  ping: async (client, signal) =>
    (await client.peers(signal)).map(({ name, state }) => ({ value: name, description: state })),
  revoke: async (client, signal) =>
    (await client.members(signal)).map(({ name, state }) => ({ value: name, description: state })),
  "token revoke": async (client, signal) =>
    (await client.tokens(signal)).map(({ id, state }) => ({ value: id, description: state })),
};

/** Nothing when no node answers: pressing a key must neither fail nor wait. */
export async function dynamicValues(
  words: readonly string[],
  client: () => Promise<AdminClient>,
  signal: AbortSignal,
): Promise<DynamicValues> {
  const command = Object.keys(sources).find((name) => name.split(" ").every((word) => words.includes(word)));
  if (command === undefined) return new Map();
  try {
    return new Map([[command, await sources[command]!(await client(), signal)]]);
  } catch {
    return new Map();
  }
}
