import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { type Plugin, type SlotName, slotOrder } from "../contracts/plugin.ts";
import { assertShape } from "./part_shape.ts";
import { PartStack } from "./part_stack.ts";

function partOf(...methods: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(methods.map((method) => [method, () => {}]));
}

function messageFor(slot: SlotName, part: unknown): string {
  try {
    assertShape({ slot, name: "x" }, part);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

test("a plugin whose part lacks a method of its slot is named at once, with all that is missing", () => {
  assert.equal(
    messageFor("policy", partOf("gate", "forget", "epoch")),
    'The policy plugin "x" has no evaluate()',
  );
  assert.equal(
    messageFor("policy", { ...partOf("gate", "epoch"), evaluate: true }),
    'The policy plugin "x" has no evaluate(), no forget()',
  );
  assert.equal(
    messageFor("names", partOf("register", "lookup", "reverse", "records")),
    'The names plugin "x" has no withdraw()',
  );
});

test("in every slot nothing, and what is no object, is no part", () => {
  for (const slot of slotOrder) {
    for (const part of [undefined, null, 7, () => {}]) {
      assert.match(messageFor(slot, part), new RegExp(`^The ${slot} plugin "x" has no object`));
    }
    if (slot !== "transport") assert.match(messageFor(slot, {}), /has no \w+\(\)/, slot);
  }
});

test("a port that finds places has to remember and to reset what it makes there", () => {
  const port = partOf("deliver", "receive", "attach", "detach", "attached");
  assert.equal(messageFor("port", port), "");
  assert.equal(
    messageFor("port", { ...port, ...partOf("locate", "watch", "remains") }),
    'The port plugin "x" has no look(), no forgetRemains(), no reset()',
  );
});

test("parts of parts are looked at where they are", () => {
  const ipam = partOf("ranges", "allocate", "claim", "release", "leases");
  const routes = partOf("routes", "version", "credentials");
  assert.match(messageFor("ipam", ipam), /no routes\.routes\(\), no routes\.version\(\)/);
  assert.equal(messageFor("ipam", { ...ipam, routes }), 'The ipam plugin "x" has no routes.learn()');
  assert.equal(messageFor("transport", {}), "", "what it moves is asked for by those who need it");
  const datagrams = partOf("localEndpoints", "send");
  assert.equal(messageFor("transport", { datagrams }), 'The transport plugin "x" has no datagrams.receive()');
  const streams = partOf("localEndpoints", "dial", "accept");
  assert.equal(messageFor("transport", { streams }), 'The transport plugin "x" has no streams.disconnect()');
  const machine = partOf(
    ...["connect", "forget", "disconnect", "seal", "handleDatagram", "handleTimeout", "pollTimeout", "poll"],
  );
  assert.equal(
    messageFor("encapsulation", { ...machine, overhead: { 4: 60 } }),
    'The encapsulation plugin "x" has no overhead of 4 and 6',
  );
  const whole = { ...machine, overhead: { 4: 60, 6: 80 } };
  assert.equal(messageFor("encapsulation", whole), "");
  assert.equal(messageFor("encapsulation", { ...whole, fixedPeers: [] }), "");
  assert.match(
    messageFor("encapsulation", { ...whole, fixedPeers: undefined }),
    /has no list of fixedPeers$/,
  );
  assert.match(messageFor("encapsulation", { ...whole, overhead: { 4: 60, 6: NaN } }), /has no overhead/);
});

test("methods of a class count, and a part that is refused is disposed all the same", async () => {
  class Good {
    evaluate() {}
    gate() {}
    forget() {}
    epoch() {}
  }
  assert.equal(messageFor("policy", new Good()), "");
  let disposed = 0;
  const bad = { [Symbol.asyncDispose]: () => Promise.resolve(void disposed++) };
  const plugin = { slot: "policy", name: "bad", create: () => bad } as unknown as Plugin<"policy", null>;
  const stack = new PartStack(new AbortController().signal);
  assert.throws(() => stack.create(plugin, null), {
    code: "PLUGIN_FAILED",
    message: /policy plugin "bad" has no/,
  });
  await stack[Symbol.asyncDispose]();
  assert.equal(disposed, 1);
});
