import { MeshError } from "../../core/contracts/errors.ts";
import { captureOrder } from "../capture/capture_order.ts";
import type { ExitCode } from "../exit_code.ts";
import type { Io } from "../io.ts";
import { configFlags, executeOrder } from "../node/execute_order.ts";
import type { JoinEntry, NodeOrder } from "../node/node_order.ts";
import { readPassword, readToken } from "../node/secret_input.ts";
import type { LaunchOptions } from "./launch.ts";

export interface JoinOptions extends LaunchOptions {
  readonly tokenFile?: string;
}

export async function join(io: Io, words: readonly string[], options: JoinOptions): Promise<ExitCode> {
  const capture = captureOrder(options);
  const entry = await joinEntry(io, words, options);
  const order: NodeOrder = {
    flags: configFlags(options),
    entry,
    ...capture === undefined ? {} : { capture },
  };
  return await executeOrder(io, order, options.detach === true);
}

/** Rejects `INVALID_ARGUMENT` for what cannot work, before anything is touched. */
async function joinEntry(io: Io, words: readonly string[], options: JoinOptions): Promise<JoinEntry> {
  const [argument, ...others] = words.filter(isToken);
  if (others.length > 0) throw new MeshError("INVALID_ARGUMENT", "Cannot join with two tokens; give one");
  const endpoints = words.filter((word) => !isToken(word));
  const token = await readToken({ argument, file: options.tokenFile }, io);
  if (token !== undefined) return { kind: "join", endpoints, token };
  const password = await readPassword(options, io);
  if (password === undefined) throw withoutSecret(endpoints);
  if (endpoints.length === 0) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      "Cannot join with a password alone: name a member, host or host:port",
    );
  }
  return { kind: "join", endpoints, password };
}

/** A host may well be called selvage-1, but none selvage1-…: the digit and the dash are the token's. */
function isToken(word: string): boolean {
  return word === "-" || /^\s*selvage\d{1,4}(-|$)/i.test(word);
}

function withoutSecret(endpoints: readonly string[]): MeshError {
  const what = endpoints.length === 0 ? "nothing" : "no secret";
  return new MeshError(
    "INVALID_ARGUMENT",
    `Cannot join with ${what}: give a token, made by "selvage token create" on a member, or a member's address ` +
      "and the network's password with --password-file",
  );
}
