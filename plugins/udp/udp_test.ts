import assert from "node:assert/strict";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host } from "../../core/contracts/host.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { bindDatagramSocket } from "../../core/runtime/datagram_socket.ts";
import type { InterfaceAddress } from "../../core/runtime/interfaces.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { testTransport } from "../../tests/conformance/transport.ts";
import { test } from "../../tests/harness.ts";
import { udp } from "./mod.ts";
import { UdpTransport } from "./udp_transport.ts";

for (const loopback of ["127.0.0.1", "[::1]"]) {
  testTransport({
    name: `udp on ${loopback}`,
    nobody: { host: loopback.replace(/[[\]]/g, ""), port: 9 },
    skip: ["streams"],
    bed: () => ({
      create: (host) => udp({ listen: `${loopback}:0` }).create(host),
      createAt: (endpoint, host) => udp({ listen: formatEndpoint(endpoint) }).create(host),
      settle: (promise) => promise,
    }),
  });
}

function recordingHost(): Pick<Host, "drops" | "log"> & { messages: string[] } {
  const messages: string[] = [];
  const log: Host["log"] = {
    child: () => log,
    log: (level, message) => messages.push(`${level}: ${message}`),
  };
  return { log, messages, drops: { count: () => {} } };
}

function address(host: string, internal = false): InterfaceAddress {
  const linkLocal = host.startsWith("fe80:") || host.startsWith("169.254.");
  return { name: "eth0", host, family: host.includes(":") ? 6 : 4, internal, linkLocal };
}

const loopbacks = [address("127.0.0.1", true), address("::1", true)];

async function endpointsOf(listen: Endpoint, interfaces: readonly InterfaceAddress[]): Promise<string[]> {
  const machine = { bind: bindDatagramSocket, interfaces: () => interfaces };
  const transport = new UdpTransport(listen, recordingHost(), machine);
  await transport.start();
  const endpoints = transport.localEndpoints();
  await transport[Symbol.asyncDispose]();
  assert.ok(endpoints.every(({ port }) => port > 0));
  return endpoints.map(({ host }) => host);
}

test("a wildcard is every address others can reach, each once, without loopback and link-local", async () => {
  const interfaces = [
    ...loopbacks,
    ...["192.0.2.2", "192.0.2.2", "169.254.7.7", "fd00::2", "fe80::1"].map((host) => address(host)),
  ];
  assert.deepEqual(await endpointsOf({ host: "::", port: 0 }, interfaces), ["192.0.2.2", "fd00::2"]);
  assert.deepEqual(await endpointsOf({ host: "0.0.0.0", port: 0 }, interfaces), ["192.0.2.2"]);
});

test("a wildcard on a machine with loopback alone is loopback", async () => {
  assert.deepEqual(await endpointsOf({ host: "::", port: 0 }, loopbacks), ["127.0.0.1", "::1"]);
  assert.deepEqual(await endpointsOf({ host: "0.0.0.0", port: 0 }, [...loopbacks, address("fd00::2")]), [
    "127.0.0.1",
  ]);
});

test("a single address is itself, loopback too", async () => {
  assert.deepEqual(await endpointsOf({ host: "127.0.0.1", port: 0 }, [address("192.0.2.2")]), ["127.0.0.1"]);
});

test("without IPv6 the wildcard falls back to IPv4 and says so, a single address does not", async () => {
  for (const reason of ["EAFNOSUPPORT", "EADDRNOTAVAIL"]) {
    const tried: string[] = [];
    const bind: typeof bindDatagramSocket = (local, observer) => {
      tried.push(local.host);
      if (local.host === "0.0.0.0") return bindDatagramSocket(local, observer);
      return Promise.reject(new MeshError("BIND_FAILED", "no IPv6", { details: { reason } }));
    };
    const host = recordingHost();
    const machine = { bind, interfaces: () => loopbacks };
    const transport = new UdpTransport({ host: "::", port: 0 }, host, machine);
    await transport.start();
    assert.deepEqual(transport.localEndpoints().map(({ host }) => host), ["127.0.0.1"]);
    assert.deepEqual(host.messages, ["info: This machine has no IPv6; UDP listens on IPv4 only"]);
    await transport[Symbol.asyncDispose]();
    const single = new UdpTransport({ host: "2001:db8::1", port: 0 }, host, machine);
    await assert.rejects(single.start(), { code: "BIND_FAILED" });
    assert.deepEqual(tried, ["::", "0.0.0.0", "2001:db8::1"]);
  }
});

test("a taken port is not taken for a lack of IPv6", async () => {
  const first = udp({ listen: "[::]:0" }).create(recordingHost()) as UdpTransport;
  await first.start();
  const { port } = first.localEndpoints()[0]!;
  const second = udp({ listen: `[::]:${port}` }).create(recordingHost()) as UdpTransport;
  await assert.rejects(second.start(), {
    code: "BIND_FAILED",
    message: new RegExp(
      `^Cannot bind UDP \\[::\\]:${port}: address in use; .* --listen, or .* a further transport$`,
    ),
  });
  await first[Symbol.asyncDispose]();
});

test("repeated failures are logged ever more rarely", async () => {
  const host = recordingHost();
  let fail = (_error: unknown) => {};
  const machine = {
    interfaces: () => [],
    bind: ((_local, observer) => {
      fail = (error) => observer.failed(error);
      const local = { host: "127.0.0.1", port: 1 };
      return Promise.resolve({ local, send: () => true, receive: () => {}, close: () => Promise.resolve() });
    }) as typeof bindDatagramSocket,
  };
  await new UdpTransport({ host: "127.0.0.1", port: 0 }, host, machine).start();
  for (let i = 0; i < 1_000; i++) fail(new Error("broken"));
  assert.equal(host.messages.length, 10);
});

test("listen must be an address and a port", () => {
  for (const listen of ["6783", "localhost:6783", "[::]", "0.0.0.0:70000", "::1:6783", ""]) {
    assert.throws(() => udp({ listen }), {
      code: "CONFIG_INVALID",
      message: `udp.listen: expected address:port or [IPv6]:port, got ${JSON.stringify(listen)}`,
    });
  }
  assert.throws(() => udp({ port: 6783 } as never), { code: "CONFIG_INVALID", message: /port/ });
});

test("the default listens on every address of both families at port 6783", () => {
  const schema = udp.config["~standard"].jsonSchema?.input({ target: "draft-2020-12" });
  assert.equal(JSON.stringify(schema).includes('"default":"[::]:6783"'), true);
});
