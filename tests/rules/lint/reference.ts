/**
 * What an identifier or a member access names. The linter hands out syntax without scopes, so a rule here takes every
 * use of a forbidden name as the global. A local variable of that name would be flagged too, which is wanted: a reader
 * cannot see the difference either.
 */

/** The member accessed, for `a.b` and `a["b"]`; undefined for a computed one. */
export function memberName(node: Deno.lint.MemberExpression): string | undefined {
  if (!node.computed) return node.property.type === "Identifier" ? node.property.name : undefined;
  return node.property.type === "Literal" && typeof node.property.value === "string"
    ? node.property.value
    : undefined;
}

/** `Date` for `Date.now`, also through the global object: `globalThis.Date.now`. */
export function objectName(node: Deno.lint.MemberExpression): string | undefined {
  const { object } = node;
  if (object.type === "Identifier") return object.name;
  if (object.type !== "MemberExpression" || !isGlobalObject(object.object)) return undefined;
  return memberName(object);
}

/** `globalThis`, `self` or `window`, also behind a type assertion or parentheses. */
function isGlobalObject(node: Deno.lint.Node): boolean {
  if (node.type === "TSAsExpression" || node.type === "TSNonNullExpression") {
    return isGlobalObject(node.expression);
  }
  return node.type === "Identifier" && ["globalThis", "self", "window"].includes(node.name);
}

/** False where the identifier only names a property, a method or an import of another module. */
export function isReference(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as Deno.lint.Node;
  switch (parent.type) {
    case "MemberExpression":
      return parent.computed || !sameRange(parent.property, node);
    case "Property":
      return parent.computed || parent.shorthand || !sameRange(parent.key, node);
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.computed || !sameRange(parent.key, node);
    case "ImportSpecifier":
    case "ExportSpecifier":
      return false;
    default:
      return true;
  }
}

function sameRange(a: Deno.lint.Node, b: Deno.lint.Node): boolean {
  return a.range[0] === b.range[0] && a.range[1] === b.range[1];
}
