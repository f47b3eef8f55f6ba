import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { formatAddress } from "./address.ts";
import { copyBytes } from "./bytes.ts";
import {
  closedPort4,
  closedPort6,
  echo4,
  fragments4,
  fragments6,
  hex,
  tcp4,
  tcp6,
  udp4,
} from "./captured_packets.ts";
import { readU16 } from "./field.ts";
import { decodeIcmp } from "./icmp.ts";
import { parseQuote } from "./icmp_quote.ts";
import { decodeIp } from "./ip.ts";

test("the quote of a kernel's error names the flow of the datagram it is about", () => {
  for (
    const [{ answer }, source, destination] of [
      [closedPort4[0], "10.32.0.7", "10.32.0.1"],
      [closedPort4[1], "10.32.0.7", "10.32.0.1"],
      [closedPort6[0], "fd00::7", "fd00::1"],
      [closedPort6[1], "fd00::7", "fd00::1"],
    ] as const
  ) {
    const packet = decodeIp(answer);
    assert.ok(typeof packet !== "number");
    const message = decodeIcmp(packet);
    assert.ok(typeof message !== "number" && message.kind === "unreachable");
    const quote = parseQuote(message.quote);
    assert.ok(quote);
    assert.deepEqual([quote.source, quote.destination].map(formatAddress), [source, destination]);
    assert.deepEqual([quote.protocol, readU16(quote.payload, 0), readU16(quote.payload, 2)], [17, 5000, 9]);
  }
});

test("the header and 8 bytes are enough and 7 are not", () => {
  for (const [packet, header] of [[echo4.request, 20], [tcp4, 20], [tcp6, 40]] as const) {
    const quote = parseQuote(packet.subarray(0, header + 8));
    assert.ok(quote);
    assert.deepEqual(quote.payload, packet.subarray(header, header + 8));
    for (let length = 0; length < header + 8; length++) {
      assert.equal(parseQuote(packet.subarray(0, length)), undefined);
    }
  }
});

test("a changed hop limit and checksum do not hide the flow", () => {
  const changed = copyBytes(udp4);
  changed.set(hex("01 11 0000"), 8);
  const quote = parseQuote(changed);
  assert.equal(quote && formatAddress(quote.destination), "10.32.0.7");
});

test("a first fragment has a flow, a later one has none", () => {
  for (const [first, later] of [fragments4, fragments6]) {
    assert.equal(parseQuote(first.subarray(0, 100))?.protocol, 17);
    assert.equal(parseQuote(later.subarray(0, 100)), undefined);
  }
});

test("bytes of another version have no flow", () => {
  assert.equal(parseQuote(copyBytes(udp4).fill(0x50, 0, 1)), undefined);
  assert.equal(parseQuote(copyBytes(udp4).fill(0x44, 0, 1)), undefined);
});
