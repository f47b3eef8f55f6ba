/**
 * Mutants of a source file: each is the file with one small fault, the kind that a tired person makes. A suite that does
 * not notice one has a hole there. Own code over Stryker: that one knows neither `node --test` on TypeScript sources nor
 * how our harness fails, and what it would save is this file.
 */
import ts from "typescript";

export interface Mutant {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly mutator: string;
  readonly original: string;
  readonly replacement: string;
  /** Offsets of `original` in the file. */
  readonly start: number;
  readonly end: number;
}

type Change = readonly [mutator: string, node: ts.Node, replacement: string];

/** All mutants of `source`, in order of place. Types, imports and the words of errors are left alone. */
export function mutantsOf(file: string, source: string): readonly Mutant[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const changes: Change[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return;
    if (ts.isTypeAliasDeclaration(node) || ts.isExportDeclaration(node)) return;
    changes.push(...changesOf(node));
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return changes.map(([mutator, node, replacement]) => {
    const start = node.getStart(tree);
    const { line } = tree.getLineAndCharacterOfPosition(start);
    return { file, line: line + 1, mutator, original: node.getText(tree), replacement, start, end: node.end };
  }).filter(({ original, replacement }) => original !== replacement);
}

/** The file with the mutant in it. */
export function applyMutant(source: string, { start, end, replacement }: Mutant): string {
  return source.slice(0, start) + replacement + source.slice(end);
}

/** `core/forwarding/forward.ts:12 boundary: "a < b" → "a <= b"`. */
export function describeMutant({ file, line, mutator, original, replacement }: Mutant): string {
  const short = (text: string) => {
    const flat = text.replaceAll(/\s+/g, " ");
    return flat.length > 70 ? `${flat.slice(0, 67)}...` : flat;
  };
  return `${file}:${line} ${mutator}: "${short(original)}" → "${short(replacement)}"`;
}

function changesOf(node: ts.Node): readonly Change[] {
  if (ts.isBinaryExpression(node)) return binaryChanges(node);
  if (ts.isIfStatement(node) || ts.isWhileStatement(node)) return conditionChanges(node.expression);
  if (ts.isConditionalExpression(node)) return branchChanges(node);
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) return unaryChanges(node);
  if (ts.isExpressionStatement(node)) return statementChanges(node);
  if (ts.isReturnStatement(node)) return returnChanges(node);
  if (ts.isCallExpression(node)) return callChanges(node);
  if (ts.isPropertyAccessExpression(node)) return accessChanges(node);
  return literalChanges(node);
}

/** By operator: the mutants it is swapped for, with the name of the mutator. */
const operators: Readonly<Record<string, readonly (readonly [mutator: string, operator: string])[]>> = {
  "<": [["boundary", "<="], ["negate", ">="]],
  "<=": [["boundary", "<"], ["negate", ">"]],
  ">": [["boundary", ">="], ["negate", "<="]],
  ">=": [["boundary", ">"], ["negate", "<"]],
  "===": [["negate", "!=="]],
  "!==": [["negate", "==="]],
  "&&": [["logic", "||"]],
  "||": [["logic", "&&"]],
  "+": [["arithmetic", "-"]],
  "-": [["arithmetic", "+"]],
  "*": [["arithmetic", "/"]],
  "/": [["arithmetic", "*"]],
  "%": [["arithmetic", "*"]],
  "<<": [["arithmetic", ">>"]],
  ">>": [["arithmetic", "<<"]],
  ">>>": [["arithmetic", "<<"]],
  "&": [["arithmetic", "|"]],
  "|": [["arithmetic", "&"]],
  "^": [["arithmetic", "&"]],
  "+=": [["arithmetic", "-="]],
  "-=": [["arithmetic", "+="]],
  "|=": [["arithmetic", "&="]],
  "&=": [["arithmetic", "|="]],
  "||=": [["logic", "="]],
  "&&=": [["logic", "="]],
};

function binaryChanges(node: ts.BinaryExpression): readonly Change[] {
  const { left, right, operatorToken } = node;
  if (operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken) {
    return [["fallback", node, left.getText()], ["fallback", node, `(${right.getText()})`]];
  }
  // Text joined to text is words for people.
  if (operatorToken.getText() === "+" && [left, right].some(isText)) return [];
  return (operators[operatorToken.getText()] ?? []).map(([mutator, operator]) =>
    [mutator, operatorToken, operator] as const
  );
}

function isText(node: ts.Node): boolean {
  return ts.isStringLiteral(node) || ts.isTemplateExpression(node);
}

function conditionChanges(condition: ts.Expression): readonly Change[] {
  return [["condition", condition, "true"], ["condition", condition, "false"]];
}

function branchChanges(node: ts.ConditionalExpression): readonly Change[] {
  return [
    ["branch", node, `(${node.whenTrue.getText()})`],
    ["branch", node, `(${node.whenFalse.getText()})`],
  ];
}

function unaryChanges(node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression): readonly Change[] {
  const operand = node.operand.getText();
  const isPrefix = ts.isPrefixUnaryExpression(node);
  const step = (operator: string) => isPrefix ? `${operator}${operand}` : `${operand}${operator}`;
  switch (node.operator) {
    case ts.SyntaxKind.ExclamationToken:
    case ts.SyntaxKind.MinusToken:
    case ts.SyntaxKind.TildeToken:
      return [["unary", node, operand]];
    case ts.SyntaxKind.PlusPlusToken:
      return [["step", node, step("--")]];
    case ts.SyntaxKind.MinusMinusToken:
      return [["step", node, step("++")]];
    default:
      return [];
  }
}

/** Without the statement; the name in front keeps the next line from being read as its continuation. */
function statementChanges(node: ts.ExpressionStatement): readonly Change[] {
  const isSuper = ts.isCallExpression(node.expression) &&
    node.expression.expression.kind === ts.SyntaxKind.SuperKeyword;
  return isSuper ? [] : [["statement", node, ";"]];
}

function returnChanges({ expression }: ts.ReturnStatement): readonly Change[] {
  if (expression === undefined || expression.getText() === "undefined") return [];
  return [["return", expression, "undefined as never"]];
}

const swappedCalls: Readonly<Record<string, string>> = {
  "Math.min": "Math.max",
  "Math.max": "Math.min",
  "Math.floor": "Math.ceil",
};

function callChanges(node: ts.CallExpression): readonly Change[] {
  const swapped = swappedCalls[node.expression.getText()];
  return swapped === undefined ? [] : [["call", node.expression, swapped]];
}

function accessChanges(node: ts.PropertyAccessExpression): readonly Change[] {
  const changes: Change[] = [];
  if (node.questionDotToken !== undefined) changes.push(["optional", node.questionDotToken, "."]);
  if (node.expression.getText() === "Drop") {
    changes.push(["code", node.name, node.name.text === "malformed" ? "badTag" : "malformed"]);
  }
  return changes;
}

function literalChanges(node: ts.Node): readonly Change[] {
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [["boolean", node, "false"]];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [["boolean", node, "true"]];
  if (ts.isNumericLiteral(node)) {
    const value = Number(node.getText().replaceAll("_", ""));
    return Number.isFinite(value)
      ? [["number", node, String(value + 1)], ["number", node, String(value - 1)]]
      : [];
  }
  if (ts.isStringLiteral(node) && isCode(node)) return [["code", node, '"MUTATED"']];
  return [];
}

/** A word that programs compare. What an error says to people is an argument of a class, but never the first one. */
function isCode(node: ts.StringLiteral): boolean {
  if (!/^[\w-]+$/.test(node.text)) return false;
  return !(ts.isNewExpression(node.parent) && node.parent.arguments?.[0] !== node);
}
