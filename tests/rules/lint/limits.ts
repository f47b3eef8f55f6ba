/** Over a limit means a missing name: the cure is a second function or a second file, not a higher limit. */

const MAX_FUNCTION_LINES = 60;
const MAX_FILE_LINES = 400;
const MAX_PARAMETERS = 4;

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

export const maxFunctionLines: Deno.lint.Rule = {
  create(context) {
    return onFunction((node) => {
      const lines = countLines(context.sourceCode.text, node.range);
      if (lines <= MAX_FUNCTION_LINES) return;
      context.report({
        node,
        message: `Function of ${lines} lines; at most ${MAX_FUNCTION_LINES}`,
        hint: "Name a part of it and move that out.",
      });
    });
  },
};

export const maxParameters: Deno.lint.Rule = {
  create(context) {
    return onFunction((node) => {
      const count = node.params.length;
      if (count <= MAX_PARAMETERS) return;
      context.report({
        node,
        message: `Function of ${count} parameters; at most ${MAX_PARAMETERS}`,
        hint: "Group what belongs together in an interface.",
      });
    });
  },
};

export const maxFileLines: Deno.lint.Rule = {
  create(context) {
    return {
      Program(node) {
        const text = context.sourceCode.text.replace(/\n$/, "");
        const lines = countLines(text, [0, text.length]);
        if (lines <= MAX_FILE_LINES) return;
        context.report({
          node,
          message: `File of ${lines} lines; at most ${MAX_FILE_LINES}`,
          hint: "Split it by subject.",
        });
      },
    };
  },
};

function onFunction(check: (node: FunctionNode) => void): Deno.lint.LintVisitor {
  return { FunctionDeclaration: check, FunctionExpression: check, ArrowFunctionExpression: check };
}

function countLines(text: string, [start, end]: Deno.lint.Range): number {
  let lines = 1;
  for (let at = text.indexOf("\n", start); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
