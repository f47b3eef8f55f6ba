import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { parseEndpoint } from "../wire/endpoint.ts";
import { decodePathMessage, encodePathMessage, type PathMessage } from "./path_message.ts";

const long = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";

test("what is said is understood, the longest message included", () => {
  const endpoints = Array.from({ length: 8 }, () => parseEndpoint(long)!);
  const messages: readonly PathMessage[] = [
    { kind: "seen", endpoint: parseEndpoint("192.0.2.1:6783")! },
    { kind: "candidates", endpoints, wanted: true },
    { kind: "candidates", endpoints: [], wanted: false },
  ];
  for (const message of messages) {
    assert.deepEqual(decodePathMessage(encodePathMessage(message)), message);
  }
});

test("of more than eight endpoints the rest is neither said nor read", () => {
  const endpoints = Array.from({ length: 20 }, (_, index) => ({ host: `192.0.2.${index}`, port: 9 }));
  const said = decodePathMessage(encodePathMessage({ kind: "candidates", endpoints, wanted: true }));
  assert.equal(said?.kind === "candidates" && said.endpoints.length, 8);
  const texts = Array.from({ length: 20 }, (_, index) => `192.0.2.${index}:9`);
  const read = decodePathMessage(encodeCbor([1, "candidates", texts, true]));
  assert.equal(read?.kind === "candidates" && read.endpoints.length, 8);
});

test("what is no message is refused whole", () => {
  const wrong: readonly unknown[] = [
    ...[null, 1, "seen", [], [2, "seen", "192.0.2.1:9"], [1, "seen", 7], [1, "seen", "a.example:9"]],
    ...[[1, "seen", "192.0.2.1:0"], [1, "seen", "x".repeat(65)], [1, "candidates", "192.0.2.1:9", true]],
    ...[[1, "candidates", ["192.0.2.1:9"], 1], [1, "candidates", ["192.0.2.1:9", "nobody"], true], [
      1,
      "new",
    ]],
  ];
  for (const each of wrong) {
    assert.equal(decodePathMessage(encodeCbor(each)), undefined, JSON.stringify(each));
  }
  assert.equal(decodePathMessage(Uint8Array.of()), undefined);
  assert.equal(decodePathMessage(new Uint8Array(100).fill(0x9f)), undefined);
  assert.equal(decodePathMessage(encodeCbor([1, "candidates", ["x".repeat(600)], true])), undefined);
});
