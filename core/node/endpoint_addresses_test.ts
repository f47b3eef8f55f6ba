/** Addresses that an attached endpoint gets and loses. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { EndpointRig } from "../../tests/sim/endpoint_rig.ts";
import { MeshError } from "../contracts/errors.ts";
import { formatAddress } from "../wire/address.ts";

const { signal } = new AbortController();

async function attachedRig(): Promise<EndpointRig> {
  const rig = new EndpointRig("web");
  await rig.attach("web", { name: "web-1", addresses: ["10.32.1.5"] });
  rig.history.length = 0;
  return rig;
}

function addressesOf(rig: EndpointRig) {
  return [rig.endpoints.list()[0]!.addresses, rig.ipam.held.map(({ address }) => formatAddress(address))];
}

test("what comes is known to policy and disk before the interface has it", async () => {
  const rig = await attachedRig();
  const events: unknown[] = [];
  rig.events.on(
    "endpoint:attached",
    ({ addresses }) => void events.push(addresses.map(formatAddress)),
    signal,
  );
  const attached = await rig.attach("web", { addresses: ["10.32.1.6/24", "fd00::7"] });
  assert.deepEqual(attached.addresses, ["10.32.1.5/12", "10.32.1.6/24", "fd00::7/48"]);
  assert.equal(attached.name, "web-1", "what is not said stays");
  assert.deepEqual(rig.history, [
    "lease 10.32.1.6",
    "lease fd00::7",
    "gate",
    "commit node/endpoint",
    "change netns:web 10.32.1.5,10.32.1.6,fd00::7",
  ]);
  assert.deepEqual(events, [["10.32.1.5", "10.32.1.6", "fd00::7"]]);
  rig.boot();
  await rig.endpoints.restore();
  assert.deepEqual(rig.endpoints.list()[0], attached);
});

test("what goes passes no more before policy and disk forget it, and is given back last", async () => {
  const rig = await attachedRig();
  await rig.attach("web", { addresses: ["net:10.32.2.0/24", "fd00::7"] });
  rig.history.length = 0;
  await rig.endpoints.detach("netns:web", signal, ["ip:10.32.1.5", "net:10.32.2.0/24"]);
  assert.deepEqual(rig.history, [
    "change netns:web fd00::7",
    "gate",
    "commit node/endpoint",
    "release 10.32.1.5",
    "release 10.32.2.10",
  ]);
  assert.deepEqual(addressesOf(rig), [["fd00::7/48"], ["fd00::7"]]);
  await rig.endpoints.detach({ netns: "web" }, signal, ["fd00::7"]);
  rig.expectNothing();
});

test("an address that it does not have, or that cannot be, takes nothing away", async () => {
  const rig = await attachedRig();
  const cases = [[["10.32.1.5", "10.32.1.6"], "NOT_FOUND"], [["x"], "INVALID_ARGUMENT"]] as const;
  for (const [addresses, code] of cases) {
    await assert.rejects(rig.endpoints.detach("netns:web", signal, addresses), { code });
  }
  assert.deepEqual(rig.history, []);
});

for (const step of ["gate", "commit", "change netns:web 10.32.1.5,10.32.1.6"]) {
  test(`further addresses that fail at ${step} leave what was before`, async () => {
    const rig = await attachedRig();
    const before = new Map(rig.store.content);
    let isFailing = true;
    const fail = (each: string) => {
      if (!isFailing || !each.startsWith(step)) return;
      isFailing = false;
      throw new MeshError("PLUGIN_FAILED", `${step} failed`);
    };
    rig.host.before = fail;
    rig.gate = () => fail("gate");
    if (step === "commit") rig.store.isFull = true;
    await assert.rejects(rig.attach("web", { addresses: ["10.32.1.6"] }));
    rig.store.isFull = false;
    assert.deepEqual(addressesOf(rig), [["10.32.1.5/12"], ["10.32.1.5"]]);
    assert.deepEqual(rig.store.content, before);
    assert.equal((await rig.attach("web", { addresses: ["10.32.1.6"] })).addresses.length, 2);
  });
}

test("an interface that cannot be changed keeps all its addresses", async () => {
  const rig = await attachedRig();
  await rig.attach("web", { addresses: ["10.32.1.6"] });
  rig.host.before = (step) => {
    if (step === "change netns:web 10.32.1.6") throw new MeshError("PLUGIN_FAILED", "no");
  };
  await assert.rejects(rig.endpoints.detach("netns:web", signal, ["10.32.1.5"]), { code: "PLUGIN_FAILED" });
  assert.deepEqual(addressesOf(rig), [["10.32.1.5/12", "10.32.1.6/12"], ["10.32.1.5", "10.32.1.6"]]);
});

test("an endpoint has no more than 64 addresses", async () => {
  const rig = await attachedRig();
  for (let part = 0; part < 4; part++) {
    const addresses = Array.from(
      { length: part === 3 ? 15 : 16 },
      (_, index) => `10.32.3.${16 * part + index + 1}`,
    );
    await rig.attach("web", { addresses });
  }
  await assert.rejects(rig.attach("web", { addresses: ["10.32.9.9"] }), {
    code: "INVALID_ARGUMENT",
    message: /over 64/,
  });
  assert.equal(rig.ipam.held.length, 64);
});
