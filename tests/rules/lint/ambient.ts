/**
 * Time and chance are handed in. One node's protocol logic runs on a simulated clock and a seeded generator, and the
 * same seed must give the same trace: a single `Date.now()` anywhere would end that.
 */
import { mayBeAmbient, placeOf } from "./place.ts";
import { isReference, memberName, objectName } from "./reference.ts";

interface Forbidden {
  readonly hint: string;
  /** Names of global objects or functions whose every use is ambient. */
  readonly globals: readonly string[];
  /** `object.member`, or `*.member` for a method that is ambient on whatever object. */
  readonly members: readonly string[];
  /** Modules of the runtime with nothing else in them. */
  readonly modules: readonly string[];
}

const TIME: Forbidden = {
  hint: "Take `now` or a Clock as an argument; only core/runtime reads the machine's clock.",
  globals: ["setTimeout", "setInterval", "setImmediate", "performance"],
  members: ["Date.now", "Temporal.Now", "AbortSignal.timeout", "process.hrtime", "process.uptime"],
  modules: ["node:timers", "node:timers/promises", "node:perf_hooks"],
};

const CHANCE: Forbidden = {
  hint: "Take a Random as an argument; only core/runtime asks the machine for entropy.",
  globals: [],
  members: [
    "Math.random",
    ...[
      "*.getRandomValues",
      "*.randomUUID",
      "*.randomBytes",
      "*.randomInt",
      "*.randomFill",
      "*.randomFillSync",
    ],
    ...["*.randomSecretKey", "*.managedNonce", "crypto.generateKeySync", "crypto.generateKeyPairSync"],
    ...["crypto.generateKey", "crypto.generateKeyPair", "subtle.generateKey"],
  ],
  modules: [],
};

export const noAmbientTime: Deno.lint.Rule = {
  create(context) {
    if (mayBeAmbient(placeOf(context.filename))) return {};
    return {
      ...forbid(TIME, context),
      NewExpression(node) {
        if (isGlobalDate(node.callee) && node.arguments.length === 0) {
          reportUse(context, node, TIME, "new Date()");
        }
      },
      // Called without `new`, Date ignores its arguments and tells the current time.
      CallExpression(node) {
        if (isGlobalDate(node.callee)) reportUse(context, node, TIME, "Date()");
      },
    };
  },
};

export const noAmbientChance: Deno.lint.Rule = {
  create(context) {
    if (mayBeAmbient(placeOf(context.filename))) return {};
    return {
      ...forbid(CHANCE, context),
      // `keygen(seed)` of @noble is deterministic, `keygen()` draws its own seed.
      CallExpression(node) {
        if (node.arguments.length > 0 || calledName(node) !== "keygen") return;
        reportUse(context, node, CHANCE, "keygen()");
      },
    };
  },
};

function forbid(forbidden: Forbidden, context: Deno.lint.RuleContext): Deno.lint.LintVisitor {
  const report = (node: Deno.lint.Node, name: string) => reportUse(context, node, forbidden, name);
  return {
    Identifier(node) {
      if (forbidden.globals.includes(node.name) && isReference(node)) report(node, node.name);
    },
    MemberExpression(node) {
      const name = forbiddenMember(forbidden, objectName(node), memberName(node));
      if (name !== undefined) report(node, name);
    },
    VariableDeclarator(node) {
      for (const name of destructured(node)) {
        if (isForbiddenMember(forbidden, name)) report(node, name);
      }
    },
    ImportDeclaration(node) {
      const source = node.source.value;
      if (forbidden.modules.includes(source)) report(node, source);
      const object = moduleObject(source);
      if (object === undefined) return;
      for (const specifier of node.specifiers) {
        const name = `${object}.${importedName(specifier)}`;
        if (isForbiddenMember(forbidden, name)) report(specifier, name);
      }
    },
  };
}

function reportUse(context: Deno.lint.RuleContext, node: Deno.lint.Node, why: Forbidden, name: string): void {
  context.report({
    node,
    message: `${name} is ambient: a simulated node could not replace it`,
    hint: why.hint,
  });
}

function forbiddenMember(forbidden: Forbidden, object = "", member = ""): string | undefined {
  if (isForbiddenMember(forbidden, `${object}.${member}`)) return `${object}.${member}`;
  const throughGlobal = ["globalThis", "self", "window"].includes(object) &&
    forbidden.globals.includes(member);
  return throughGlobal ? `${object}.${member}` : undefined;
}

function isForbiddenMember(forbidden: Forbidden, name: string): boolean {
  return forbidden.members.includes(name) || forbidden.members.includes(`*${name.slice(name.indexOf("."))}`);
}

/** `["Date.now"]` for `const { now } = Date`. */
function destructured(node: Deno.lint.VariableDeclarator): string[] {
  if (node.id.type !== "ObjectPattern" || node.init?.type !== "Identifier") return [];
  const object = node.init.name;
  return node.id.properties.flatMap((property) =>
    property.type === "Property" && property.key.type === "Identifier"
      ? [`${object}.${property.key.name}`]
      : []
  );
}

/** `node:process` holds what the global `process` holds; @noble's generators are those of `crypto`. */
function moduleObject(source: string): string | undefined {
  if (source.startsWith("@noble/")) return "crypto";
  return source.startsWith("node:") ? source.slice("node:".length) : undefined;
}

function importedName(node: Deno.lint.ImportDeclaration["specifiers"][number]): string {
  if (node.type !== "ImportSpecifier") return "";
  return node.imported.type === "Identifier" ? node.imported.name : node.imported.value;
}

function calledName(node: Deno.lint.CallExpression): string | undefined {
  if (node.callee.type === "Identifier") return node.callee.name;
  return node.callee.type === "MemberExpression" ? memberName(node.callee) : undefined;
}

function isGlobalDate(node: Deno.lint.Node): boolean {
  if (node.type === "Identifier") return node.name === "Date";
  return node.type === "MemberExpression" && memberName(node) === "Date" && objectName(node) === "globalThis";
}
