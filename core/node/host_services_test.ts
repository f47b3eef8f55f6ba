import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { HostService, ServiceRequest } from "../contracts/exposure.ts";
import { parseAddress } from "../wire/address.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { FakeStore } from "./node_fixture.ts";
import { mostServices, putHost, readHost, unexposed } from "./host_record.ts";
import { serviceStatus, withoutService, withService } from "./host_services.ts";

const limits = {
  ranges: ["10.32.0.0/12", "fd00::/48"].map((text) => parsePrefix(text)!),
  closed: [{ protocol: "tcp", port: 6784 }] as const,
};
const web: ServiceRequest = { listen: "0.0.0.0:8080", target: "10.32.0.5:80" };

function kept(...requests: readonly ServiceRequest[]): readonly HostService[] {
  return requests.reduce<readonly HostService[]>(
    (services, request) => withService(services, request, limits).services,
    [],
  );
}

function shown(services: readonly HostService[], ...own: readonly string[]): readonly string[] {
  const addresses = own.map((text) => parseAddress(text)!);
  return services.map((service) => Object.values(serviceStatus(service, addresses)).join(" "));
}

test("services of both kinds, protocols and families stand beside each other at one port", () => {
  const services = kept(
    web,
    { ...web, protocol: "udp" },
    { listen: "[::]:8080", target: "[fd00::5]:80" },
    { ...web, listen: "192.0.2.1:8080" },
    { kind: "import", listen: "10.32.0.9:8080", target: "192.0.2.7:80" },
  );
  assert.deepEqual(shown(services, "10.32.0.9"), [
    "export tcp 0.0.0.0:8080 10.32.0.5:80 active",
    "export udp 0.0.0.0:8080 10.32.0.5:80 active",
    "export tcp [::]:8080 [fd00::5]:80 waiting",
    "export tcp 192.0.2.1:8080 10.32.0.5:80 active",
    "import tcp 10.32.0.9:8080 192.0.2.7:80 active",
  ]);
  assert.deepEqual(shown(services, "10.32.0.8").at(-1), "import tcp 10.32.0.9:8080 192.0.2.7:80 waiting");
});

test("the same service again changes nothing, and another target only when it is to be bound anew", () => {
  const services = kept(web);
  assert.equal(withService(services, web, limits).services, services);
  const other = { ...web, target: "10.32.0.6:80" };
  assert.throws(() => withService(services, other, limits), { code: "ADDRESS_TAKEN" });
  const bound = withService(services, { ...other, rebind: true }, limits);
  assert.deepEqual(shown(bound.services, "10.32.0.9"), ["export tcp 0.0.0.0:8080 10.32.0.6:80 active"]);
  assert.throws(() => withService([], { ...other, rebind: true }, limits), { code: "NOT_FOUND" });
});

test("an import that is bound anew stays an import", () => {
  const services = kept({ kind: "import", listen: "10.32.0.9:5432", target: "192.0.2.7:5432" });
  const request = { listen: "10.32.0.9:5432", target: "192.0.2.8:5432", rebind: true };
  assert.equal(withService(services, request, limits).service.kind, "import");
});

test("what no packet could follow is refused with a reason", () => {
  const wrong: readonly (readonly [ServiceRequest, RegExp])[] = [
    [{ ...web, listen: "8080" }, /no address with a port/],
    [{ ...web, listen: "0.0.0.0:0" }, /no address with a port/],
    [{ ...web, target: "web:80" }, /no address with a port/],
    [{ ...web, target: "0.0.0.0:80" }, /no place that packets can be sent to/],
    [{ ...web, target: "127.0.0.1:80" }, /no place that packets can be sent to/],
    [{ ...web, target: "192.0.2.7:80" }, /no address of the network/],
    [{ ...web, target: "[fd00::5]:80" }, /IPv4, or both IPv6/],
    [{ ...web, listen: "127.0.0.1:8080" }, /nobody can come to 127\.0\.0\.1/],
    [
      { kind: "import", listen: "0.0.0.0:80", target: "192.0.2.7:80" },
      /address that the host has in the network/,
    ],
    [
      { kind: "import", listen: "192.0.2.1:80", target: "192.0.2.7:80" },
      /address that the host has in the network/,
    ],
    [{ kind: "import", listen: "10.32.0.9:80", target: "10.32.0.5:80" }, /in the network already/],
  ];
  for (const [request, message] of wrong) {
    assert.throws(() => withService([], request, limits), { code: "INVALID_ARGUMENT", message });
  }
  assert.throws(() => withService([], { ...web, listen: "0.0.0.0:6784" }, limits), { code: "ADDRESS_TAKEN" });
  const [service] = kept(web);
  const full = Array.from(
    { length: mostServices },
    (_, i) => ({ ...service!, listen: { address: undefined, port: i + 9000 } }),
  );
  assert.throws(() => withService(full, web, limits), { code: "POOL_EXHAUSTED" });
});

test("a service is removed by where it listens, and nothing else with it", () => {
  const services = kept(web, { ...web, protocol: "udp" }, { listen: "[::]:8080", target: "[fd00::5]:80" });
  assert.equal(withoutService(services, "tcp", "0.0.0.0:8080").length, 2);
  assert.throws(() => withoutService(services, "udp", "[::]:8080"), { code: "NOT_FOUND" });
});

test("the record of the host comes back as it was, and none is written when there is nothing to say", async () => {
  const services = kept(web, {
    kind: "import",
    protocol: "udp",
    listen: "[fd00::9]:53",
    target: "[2001:db8::1]:53",
  });
  const leases = [{ owner: "host", address: parseAddress("fd00::9")!, bits: 48 }];
  const record = {
    leases,
    name: "gateway",
    masquerade: false,
    randomFully: true,
    noMasqLocal: true,
    services,
  };
  const store = new FakeStore();
  assert.equal(readHost(store), unexposed);
  await store.commit([putHost(record)]);
  assert.deepEqual(readHost(store), record);
  await store.commit([putHost(unexposed)]);
  assert.deepEqual([...store.content], []);
});

test("a record that is cut or changed anywhere is refused or still a record", async () => {
  const store = new FakeStore();
  await store.commit([putHost({ ...unexposed, services: kept(web) })]);
  const [[key, value]] = [...store.content] as [[string, Uint8Array]];
  for (let at = 0; at < value.length; at++) {
    for (const damaged of [value.subarray(0, at), value.with(at, value[at]! ^ 0x41)]) {
      store.content.set(key, damaged);
      try {
        assert.ok(readHost(store).services.length <= 1);
      } catch (error) {
        assert.match((error as { code: string }).code, /^(STATE_CORRUPT|UNSUPPORTED)$/);
      }
    }
  }
});
