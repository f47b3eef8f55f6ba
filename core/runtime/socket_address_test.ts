import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { decodeSockaddr, encodeSockaddr, SOCKADDR_LENGTH } from "./socket_address.ts";

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function encoded(host: string, port: number, family: 4 | 6): string {
  const bytes = new Uint8Array(40).fill(0xee);
  const length = encodeSockaddr({ host, port }, family, bytes, 4);
  assert.ok(bytes.subarray(0, 4).every((byte) => byte === 0xee));
  assert.ok(bytes.subarray(4 + length).every((byte) => byte === 0xee));
  return hex(bytes.subarray(4, 4 + length));
}

test("addresses are written as the kernel has them, IPv4 as mapped for a socket of both families", () => {
  assert.equal(encoded("192.0.2.1", 6783, 4), "02001a7fc00002010000000000000000");
  assert.equal(
    encoded("2001:db8::1", 443, 6),
    `0a0001bb00000000${"20010db8000000000000000000000001"}00000000`,
  );
  assert.equal(
    encoded("192.0.2.1", 6783, 6),
    `0a001a7f00000000${"00000000000000000000ffffc0000201"}00000000`,
  );
  assert.equal(encoded("::ffff:192.0.2.1", 6783, 4), encoded("192.0.2.1", 6783, 4));
});

test("what a socket cannot send to is written as nothing", () => {
  for (
    const [host, port] of [["2001:db8::1", 1], ["a.name", 1], ["192.0.2.1", 65_536], [
      "192.0.2.1",
      -1,
    ]] as const
  ) {
    assert.equal(encoded(host, port, 4), "");
  }
  assert.equal(encodeSockaddr({ host: "::1", port: 1 }, 6, new Uint8Array(30), 3), 0);
});

test("an address is read as it was written, at any place, and mapped ones as IPv4", () => {
  for (const host of ["192.0.2.1", "2001:db8::1", "::"]) {
    const bytes = new Uint8Array(60).fill(0xee);
    encodeSockaddr({ host, port: 50_000 }, 6, bytes, 7);
    assert.deepEqual(decodeSockaddr(bytes, 7), { host, port: 50_000 });
  }
});

test("bytes that end early and other families are no address", () => {
  const bytes = new Uint8Array(SOCKADDR_LENGTH);
  encodeSockaddr({ host: "::1", port: 1 }, 6, bytes, 0);
  assert.equal(decodeSockaddr(bytes.subarray(0, 27), 0), undefined);
  assert.equal(decodeSockaddr(bytes, 1), undefined);
  assert.equal(decodeSockaddr(bytes, 28), undefined);
  bytes[1] = 1;
  assert.equal(decodeSockaddr(bytes, 0), undefined);
  assert.equal(decodeSockaddr(Uint8Array.of(1, 0, ...new Uint8Array(26)), 0), undefined);
});
