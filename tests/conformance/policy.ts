/** What every policy must do, whatever it decides. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Flow, Policy, PolicyEndpoint } from "../../core/contracts/policy.ts";
import type { Address } from "../../core/contracts/values.ts";
import { test } from "../harness.ts";

export interface PolicyKit {
  /** Begins the tests' names. */
  readonly name: string;
  readonly create: () => Policy & Lifecycle;
  /** One whose policy is known and in force once the plugin has started. */
  readonly endpoint: PolicyEndpoint;
}

export function testPolicy({ name, create, endpoint }: PolicyKit): void {
  const started = async (body: (policy: Policy) => Promise<void> | void) => {
    const policy = create();
    try {
      await policy.start?.(new AbortController().signal);
      await body(policy);
    } finally {
      await policy[Symbol.asyncDispose]?.();
      await policy[Symbol.asyncDispose]?.();
    }
  };

  test(`${name}: any flow gets a verdict with a reason, the same one while the epoch is the same`, () =>
    started((policy) => {
      const judge = (flow: Flow) => {
        const epoch = policy.epoch();
        const verdict = policy.evaluate(flow);
        assert.equal(typeof verdict.allow, "boolean");
        assert.ok(verdict.because.length > 0);
        if (policy.epoch() === epoch) assert.deepEqual(policy.evaluate(flow), verdict);
      };
      fc.assert(fc.property(flows(), judge), { seed: 7, numRuns: 500 });
    }));

  test(`${name}: the gate of an endpoint opens once, and again after it was forgotten`, () =>
    started(async (policy) => {
      const { signal } = new AbortController();
      await policy.gate(endpoint, signal);
      await policy.gate(endpoint, signal);
      policy.forget(endpoint.owner);
      policy.forget("never seen");
      await policy.gate(endpoint, signal);
    }));

  test(`${name}: a gate whose signal has aborted stays closed`, () =>
    started(async (policy) => {
      await assert.rejects(policy.gate(endpoint, AbortSignal.abort()));
    }));

  test(`${name}: the epoch never goes back`, () =>
    started(async (policy) => {
      const before = policy.epoch();
      await policy.gate(endpoint, new AbortController().signal);
      const between = policy.epoch();
      policy.forget(endpoint.owner);
      assert.ok(between >= before && policy.epoch() >= between);
    }));

  test(`${name}: whoever watches it hears of every change of its epoch before anything else happens`, () =>
    started((policy) => watchThrough(policy, endpoint)));

  test(`${name}: it can be disposed without a start`, async () => {
    await create()[Symbol.asyncDispose]?.();
  });
}

async function watchThrough(policy: Policy, endpoint: PolicyEndpoint): Promise<void> {
  if (policy.watch === undefined) return;
  let heard = policy.epoch();
  policy.watch(() => heard = policy.epoch());
  const { signal } = new AbortController();
  for (let round = 0; round < 2; round++) {
    await policy.gate(endpoint, signal);
    assert.equal(heard, policy.epoch());
    policy.forget(endpoint.owner);
    assert.equal(heard, policy.epoch());
  }
}

function flows(): fc.Arbitrary<Flow> {
  const port = fc.integer({ min: 0, max: 65_535 });
  const rest = fc.record({
    direction: fc.constantFrom("ingress", "egress"),
    protocol: fc.integer({ min: 0, max: 255 }),
    sourcePort: port,
    destinationPort: port,
  });
  const sides = fc.constantFrom<4 | 6>(4, 6).chain((family) =>
    fc.tuple(addresses(family), addresses(family))
  );
  return fc.tuple(rest, sides).map(([flow, [source, destination]]) => ({ ...flow, source, destination }));
}

function addresses(family: 4 | 6): fc.Arbitrary<Address> {
  const length = family === 4 ? 4 : 16;
  return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => ({ family, bytes }));
}
