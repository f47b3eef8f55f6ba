import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Endpoint } from "../contracts/values.ts";
import { formatEndpoint, parseEndpoint } from "../wire/endpoint.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { rankCandidates } from "./candidates.ts";

const endpoints = (...texts: readonly string[]): Endpoint[] => texts.map((text) => parseEndpoint(text)!);
const ranges = [parsePrefix("10.32.0.0/12")!, parsePrefix("fd5a::/48")!];

function ranked(own: readonly string[], ...texts: readonly string[]): readonly string[] {
  return rankCandidates(endpoints(...texts), { own: endpoints(...own), ranges }).map(formatEndpoint);
}

test("the same link comes first, then IPv6 and IPv4 of the internet, then private addresses elsewhere", () => {
  const far = ["172.16.9.9:1", "[fd00:9::1]:1"];
  const theirs = [...far, "203.0.113.9:1", "[2001:db8:9::1]:1", "192.168.7.9:1", "[2001:db8:7::9]:1"];
  assert.deepEqual(ranked(["192.168.7.2:6783", "[2001:db8:7::2]:6783"], ...theirs), [
    ...["192.168.7.9:1", "[2001:db8:7::9]:1"],
    ...["[2001:db8:9::1]:1", "203.0.113.9:1"],
    ...far,
  ]);
});

test("nothing is sent to many, to this host, into the network itself, or where no zone says which link is meant", () => {
  const bad = [
    "224.0.0.1:5353",
    "[ff02::1]:5353",
    "255.255.255.255:9",
    "0.0.0.0:9",
    "[::]:9",
    "127.0.0.1:53",
  ];
  const more = ["[::1]:53", "169.254.169.254:80", "[fe80::1]:9", "10.32.0.7:6783", "[fd5a::7]:6783"];
  assert.deepEqual(ranked(["192.168.7.2:6783"], ...bad, ...more, "192.168.7.2:6783"), []);
  assert.deepEqual(
    rankCandidates([{ host: "192.0.2.1", port: 0 }, { host: "name", port: 1 }], { own: [], ranges }),
    [],
  );
});

test("nodes that listen on loopback alone meet there", () => {
  assert.deepEqual(ranked(["127.0.0.1:6783"], "127.0.0.1:6784"), ["127.0.0.1:6784"]);
  assert.deepEqual(ranked(["127.0.0.1:6783", "192.0.2.7:6783"], "127.0.0.1:6784"), []);
});

test("each is tried once, however it is written, and of many no more than eight", () => {
  assert.deepEqual(ranked([], "192.0.2.1:1", "[::ffff:192.0.2.1]:1"), ["192.0.2.1:1"]);
  const many = Array.from({ length: 40 }, (_, index) => `192.0.2.${index}:7`);
  assert.equal(ranked([], ...many).length, 8);
});
