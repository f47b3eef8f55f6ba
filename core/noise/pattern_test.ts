import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import {
  type DhToken,
  findPattern,
  type HandshakePattern,
  patternNames,
  type Role,
  senderOf,
  sendsStatic,
  type Token,
  withPsks,
} from "./pattern.ts";

test("there are 3 one-way, 12 fundamental and 23 deferred patterns", () => {
  const count = (shape: RegExp) => patternNames.filter((name) => shape.test(name)).length;
  assert.equal(count(/^[A-Z]$/), 3);
  assert.equal(count(/^[A-Z][A-Z]$/), 12);
  assert.equal(count(/1/), 23);
  assert.equal(patternNames.length, 38);
});

test("the derivation rules of the specification give every pattern of the table", () => {
  for (const name of patternNames) assert.deepEqual(derive(name), findPattern(name), name);
});

test("every pattern is valid, alone and with every choice of psk modifiers", () => {
  let checked = 0;
  for (const name of patternNames) {
    for (const pattern of variants(findPattern(name)!)) {
      assertValid(pattern);
      checked += 1;
    }
  }
  // Patterns of 1, 2, 3 and 4 messages; a modifier before the first and after each.
  assert.equal(checked, 3 * 2 ** 2 + 12 * 2 ** 3 + 18 * 2 ** 4 + 5 * 2 ** 5);
});

test("the validity check refuses what the specification forbids", () => {
  const invalid: Record<string, Token[][]> = {
    "es before the responder's key is known": [["e", "es"], ["e", "ee"]],
    "two ephemerals": [["e", "e"], ["e", "ee"]],
    "a repeated DH": [["e"], ["e", "ee"], ["ee"]],
    "a payload after se without ee": [["e", "s"], ["e", "se"], []],
    "a psk without an ephemeral": [["psk", "s"], ["e", "se"]],
  };
  for (const [why, messages] of Object.entries(invalid)) {
    const pattern = { ...findPattern("NN")!, messages, psks: 1 };
    assert.throws(() => assertValid(pattern), assert.AssertionError, why);
  }
});

test("psk0 stands before the first message's tokens and pskN behind those of the Nth", () => {
  const pattern = withPsks(findPattern("XX")!, [0, 1, 3])!;
  assert.equal(pattern.name, "XXpsk0+psk1+psk3");
  assert.equal(pattern.psks, 3);
  assert.deepEqual(pattern.messages, [["psk", "e", "psk"], ["e", "ee", "s", "es"], ["s", "se", "psk"]]);
  assert.deepEqual(findPattern("XX")!.messages[0], ["e"]);
});

test("psk positions that do not ascend or name no message are refused", () => {
  const pattern = findPattern("XX")!;
  for (const positions of [[4], [-1], [0, 0], [2, 1], [NaN]]) {
    assert.equal(withPsks(pattern, positions), undefined);
  }
});

test("names that are no pattern find none, also those that every object has", () => {
  for (const name of ["", "xx", "XX2", "constructor", "__proto__"]) {
    assert.equal(findPattern(name), undefined);
  }
});

test("a static key is sent by the side whose letter is X or I and by no other", () => {
  for (const name of patternNames) {
    const pattern = findPattern(name)!;
    const [initiator, responder] = lettersOf(name);
    assert.equal(sendsStatic(pattern, "initiator"), initiator === "X" || initiator === "I", name);
    assert.equal(sendsStatic(pattern, "responder"), responder === "X" && !pattern.oneWay, name);
  }
});

function variants(pattern: HandshakePattern): HandshakePattern[] {
  const places = pattern.messages.length + 1;
  return Array.from({ length: 2 ** places }, (_, choice) => {
    const positions = Array.from({ length: places }, (_, place) => place).filter((place) =>
      choice >> place & 1
    );
    return withPsks(pattern, positions)!;
  });
}

/** `K1X` to K and X; a one-way pattern has its responder's key known. */
function lettersOf(name: string): [string, string] {
  const letters = name.replaceAll("1", "");
  return [letters[0]!, letters[1] ?? "K"];
}

/** §18.3, as an obvious and slow twin of the table. */
function derive(name: string): HandshakePattern {
  const [initiator, responder] = lettersOf(name);
  const oneWay = name.length === 1;
  const state: Derivation = {
    initiator,
    responder,
    oneWay,
    has: new Set([...initiator === "K" ? ["initiator s"] : [], ...responder === "K" ? ["responder s"] : []]),
    deferred: new Set([...name[1] === "1" ? ["se"] : [], ...name.endsWith("1") ? ["es"] : []]),
    message: 0,
  };
  const messages: Token[][] = [];
  do {
    messages.push(deriveMessage(state));
    state.message += 1;
  } while (messages.at(-1)!.length > 0 && !oneWay);
  if (messages.at(-1)!.length === 0) messages.pop();
  const preMessages = { initiator: initiator === "K", responder: responder === "K" };
  return { name, preMessages, messages, oneWay, psks: 0 };
}

interface Derivation {
  readonly initiator: string;
  readonly responder: string;
  readonly oneWay: boolean;
  /** Keys sent so far as "role letter", and DH tokens done. */
  readonly has: Set<string>;
  /** Authentication DHs still to be put off by one message. */
  readonly deferred: Set<string>;
  message: number;
}

function deriveMessage(state: Derivation): Token[] {
  const self = senderOf(state.message);
  const tokens: Token[] = [];
  const skipped = new Set<Token>();
  for (;;) {
    const token = rulesOf(self).find((rule) => !skipped.has(rule) && applies(rule, self, state));
    if (token === undefined) return tokens;
    if (state.deferred.delete(token)) skipped.add(token);
    else {
      tokens.push(token);
      state.has.add(token.length === 1 ? `${self} ${token}` : token);
    }
  }
}

function rulesOf(self: Role): readonly Token[] {
  return self === "initiator" ? ["e", "ee", "se", "es", "ss", "s"] : ["e", "ee", "se", "es", "s"];
}

function applies(rule: Token, self: Role, state: Derivation): boolean {
  const { has, initiator, responder, oneWay, message } = state;
  if (rule === "e") return !has.has(`${self} e`);
  if (rule === "s") {
    if (has.has(`${self} s`)) return false;
    if (self === "responder") return responder === "X";
    return message === 0 ? initiator === "I" || oneWay && initiator === "X" : initiator === "X";
  }
  const bothKnown = has.has(`initiator ${rule[0]}`) && has.has(`responder ${rule[1]}`);
  if (has.has(rule) || !bothKnown) return false;
  return rule !== "ss" || has.has("es") && message === 0 && !state.deferred.has("se");
}

/** §7.3 and §9.3. */
function assertValid(pattern: HandshakePattern): void {
  const done = new Set<string>();
  for (const role of ["initiator", "responder"] as const) {
    if (pattern.preMessages[role]) done.add(`${role} s`);
  }
  let keyed = false;
  pattern.messages.forEach((tokens, number) => {
    const self = senderOf(number);
    for (const token of tokens) {
      if (token === "s" && keyed) assertMayEncrypt(self, done, pattern);
      assertMayProcess(token, self, done, pattern);
      done.add(token.length === 1 ? `${self} ${token}` : token);
      keyed ||= token.length > 1;
    }
    if (keyed) assertMayEncrypt(self, done, pattern);
  });
  assertMayEncrypt("initiator", done, pattern);
  if (!pattern.oneWay) assertMayEncrypt("responder", done, pattern);
}

function assertMayProcess(
  token: Token,
  self: Role,
  done: ReadonlySet<string>,
  { name }: HandshakePattern,
): void {
  if (token === "psk") return;
  if (token === "e" || token === "s") {
    return assert.ok(!done.has(`${self} ${token}`), `${name}: ${self} repeats ${token}`);
  }
  assert.ok(!done.has(token), `${name} repeats ${token}`);
  assert.ok(
    done.has(`initiator ${token[0]}`) && done.has(`responder ${token[1]}`),
    `${name}: no keys for ${token}`,
  );
}

function assertMayEncrypt(self: Role, done: ReadonlySet<string>, { name }: HandshakePattern): void {
  const needed: [DhToken, DhToken][] = self === "initiator"
    ? [["se", "ee"], ["ss", "es"]]
    : [["es", "ee"], ["ss", "se"]];
  for (const [after, unless] of needed) {
    assert.ok(
      !done.has(after) || done.has(unless),
      `${name}: ${self} encrypts after ${after} without ${unless}`,
    );
  }
  assert.ok(!done.has("psk") || done.has(`${self} e`), `${name}: ${self} encrypts after psk without e`);
}
