/** Names: every export has one, every file says its subject, and what is private is private at run time too. */
import { baseName, placeOf } from "./place.ts";

/** `deno lint` loads a plugin from its default export; nothing else here has one. */
const MAY_DEFAULT = new Set(["tests/rules/lint_plugin.ts"]);

const BANNED_STEMS = new Set(["common", "helper", "helpers", "index", "misc", "types", "util", "utils"]);

export const noDefaultExport: Deno.lint.Rule = {
  create(context) {
    if (MAY_DEFAULT.has(placeOf(context.filename))) return {};
    const report = (node: Deno.lint.Node) =>
      context.report({
        node,
        message: "Named exports only",
        hint: "A default export gets another name in every importer, and search does not find it.",
      });
    return {
      ExportDefaultDeclaration: report,
      ExportSpecifier(node) {
        if (node.exported.type === "Identifier" && node.exported.name === "default") report(node);
      },
    };
  },
};

export const noBannedFileName: Deno.lint.Rule = {
  create(context) {
    const name = baseName(placeOf(context.filename));
    const stem = name.replace(/\.\w+$/, "");
    return {
      Program(node) {
        if (BANNED_STEMS.has(stem.replace(/_test$/, ""))) {
          context.report({
            node,
            message: `${name} says nothing about its subject`,
            hint: "Name what is in it.",
          });
        } else if (!/^[a-z0-9]+(_[a-z0-9]+)*$/.test(stem)) {
          context.report({ node, message: `${name} is not snake_case`, hint: "Lower case and underscores." });
        }
      },
    };
  },
};

/** Parameter properties, `constructor(private x)`, are refused by the compiler already: they are not erasable. */
export const noPrivateKeyword: Deno.lint.Rule = {
  create(context) {
    const check = (node: { accessibility?: string | undefined } & Deno.lint.Node) => {
      if (node.accessibility !== "private") return;
      context.report({
        node,
        message: "`private` is erased before the code runs",
        hint: "Use a #private name.",
      });
    };
    return {
      PropertyDefinition: check,
      // A constructor has no # form; there the keyword is the only way to reserve `new` for a static factory.
      MethodDefinition: (node) => node.kind === "constructor" ? undefined : check(node),
    };
  },
};
