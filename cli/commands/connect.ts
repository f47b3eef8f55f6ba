import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import { endpointTexts } from "../endpoint_argument.ts";
import type { Io } from "../io.ts";

export async function connect(
  io: Io,
  texts: readonly string[],
  options: AddressOptions & { readonly replace?: boolean },
): Promise<void> {
  const endpoints = endpointTexts(texts);
  const client = await connectAdmin(options, io);
  await client.connect(endpoints, { replace: options.replace ?? false }, io.interrupted);
  io.say(`selvage: connecting to ${endpoints.join(", ")}; see "selvage status targets"\n`);
}

/** Sessions stay; only the trying ends, now and after every start. */
export async function forget(io: Io, texts: readonly string[], options: AddressOptions): Promise<void> {
  const endpoints = endpointTexts(texts);
  const client = await connectAdmin(options, io);
  await client.forget(endpoints, io.interrupted);
  io.say(`selvage: no longer connecting to ${endpoints.join(", ")}; a connection that exists stays\n`);
}
