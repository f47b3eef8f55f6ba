import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "../../tests/harness.ts";
import { captureOrder } from "./capture_order.ts";

test("a file is given with or without a layer; inner packets and 100 MB are what is meant without", () => {
  const file = resolve("mesh.pcapng");
  const limit = 100_000_000;
  assert.deepEqual(captureOrder({ pcap: "mesh.pcapng" }), { file, layer: "inner", limit });
  assert.deepEqual(captureOrder({ pcap: "mesh.pcapng:inner" }), { file, layer: "inner", limit });
  assert.deepEqual(captureOrder({ pcap: "/var/x:y:outer" }), { file: "/var/x:y", layer: "outer", limit });
  assert.equal(captureOrder({ pcap: "/a:both" })!.file, "/a:both", "what is no layer is part of the name");
  assert.equal(captureOrder({}), undefined);
});

test("a limit is a number of bytes with k, M or G, and at least 10,000", () => {
  const limitOf = (pcapLimit: string) => captureOrder({ pcap: "/a", pcapLimit })!.limit;
  assert.deepEqual(["10000", "10k", "1.5M", "2G"].map(limitOf), [10_000, 10_000, 1_500_000, 2_000_000_000]);
  for (const text of ["", "9999", "9.9k", "-1M", "1T", "100 M", "M", "1e9", "0x10000", "99999999999G"]) {
    assert.throws(() => limitOf(text), { code: "INVALID_ARGUMENT" }, text);
  }
});

test("a limit without a file and a layer without one are mistakes", () => {
  assert.throws(() => captureOrder({ pcapLimit: "1M" }), { code: "INVALID_ARGUMENT" });
  assert.throws(() => captureOrder({ pcap: ":outer" }), { code: "INVALID_ARGUMENT" });
  assert.throws(() => captureOrder({ pcap: "" }), { code: "INVALID_ARGUMENT" });
});
