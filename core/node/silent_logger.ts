import type { Logger } from "../contracts/host.ts";

/** A library says nothing until it is asked to. */
export const silentLogger: Logger = {
  child: () => silentLogger,
  log: () => {},
};
