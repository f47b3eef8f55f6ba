/** Which address of this host a peer's datagrams come to, and that those to it leave from there, as long as it exists. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { parseAddress } from "../wire/address.ts";
import { concatBytes } from "../wire/bytes.ts";
import { ErrorNumber } from "./packet_io.ts";
import { anySource, IP_PKTINFO, IPV6_PKTINFO, SOL_IP, SOL_IPV6 } from "./source_address.ts";
import type { ControlMessage, WiredCore } from "./wired_cores_fixture.ts";
import { cross, frame, fromTap, pair, placing, sockaddr } from "./wired_pair_fixture.ts";

const own6 = parseAddress("2001:db8::7")!.bytes;
const own4 = Uint8Array.of(198, 51, 100, 7);
const mapped4 = concatBytes(new Uint8Array(10), Uint8Array.of(0xff, 0xff), own4);
const index = Uint8Array.of(3, 0, 0, 0);
const elsewhere = Uint8Array.of(255, 255, 255, 255);
const info6: ControlMessage = { level: SOL_IPV6, type: IPV6_PKTINFO, data: concatBytes(own6, index) };
/** The address in the packet, the last one, is not this host's: it was for all on a network. */
const info4: ControlMessage = { level: SOL_IP, type: IP_PKTINFO, data: concatBytes(index, own4, elsewhere) };
const sockaddr6 = concatBytes(Uint8Array.of(10, 0, 0x1a, 0x7f, 0, 0, 0, 0), own6, new Uint8Array(4));

/** As the main thread hears of it: where datagrams that it is left were sent to, and how many there were. */
function heardBy(core: WiredCore, messages: readonly ControlMessage[], size = 50) {
  core.arriving.push({ bytes: new Uint8Array(100), size, from: sockaddr(9), messages });
  core.settle();
  return core.punted().map((punt) => punt.kind === "datagram" ? punt.local : undefined);
}

function send(core: WiredCore, count = 1, length = 30): void {
  for (let i = 0; i < count; i++) core.frames.push(fromTap(frame(new Uint8Array(length))));
  core.settle();
}

/** One whose packets to its peer leave from an address of its own. */
function placed(source = mapped4): WiredCore {
  const { a } = pair();
  a.tell({ ...placing(0, 2, false), source });
  a.settle();
  return a;
}

test("each datagram of a train has the address that the train was sent to, of either family", () => {
  const { a } = pair();
  assert.deepEqual(heardBy(a, [info6]), [own6, own6]);
  assert.deepEqual(heardBy(a, [info4]), [mapped4, mapped4]);
  const other: ControlMessage = { level: 1, type: 29, data: new Uint8Array(16).fill(7) };
  assert.deepEqual(heardBy(a, [other, info6]), [own6, own6]);
  assert.deepEqual(heardBy(a, []), [anySource, anySource], "nothing stays of the one before");
});

test("what a worker opens and leaves has the address too", () => {
  const { a, b } = pair();
  send(a);
  b.tell({ kind: "routes", version: 2, v4: new Uint32Array(0), v6: new Uint32Array(0) });
  b.arriving.push({ ...a.sent[0]!, from: sockaddr(1), messages: [info4] });
  b.settle();
  assert.deepEqual(b.punted().map((punt) => punt.kind === "opened" && punt.local), [mapped4]);
});

test("control messages that lie about their length, or are too short for an address, tell nothing", () => {
  const { a } = pair();
  for (const said of [0, 1, 15, -1, -(2 ** 31), 2 ** 31 - 1, 200]) {
    assert.deepEqual(heardBy(a, [{ ...info6, said }, info4]), [anySource, anySource], `${said}`);
  }
  const short = [info6, info4].map((info) => ({ ...info, data: info.data.subarray(0, -1) }));
  for (const info of short) assert.deepEqual(heardBy(a, [info]), [anySource, anySource]);
  const strange = { level: SOL_IP, type: IPV6_PKTINFO, data: info6.data };
  assert.deepEqual(heardBy(a, [strange]), [anySource, anySource]);
  assert.deepEqual(heardBy(a, [info6, info4]), [mapped4, mapped4], "the last one counts");
  assert.deepEqual(heardBy(a, [info6, info6, info4]), [own6, own6], "and none beyond the room for them");
  assert.deepEqual(a.counts(), {});
});

test("datagrams alone and trains leave from the address that was told, and from no other peer's", () => {
  const a = placed();
  send(a);
  send(a, 3);
  assert.deepEqual(a.sent.map(({ source }) => source), [own4, own4]);
  assert.deepEqual(a.sent.map(({ size, bytes }) => bytes.length / size), [1, 3]);
  a.tell(placing(0, 2, false));
  send(a);
  send(a, 3);
  assert.deepEqual(a.sent.slice(2).map(({ source }) => source), [undefined, undefined]);
  assert.deepEqual(a.sent.slice(2).map(({ size, bytes }) => bytes.length / size), [1, 3]);
});

test("a socket of IPv6 is told the address in its own form", () => {
  const { a } = pair();
  for (const source of [own6, mapped4]) {
    a.tell({ ...placing(0, 2, false), sockaddr: sockaddr6, source });
    send(a);
    send(a, 2);
  }
  assert.deepEqual(a.sent.map(({ source }) => source), [own6, own6, mapped4, mapped4]);
});

for (const name of ["invalid", "addressNotAvailable", "networkUnreachable"] as const) {
  test(`an address that is gone, which is ${name}, costs no datagram and is not tried again`, () => {
    for (const count of [1, 4]) {
      const a = placed();
      a.refusals.push(ErrorNumber[name]);
      send(a, count);
      send(a, count);
      assert.deepEqual(a.sent.map(({ source }) => source), [undefined, undefined]);
      assert.deepEqual(a.sent.map(({ size, bytes }) => bytes.length / size), [count, count]);
      assert.deepEqual(a.counts(), { packetsSent: 2 * count, sourcesLost: 1 });
      a.tell({ ...placing(0, 2, false), source: mapped4 });
      send(a);
      assert.deepEqual(a.sent.at(-1)!.source, own4, "until it is told again");
    }
  });
}

test("a refusal that has another reason is counted once, and the address stays", () => {
  const a = placed();
  a.refusals.push(ErrorNumber.networkUnreachable, ErrorNumber.networkUnreachable);
  send(a);
  a.refusals.push(ErrorNumber.messageSize);
  send(a);
  assert.deepEqual(a.counts(), { packetsSent: 2, sendsRefused: 2, underlay: 1, tooBig: 1 });
  send(a);
  assert.deepEqual(a.sent.map(({ source }) => source), [own4]);
});

test("a train that a device cannot cut goes one by one, each from the address", () => {
  const a = placed();
  a.refusals.push(ErrorNumber.invalid, ErrorNumber.invalid);
  send(a, 3);
  assert.deepEqual(a.sent.map(({ source, size, bytes }) => [source, bytes.length / size]), [
    [own4, 1],
    [own4, 1],
    [own4, 1],
  ]);
  assert.deepEqual(a.counts(), { packetsSent: 3 });
});

test("plain packets leave from the address as sealed ones do", () => {
  const { a, b } = pair(true);
  a.tell({ ...placing(0, 2, true), source: mapped4 });
  send(a);
  assert.deepEqual(a.sent.map(({ source }) => source), [own4]);
  cross(a.sent[0]!, b);
  assert.deepEqual(b.counts(), { packetsDelivered: 1, framesOut: 1 });
});
