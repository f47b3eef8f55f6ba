import process from "node:process";

/** `deno 2.9.6` or `node 26.10.0`. Deno also reports the Node version that it is compatible with; that is not it. */
export function runtimeName(): string {
  const { deno, node } = process.versions;
  return deno === undefined ? `node ${node}` : `deno ${deno}`;
}
