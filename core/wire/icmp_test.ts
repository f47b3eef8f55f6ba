import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { parseAddress } from "./address.ts";
import { copyBytes } from "./bytes.ts";
import {
  closedPort4,
  closedPort6,
  echo4,
  echo6,
  fragments4,
  routerSolicitation,
  udp4,
  udp6,
} from "./captured_packets.ts";
import { buildIcmp, decodeIcmp, encodeEcho, type IcmpEcho, type IcmpMessage } from "./icmp.ts";
import { decodeIp, encodeIp, type IpRoute } from "./ip.ts";

const route4: IpRoute = { source: parseAddress("10.32.0.7")!, destination: parseAddress("10.32.0.1")! };
const route6: IpRoute = { source: parseAddress("fd00::7")!, destination: parseAddress("fd00::1")! };

function decode(packet: Uint8Array): IcmpMessage | Drop {
  const decoded = decodeIp(packet);
  return typeof decoded === "number" ? decoded : decodeIcmp(decoded);
}

test("echoes of the kernel decode, and ours are the same bit for bit", () => {
  for (const [{ request, reply }, route, header] of [[echo4, route4, 20], [echo6, route6, 40]] as const) {
    const echo: IcmpEcho = {
      kind: "echoRequest",
      identifier: 0x1234,
      sequence: 1,
      data: new TextEncoder().encode("abcdefgh"),
    };
    assert.deepEqual(decode(request), echo);
    assert.deepEqual(decode(reply), { ...echo, kind: "echoReply" });
    assert.deepEqual(encodeEcho(route, echo).subarray(header), request.subarray(header));
    const back = { source: route.destination, destination: route.source };
    assert.deepEqual(
      encodeEcho(back, { ...echo, kind: "echoReply" }).subarray(header),
      reply.subarray(header),
    );
  }
});

test("what is built decodes to the same echo in both families", () => {
  const echo: fc.Arbitrary<IcmpEcho> = fc.record({
    kind: fc.constantFrom("echoRequest", "echoReply"),
    identifier: fc.nat(65_535),
    sequence: fc.nat(65_535),
    data: fc.uint8Array({ maxLength: 99 }),
  }, { noNullPrototype: true });
  const property = fc.property(echo, fc.constantFrom(route4, route6), (wanted, route) => {
    assert.deepEqual(decode(encodeEcho(route, wanted)), wanted);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("errors of the kernel decode to their code and quote", () => {
  for (const [{ original, answer }] of [closedPort4, closedPort6]) {
    const code = original === closedPort4[0].original ? 3 : 4;
    assert.deepEqual(decode(answer), { kind: "unreachable", code, mtu: 0, quote: original });
  }
});

test("errors of both families have the same kinds", () => {
  const kind = (route: IpRoute, type: number, code: number, rest: number) => {
    const message = decode(buildIcmp(route, { type, code, rest }, Uint8Array.of(1)));
    assert.ok(typeof message !== "number");
    return "mtu" in message ? [message.kind, message.mtu] : [message.kind];
  };
  assert.deepEqual(kind(route4, 3, 1, 0), ["unreachable", 0]);
  assert.deepEqual(kind(route6, 1, 3, 0), ["unreachable", 0]);
  assert.deepEqual(kind(route4, 3, 4, 1400), ["packetTooBig", 1400]);
  assert.deepEqual(kind(route6, 2, 0, 0xffff_ffff), ["packetTooBig", 0xffff_ffff]);
  assert.deepEqual(kind(route4, 11, 0, 0), ["timeExceeded", 0]);
  assert.deepEqual(kind(route6, 3, 0, 0), ["timeExceeded", 0]);
  assert.deepEqual(kind(route4, 13, 0, 0), ["other"]);
  assert.deepEqual(kind(route6, 4, 0, 0), ["other"]);
});

test("a message of another type is told apart and not looked into", () => {
  assert.deepEqual(decode(routerSolicitation), { kind: "other", type: 133, code: 0 });
});

test("ICMP of one family inside the other, fragments and other protocols are unsupported", () => {
  assert.equal(decode(encodeIp({ ...route6, protocol: 1 }, echo4.request.subarray(20))), Drop.unsupported);
  assert.equal(decode(encodeIp({ ...route4, protocol: 58 }, echo6.request.subarray(40))), Drop.unsupported);
  for (const packet of [udp4, udp6, ...fragments4]) assert.equal(decode(packet), Drop.unsupported);
});

test("fewer than 8 bytes are malformed", () => {
  for (let length = 0; length < 8; length++) {
    assert.equal(decode(encodeIp({ ...route4, protocol: 1 }, new Uint8Array(length))), Drop.malformed);
    assert.equal(decode(encodeIp({ ...route6, protocol: 58 }, new Uint8Array(length))), Drop.malformed);
  }
});

test("any changed bit of the message is a bad checksum, and of the addresses too over IPv6", () => {
  for (const [packet, start] of [[echo4.request, 20], [echo6.request, 8]] as const) {
    for (let bit = start * 8; bit < packet.length * 8; bit++) {
      const broken = copyBytes(packet);
      broken[bit >>> 3]! ^= 0x80 >>> (bit & 7);
      assert.equal(decode(broken), Drop.badChecksum, `bit ${bit}`);
    }
  }
});
