import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import { greUdp } from "./mod.ts";

const router = { name: "router-1", endpoint: "198.51.100.9:4754", prefixes: ["192.168.7.0/24"] };

/** What is wrong with a configuration, one line each. */
function problems(input: unknown): readonly string[] {
  try {
    greUdp(input as Parameters<typeof greUdp>[0]);
  } catch (error) {
    assert.ok(error instanceof MeshError && error.code === "CONFIG_INVALID", String(error));
    return error.message.split("\n");
  }
  assert.fail("it was accepted");
}

function problemOf(part: object): string {
  const [first, ...rest] = problems({ peers: [{ ...router, ...part }] });
  assert.deepEqual(rest, []);
  return first!;
}

test("devices are made of what is listed, in both families, with or without a key", () => {
  const second = { name: "router-2", endpoint: "[2001:db8::2]:4754", prefixes: ["2001:db8:7::/48"], key: 7 };
  const machine = greUdp({ peers: [router, second] }).create({ drops: { count() {} } });
  assert.ok("fixedPeers" in machine && Array.isArray(machine.fixedPeers));
  const shown = machine.fixedPeers.map((
    { name, endpoint, key },
  ) => [name, endpoint.host, endpoint.port, key]);
  assert.deepEqual(shown, [["router-1", "198.51.100.9", 4754, undefined], [
    "router-2",
    "2001:db8::2",
    4754,
    7,
  ]]);
});

test("what is missing or unknown is named with its path", () => {
  assert.match(problems({})[0]!, /^gre_udp\.peers: /);
  assert.match(problems({ peers: [] })[0]!, /^gre_udp\.peers: expected at least one peer$/);
  assert.match(
    problems({ peers: [{ ...router, prefixes: [] }] })[0]!,
    /^gre_udp\.peers\[0\]\.prefixes: .*at least one/,
  );
  assert.match(problemOf({ ports: 1 }), /^gre_udp\.peers\[0\]: .*"ports"/);
});

test("a name, endpoint, prefix or key of the wrong form is named with its path and what was expected", () => {
  const at = "gre_udp\\.peers\\[0\\]\\.";
  assert.match(problemOf({ name: "two words" }), new RegExp(`^${at}name: expected 1 to 63`));
  for (const endpoint of ["router.example:4754", "198.51.100.9", "198.51.100.9:0", "2001:db8::1:4754"]) {
    assert.match(problemOf({ endpoint }), new RegExp(`^${at}endpoint: expected address:port`), endpoint);
  }
  for (
    const endpoint of [
      "0.0.0.0:4754",
      "[::]:4754",
      "224.0.0.1:4754",
      "[ff02::1]:4754",
      "255.255.255.255:4754",
    ]
  ) {
    assert.match(problemOf({ endpoint }), new RegExp(`^${at}endpoint: .* is no host's address$`), endpoint);
  }
  for (const prefix of ["192.168.7.1/24", "192.168.7.0", "10.0.0.0/33", "all"]) {
    assert.match(
      problemOf({ prefixes: [prefix] }),
      new RegExp(`^${at}prefixes\\[0\\]: expected a CIDR`),
      prefix,
    );
  }
  for (const key of [-1, 1.5, 2 ** 32, "7"]) {
    assert.match(problemOf({ key }), new RegExp(`^${at}key: `), String(key));
  }
});

test("a prefix that every network overlaps, or that no host is in, is refused", () => {
  for (const prefix of ["0.0.0.0/0", "::/0"]) {
    assert.match(problemOf({ prefixes: [prefix] }), /every network's own/);
  }
  const nowhere = ["224.0.0.0/4", "ff00::/8", "127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10"];
  const asWell = [
    "128.0.0.0/1",
    "255.255.255.255/32",
    "0.0.0.0/8",
    "::/1",
    "8000::/1",
    "::ffff:10.0.0.0/104",
  ];
  for (const prefix of [...nowhere, ...asWell]) {
    assert.match(problemOf({ prefixes: [prefix] }), /prefixes\[0\]: .* is not routed to any host/, prefix);
  }
});

test("two devices with one name, one source or one prefix are refused at the later one", () => {
  const twice = (part: object) =>
    problems({
      peers: [router, { name: "b", endpoint: "198.51.100.10:4754", prefixes: ["10.0.0.0/8"], ...part }],
    });
  assert.deepEqual(twice({ name: "Router-1" }), [
    'gre_udp.peers[1].name: there is a peer "Router-1" already',
  ]);
  assert.match(
    twice({ endpoint: "198.51.100.9:5000" })[0]!,
    /^gre_udp\.peers\[1\]\.endpoint: .*key of its own$/,
  );
  assert.match(
    twice({ prefixes: ["10.0.0.0/8", "192.168.7.0/24"] })[0]!,
    /^gre_udp\.peers\[1\]\.prefixes\[1\]: /,
  );
  const keyed = { name: "b", endpoint: "198.51.100.9:4754", prefixes: ["192.168.0.0/16"], key: 1 };
  assert.equal(
    greUdp({ peers: [router, keyed] }).name,
    "gre_udp",
    "a key tells them apart, and prefixes may nest",
  );
});

test("frames are chosen per device, and its gateways are one of each family and hosts", () => {
  const gateways = ["192.168.7.1", "fe80::1"];
  const tap = { ...router, name: "tap", endpoint: "198.51.100.10:4754", prefixes: ["10.0.0.0/8"] };
  const machine = greUdp({ peers: [router, { ...tap, ethernet: true, gateways }] })
    .create({ drops: { count() {} } });
  assert.deepEqual(machine.overhead, { 4: 46, 6: 66 }, "one device with frames counts for all");
  const at = /^gre_udp\.peers\[0\]\.gateways/;
  const ethernet = true;
  assert.match(problemOf({ gateways }), /^gre_udp\.peers\[0\]\.gateways: only a peer with ethernet: true/);
  assert.match(
    problemOf({ ethernet, gateways: ["10.0.0.1", "10.0.0.2"] }),
    /at most one gateway of each family/,
  );
  for (const text of ["router", "10.0.0.0/8"]) {
    assert.match(problemOf({ ethernet, gateways: [text] }), /expected an IP address without prefix/);
  }
  for (const text of ["224.0.0.1", "::", "127.0.0.1", "255.255.255.255", "ff02::1", "::ffff:10.0.0.1"]) {
    const problem = problemOf({ ethernet, gateways: [text] });
    assert.match(problem, /is no host's address$/);
    assert.match(problem, at);
  }
  assert.match(problemOf({ ethernet: "yes" }), /^gre_udp\.peers\[0\]\.ethernet: /);
});
