/**
 * The node that a command talks to. Loads no validator and no plugin: an answer should take no longer than its question,
 * and YAML is read only where there is a configuration file.
 */
import { resolve } from "node:path";
import { type AdminClient, createAdminClient } from "../core/admin/client.ts";
import { unixFetch } from "../core/runtime/unix_http_client.ts";
import type { Io } from "./io.ts";
import { defaultSocket, defaultStateDir, defaultTokenFile } from "./paths.ts";

/** Options of every command that means a certain node. */
export interface AddressOptions {
  readonly config?: string;
  readonly stateDir?: string;
  readonly socket?: string;
  /** `http://127.0.0.1:6784`: the API on TCP instead of the socket. */
  readonly admin?: string;
}

export interface NodeAddress {
  readonly stateDir: string;
  readonly socket: string;
  /** Asked for on TCP alone. */
  readonly tokenFile: string;
}

/** As the node itself would decide it from the same flags, environment and file. */
export async function addressOf(options: AddressOptions, io: Io): Promise<NodeAddress> {
  const { environment } = io;
  const file = await fileAddress(options, io);
  const named = options.stateDir ?? environment["SELVAGE_STATE_DIR"] ?? file.stateDir;
  const stateDir = named ?? defaultStateDir(io);
  const socket = options.socket ?? environment["SELVAGE_ADMIN__SOCKET"] ?? file.socket ??
    defaultSocket(stateDir, named !== undefined, io.privileged);
  const tokenFile = environment["SELVAGE_ADMIN__TOKEN_FILE"] ?? file.tokenFile ?? defaultTokenFile(stateDir);
  return { stateDir: resolve(stateDir), socket: resolve(socket), tokenFile: resolve(tokenFile) };
}

/**
 * Rejects, at the first call, `NOT_RUNNING` when nobody answers. On TCP the token comes from the environment or from its
 * file, never from the command line, which every user of the machine can read.
 */
export async function connectAdmin(options: AddressOptions, io: Io): Promise<AdminClient> {
  if (options.admin === undefined) return adminAt((await addressOf(options, io)).socket);
  const { loopbackBase, loopbackFetch } = await import("../core/runtime/loopback_http_client.ts");
  // Before the token is looked for: what is wrong with the command line comes first.
  const base = loopbackBase(options.admin);
  return createAdminClient(loopbackFetch(base, await tokenFor(await addressOf(options, io), io)));
}

async function tokenFor({ tokenFile }: NodeAddress, { environment }: Io): Promise<string> {
  const given = environment["SELVAGE_ADMIN_TOKEN"];
  if (given) return given;
  const { readAdminToken } = await import("../core/runtime/admin_token.ts");
  return readAdminToken(tokenFile);
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
  const named = {
    stateDir: textAt("stateDir"),
    socket: textAt("admin.socket"),
    tokenFile: textAt("admin.tokenFile"),
  };
  return Object.fromEntries(Object.entries(named).filter(([, text]) => text !== undefined));
}
