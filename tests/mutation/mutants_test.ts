import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { allFiles, readText } from "../rules/source_files.ts";
import { applyMutant, describeMutant, mutantsOf } from "./mutants.ts";
import { mutationTargets } from "./targets.ts";

/** Every mutant of a source, as the changed text with its mutator in front. */
function mutants(source: string): string[] {
  return mutantsOf("x.ts", source).map((mutant) => `${mutant.mutator}: ${applyMutant(source, mutant)}`);
}

test("comparisons are moved by one and turned round", () => {
  assert.deepEqual(mutants("f(a < b);").filter((text) => !text.startsWith("statement")), [
    "boundary: f(a <= b);",
    "negate: f(a >= b);",
  ]);
  assert.ok(mutants("f(a === b);").includes("negate: f(a !== b);"));
});

test("conditions become true and false, branches one of the two, fallbacks either side", () => {
  assert.deepEqual(mutants("if (a) ;"), ["condition: if (true) ;", "condition: if (false) ;"]);
  assert.deepEqual(mutants("const x = a ? b : c;"), ["branch: const x = (b);", "branch: const x = (c);"]);
  assert.deepEqual(mutants("const x = a ?? b;"), ["fallback: const x = a;", "fallback: const x = (b);"]);
});

test("arithmetic, logic, steps, signs and literals are changed", () => {
  assert.deepEqual(mutants("const x = a % b;"), ["arithmetic: const x = a * b;"]);
  assert.deepEqual(mutants("const x = a && !b;"), ["logic: const x = a || !b;", "unary: const x = a && b;"]);
  assert.deepEqual(mutants("const x = 1_000;"), ["number: const x = 1001;", "number: const x = 999;"]);
  assert.deepEqual(mutants("const x = true;"), ["boolean: const x = false;"]);
  assert.ok(mutants("n++;").includes("step: n--;"));
  assert.deepEqual(mutants("const x = a?.b;"), ["optional: const x = a.b;"]);
});

test("statements go, results become undefined, codes become others", () => {
  assert.deepEqual(mutants("run();"), ["statement: ;"]);
  assert.deepEqual(mutants("function f() { return a; }"), [
    "return: function f() { return undefined as never; }",
  ]);
  assert.deepEqual(mutants("const x = Drop.badTag;"), ["code: const x = Drop.malformed;"]);
  assert.deepEqual(mutants('const x = "BIND_FAILED";'), ['code: const x = "MUTATED";']);
});

test("types, imports and words for people are left alone", () => {
  const source =
    'import { a } from "a"; type T = "x" | 1; interface I { readonly n: 1 } const w = "it is so";';
  assert.deepEqual(mutants(source), []);
  assert.deepEqual(mutants('throw new MeshError("CODE", "words");'), [
    'code: throw new MeshError("MUTATED", "words");',
  ]);
});

test("a mutant is named with its place", () => {
  const [mutant] = mutantsOf("x.ts", "const y = 0;\nconst x = a < b;");
  assert.equal(describeMutant(mutant!), 'x.ts:1 number: "0" → "1"');
});

test("what is to be mutated is there, with mutants, and its tests are there", () => {
  const files = allFiles();
  for (const { file, tests } of mutationTargets) {
    assert.ok(mutantsOf(file, readText(file)).length > 20, file);
    assert.deepEqual(tests.filter((path) => !files.includes(path)), [], file);
  }
});
