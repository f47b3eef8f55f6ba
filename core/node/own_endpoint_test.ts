import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { AllocationRequest, Ipam, Lease } from "../contracts/ipam.ts";
import type { Policy, PolicyEndpoint } from "../contracts/policy.ts";
import type { AttachedPort, Attachment, Port } from "../contracts/port.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { formatPrefix, parsePrefix } from "../wire/prefix.ts";
import { attachSelf } from "./own_endpoint.ts";

const ranges = [parsePrefix("10.32.0.0/12")!, parsePrefix("fd00::/48")!];
const { signal } = new AbortController();

function rig(fails?: string) {
  const history: string[] = [];
  const step = (name: string) => {
    history.push(name);
    if (name === fails) throw new Error(`${name} failed`);
  };
  const allocate = async ({ owner, subnet }: AllocationRequest): Promise<Lease> => {
    await Promise.resolve();
    step(`allocate ${owner} ${formatPrefix(subnet)}`);
    const address = parseAddress(subnet.address.family === 4 ? "10.32.0.1" : "fd00::1")!;
    return { owner, address, bits: subnet.bits };
  };
  const attach = async ({ owner, name, leases, mtu }: Attachment): Promise<AttachedPort> => {
    await Promise.resolve();
    step(`attach ${owner} ${name} ${mtu}`);
    return {
      owner,
      leases,
      mtu,
      open: async () => {
        await Promise.resolve();
        step("open");
      },
    };
  };
  const parts = {
    name: "web",
    mtu: 1400,
    ipam: { ranges: () => ranges, allocate } as unknown as Ipam,
    port: { attach } as unknown as Port,
    policy: {
      gate: async ({ owner, addresses }: PolicyEndpoint) => {
        await Promise.resolve();
        step(`gate ${owner} ${addresses.map(formatAddress)}`);
      },
    } as unknown as Policy,
  } satisfies Parameters<typeof attachSelf>[0];
  return { history, parts };
}

const whole = [
  "allocate node 10.32.0.0/12",
  "allocate node fd00::/48",
  "attach node web 1400",
  "gate node 10.32.0.1,fd00::1",
  "open",
];

test("the node gets an address of each family, and its port opens only when policy has answered", async () => {
  const { history, parts } = rig();
  const attached = await attachSelf(parts, signal);
  assert.deepEqual(attached.leases.map(({ address }) => formatAddress(address)), ["10.32.0.1", "fd00::1"]);
  assert.deepEqual(history, whole);
});

test("whatever fails, no later step is taken: a port without a policy stays closed", async () => {
  for (const [index, fails] of whole.entries()) {
    const { history, parts } = rig(fails);
    await assert.rejects(attachSelf(parts, signal), new RegExp(`${fails.slice(0, 5)}.* failed`));
    const allocations = Math.max(2, index + 1);
    assert.deepEqual(history, whole.slice(0, allocations), fails);
  }
});
