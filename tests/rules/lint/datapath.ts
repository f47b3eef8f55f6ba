/**
 * The per-packet path is synchronous and total: it neither throws nor awaits. A thrown exception costs an allocation and
 * a stack walk per hostile packet, and an uncaught one ends the worker; an await would return to an event loop that
 * the worker never runs.
 */
import { isDatapath, placeOf } from "./place.ts";
import { isReference } from "./reference.ts";

/** cbor-x throws and wants its guards thrown too; the decoder of that file turns them into undefined. */
const MAY_THROW = new Set(["core/wire/cbor.ts"]);

export const noThrowInDatapath: Deno.lint.Rule = {
  create(context) {
    const place = placeOf(context.filename);
    if (!isDatapath(place) || MAY_THROW.has(place)) return {};
    return {
      ThrowStatement(node) {
        context.report({
          node,
          message: "The data path never throws",
          hint: "Return a Drop code or undefined, and let the caller count it.",
        });
      },
    };
  },
};

export const noAsyncInDatapath: Deno.lint.Rule = {
  create(context) {
    if (!isDatapath(placeOf(context.filename))) return {};
    const report = (node: Deno.lint.Node, what: string) =>
      context.report({
        node,
        message: `The data path is synchronous: no ${what}`,
        hint: "Hand the packet to the main thread (punt) for whatever has to wait.",
      });
    const asyncFunction = (node: { async: boolean } & Deno.lint.Node) => {
      if (node.async) report(node, "async function");
    };
    return {
      FunctionDeclaration: asyncFunction,
      FunctionExpression: asyncFunction,
      ArrowFunctionExpression: asyncFunction,
      AwaitExpression: (node) => report(node, "await"),
      ForOfStatement(node) {
        if (node.await) report(node, "for await");
      },
      Identifier(node) {
        if (["Promise", "PromiseLike"].includes(node.name) && isReference(node)) report(node, node.name);
      },
    };
  },
};
