/**
 * Preloaded by npm scripts (`node --import`), in plain JavaScript because an old Node cannot read the TypeScript that
 * comes next. npm puts the Node that it installed with the project first in PATH; without install scripts that one is
 * missing and the system's, perhaps old, Node runs instead.
 */
import process from "node:process";

const NEEDED = 24;
const major = Number(process.versions.node.split(".")[0]);

if (major < NEEDED) {
  console.error(
    `Selvage needs Node ${NEEDED} or newer and this is ${process.version} (${process.execPath}).\n` +
      "npm scripts use the Node that `npm install` puts into node_modules. Run `npm install --ignore-scripts=false`,\n" +
      "start this through npm (`npm test`, `npm run demo`), or put a newer Node first in PATH.",
  );
  process.exit(1);
}
