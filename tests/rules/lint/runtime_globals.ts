/**
 * Deno and `node:` are named by the shells only. What the middle needs of the machine (a clock, entropy, sockets, files)
 * is handed in, so that it also runs in a simulator, a browser tab or a worker.
 */
import { isTest, mayNameRuntime, placeOf } from "./place.ts";
import { isReference, memberName } from "./reference.ts";

/** What a test beside its subject may import from the runtime: the assertions that both runtimes have. */
const IN_TESTS = new Set(["node:assert", "node:assert/strict"]);

const HINT = "Put it behind an interface in core/runtime and take that as an argument.";

export const noRuntimeGlobals: Deno.lint.Rule = {
  create(context) {
    const place = placeOf(context.filename);
    if (mayNameRuntime(place)) return {};
    const module = (node: Deno.lint.Node, source: unknown) => {
      if (typeof source !== "string" || !source.startsWith("node:")) return;
      if (isTest(place) && IN_TESTS.has(source)) return;
      context.report({ node, message: `${source} belongs to the runtime`, hint: HINT });
    };
    return {
      ImportDeclaration: (node) => module(node, node.source.value),
      ExportAllDeclaration: (node) => module(node, node.source.value),
      ExportNamedDeclaration: (node) => module(node, node.source?.value),
      ImportExpression: (node) => module(node, literal(node.source)),
      TSImportType: (node) => module(node, importedType(node)),
      Identifier(node) {
        if (node.name !== "Deno" || !isReference(node)) return;
        context.report({ node, message: "Deno belongs to the runtime", hint: HINT });
      },
      MemberExpression(node) {
        const name = memberName(node);
        if (name !== "Deno" && name !== "process") return;
        context.report({ node, message: `The global ${name} belongs to the runtime`, hint: HINT });
      },
    };
  },
};

function literal(node: Deno.lint.Node): unknown {
  return node.type === "Literal" ? node.value : undefined;
}

function importedType(node: Deno.lint.TSImportType): unknown {
  return node.argument.type === "TSLiteralType" ? literal(node.argument.literal) : undefined;
}
