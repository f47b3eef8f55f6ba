/**
 * The node that a command talks to. Loads no validator and no plugin: an answer should take no longer than its question,
 * and YAML is read only where there is a configuration file.
 */
import { resolve } from "node:path";
import { type AdminClient, createAdminClient } from "../core/admin/client.ts";
import { unixFetch } from "../core/runtime/unix_http_client.ts";
import type { Io } from "./io.ts";
import { defaultSocket, defaultStateDir } from "./paths.ts";

/** Options of every command that means a certain node. */
export interface AddressOptions {
  readonly config?: string;
  readonly stateDir?: string;
  readonly socket?: string;
}

export interface NodeAddress {
  readonly stateDir: string;
  readonly socket: string;
}

/** As the node itself would decide it from the same flags, environment and file. */
export async function addressOf(options: AddressOptions, io: Io): Promise<NodeAddress> {
  const { environment } = io;
  const file = await fileAddress(options, io);
  const named = options.stateDir ?? environment["SELVAGE_STATE_DIR"] ?? file.stateDir;
  const stateDir = named ?? defaultStateDir(io);
  const socket = options.socket ?? environment["SELVAGE_ADMIN__SOCKET"] ?? file.socket ??
    defaultSocket(stateDir, named !== undefined, io.privileged);
  return { stateDir: resolve(stateDir), socket: resolve(socket) };
}

/** Rejects, at the first call, `NOT_RUNNING` when nobody answers. */
export async function connectAdmin(options: AddressOptions, io: Io): Promise<AdminClient> {
  const { socket } = await addressOf(options, io);
  return adminAt(socket);
}

export function adminAt(socket: string): AdminClient {
  return createAdminClient(unixFetch(socket));
}

async function fileAddress(options: AddressOptions, io: Io): Promise<Partial<NodeAddress>> {
  const { readConfigFile } = await import("./config/config_file.ts");
  const file = await readConfigFile(options.config, io);
  if (file === undefined) return {};
  const { yamlLayer } = await import("./config/yaml_layer.ts");
  const settings = yamlLayer(file.name, file.text);
  const textAt = (wanted: string) => {
    const value = settings.find(({ path }) => path.join(".") === wanted)?.value;
    return typeof value === "string" ? value : undefined;
  };
  const [stateDir, socket] = [textAt("stateDir"), textAt("admin.socket")];
  return { ...stateDir === undefined ? {} : { stateDir }, ...socket === undefined ? {} : { socket } };
}
