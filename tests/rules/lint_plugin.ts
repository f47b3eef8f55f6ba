/**
 * The house rules that a linter can see, loaded by `deno lint` (see `lint.plugins` in deno.json). An exception is made
 * in the open, beside the code: `// deno-lint-ignore selvage/max-function-lines -- why`.
 */
import { noAmbientChance, noAmbientTime } from "./lint/ambient.ts";
import { noAsyncInDatapath, noThrowInDatapath } from "./lint/datapath.ts";
import { maxFileLines, maxFunctionLines, maxParameters } from "./lint/limits.ts";
import { noBannedFileName, noDefaultExport, noPrivateKeyword } from "./lint/modules.ts";
import { noRuntimeGlobals } from "./lint/runtime_globals.ts";

const plugin: Deno.lint.Plugin = {
  name: "selvage",
  rules: {
    "max-file-lines": maxFileLines,
    "max-function-lines": maxFunctionLines,
    "max-parameters": maxParameters,
    "no-ambient-chance": noAmbientChance,
    "no-ambient-time": noAmbientTime,
    "no-async-in-datapath": noAsyncInDatapath,
    "no-banned-file-name": noBannedFileName,
    "no-default-export": noDefaultExport,
    "no-private-keyword": noPrivateKeyword,
    "no-runtime-globals": noRuntimeGlobals,
    "no-throw-in-datapath": noThrowInDatapath,
  },
};

export default plugin;
