import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { concatBytes } from "./bytes.ts";
import { ping } from "./captured_frames.ts";
import { hex } from "./captured_packets.ts";
import { decodeEthernet, encodeEthernet, EtherType, redirectFrame } from "./ethernet.ts";
import { parseMac } from "./mac.ts";

const one = parseMac("0a:5e:0a:20:00:01")!;
const seven = parseMac("0a:5e:0a:20:00:07")!;
const packet = ping.one.subarray(14);
const macs = ping.one.subarray(0, 12);

test("a frame of the kernel is read, and written the same bit for bit", () => {
  const frame = decodeEthernet(ping.one);
  assert.ok(typeof frame === "object");
  assert.deepEqual([frame.destination, frame.source], [seven, one]);
  assert.deepEqual([frame.etherType, frame.isTagged, frame.payload], [EtherType.ipv4, false, packet]);
  assert.deepEqual(encodeEthernet(seven, one, EtherType.ipv4, packet), ping.one);
});

test("behind one tag or two is what they are around", () => {
  for (const tags of ["81000064", "88a8006481000007", "8100006481000007"]) {
    const frame = decodeEthernet(concatBytes(macs, hex(tags), hex("0800"), packet));
    assert.ok(typeof frame === "object");
    assert.deepEqual([frame.etherType, frame.isTagged, frame.payload], [EtherType.ipv4, true, packet]);
  }
});

test("a third tag, and a frame that ends within its header or a tag, is malformed", () => {
  assert.equal(
    decodeEthernet(concatBytes(macs, hex("8100000181000001810000010800"), packet)),
    Drop.malformed,
  );
  for (let length = 0; length < 14; length++) {
    assert.equal(decodeEthernet(ping.one.subarray(0, length)), Drop.malformed);
  }
  const tagged = concatBytes(macs, hex("88a8006481000007"), hex("0800"));
  for (const length of [14, 15, 17, 18, 19, 21]) {
    assert.equal(decodeEthernet(tagged.subarray(0, length)), Drop.malformed);
  }
  assert.equal(typeof decodeEthernet(tagged), "object");
});

test("nobody sends as a group", () => {
  for (const source of ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:01"]) {
    const frame = encodeEthernet(seven, parseMac(source)!, EtherType.ipv4, packet);
    assert.equal(decodeEthernet(frame), Drop.malformed);
  }
});

test("a length in place of a type is unsupported, also behind a tag", () => {
  for (const type of [0, 38, 0x05dc, 0x05ff]) {
    assert.equal(decodeEthernet(encodeEthernet(seven, one, type, packet)), Drop.unsupported);
  }
  assert.equal(typeof decodeEthernet(encodeEthernet(seven, one, 0x0600, packet)), "object");
  assert.equal(decodeEthernet(concatBytes(macs, hex("810000010026"), packet)), Drop.unsupported);
});

test("a redirected frame is a copy that differs in its destination", () => {
  const before = new Uint8Array(ping.one);
  const redirected = redirectFrame(ping.one, one);
  assert.deepEqual(redirected, encodeEthernet(one, one, EtherType.ipv4, packet));
  assert.deepEqual(ping.one, before);
});
