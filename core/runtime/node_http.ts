/** `node:http`, on both runtimes, as every file here takes it. */
import process from "node:process";

/**
 * Asked for by name when it is needed. An import binds all that the module offers, so that Node loads its `WebSocket`, and
 * with it all of undici: 50 ms of processor time that every start and every command would pay for nothing.
 */
export function nodeHttp(): typeof import("node:http") {
  return process.getBuiltinModule("node:http");
}
