import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { parseAddress } from "../wire/address.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { openAnnouncement, signAnnouncement } from "./announcement.ts";
import { fakeSelf, flipEachByte } from "./fake_members.ts";
import { maxRecordBytes, signRecord } from "./signed.ts";

const self = fakeSelf("web-1");
const endpoints = [{ host: "192.0.2.1", port: 6783 }, { host: "2001:db8::1", port: 6783 }];
const record = signAnnouncement(self, { bindingNumber: 2, endpoints, sequence: 9 });

test("an announcement opens to all that a session to its signer needs", () => {
  assert.deepEqual(openAnnouncement(record), {
    peer: {
      id: self.id,
      name: "web-1",
      publicKey: self.publicKey,
      noiseKey: self.noise.publicKey,
      bindingNumber: 2,
      endpoints,
    },
    addresses: [],
    relays: new Uint8Array(),
    sequence: 9,
  });
});

test("an announcement carries overlay addresses, the first eight of them", () => {
  const addresses = Array.from({ length: 9 }, (_, i) => parseAddress(i % 2 ? `fd00::${i}` : `10.32.0.${i}`)!);
  const facts = { bindingNumber: 1, endpoints, addresses, sequence: 1 };
  assert.deepEqual(openAnnouncement(signAnnouncement(self, facts))?.addresses, addresses.slice(0, 8));
});

test("an announcement names relays by eight bytes each", () => {
  const relays = Uint8Array.from({ length: 24 }, (_, i) => i);
  const facts = { bindingNumber: 1, endpoints, relays, sequence: 1 };
  assert.deepEqual(openAnnouncement(signAnnouncement(self, facts))?.relays, relays);
});

test("an announcement with any byte flipped is refused", () => {
  for (const flipped of flipEachByte(record)) assert.equal(openAnnouncement(flipped), undefined);
});

test("the largest announcement fits a record", () => {
  const many = Array.from({ length: 8 }, (_, i) => ({ host: `2001:db8::${i + 1}`, port: 65_535 }));
  const addresses = Array.from({ length: 8 }, (_, i) => parseAddress(`fd00::${i}`)!);
  const sequence = Number.MAX_SAFE_INTEGER;
  const relays = new Uint8Array(24).fill(255);
  const facts = { bindingNumber: 2 ** 32 - 1, endpoints: many, addresses, relays, sequence };
  const largest = signAnnouncement(fakeSelf("x".repeat(63)), facts);
  assert.ok(largest.length <= maxRecordBytes);
  assert.deepEqual(openAnnouncement(largest)?.peer.endpoints, many);
  assert.equal(openAnnouncement(largest)?.sequence, Number.MAX_SAFE_INTEGER);
});

test("nine endpoints, and a host that is a name, are not announced", () => {
  const nine = Array(9).fill(endpoints[0]);
  const invalid = { code: "INVALID_ARGUMENT" };
  const named = [{ host: "web", port: 1 }];
  assert.throws(() => signAnnouncement(self, { bindingNumber: 1, endpoints: nine, sequence: 0 }), invalid);
  assert.throws(() => signAnnouncement(self, { bindingNumber: 1, endpoints: named, sequence: 0 }), invalid);
});

const endpoint = Uint8Array.of(192, 0, 2, 1, 0x1a, 0x7f);
const good = { k: self.noise.publicKey, n: 1, h: "web-1", e: [endpoint], q: 0 };
const badBodies: Readonly<Record<string, object>> = {
  "a short key": { k: new Uint8Array(31) },
  "binding number 0": { n: 0 },
  "a bad name": { h: "web 1" },
  "nine endpoints": { e: Array(9).fill(endpoint) },
  "an endpoint with port 0": { e: [Uint8Array.of(192, 0, 2, 1, 0, 0)] },
  "an endpoint that is text": { e: ["192.0.2.1:6783"] },
  "a negative sequence number": { q: -1 },
  "an address of 5 bytes": { a: [new Uint8Array(5)] },
  "an address that is text": { a: ["10.32.0.1"] },
  "a relay of 7 bytes": { r: new Uint8Array(7) },
  "four relays": { r: new Uint8Array(32) },
  "nine addresses": { a: Array(9).fill(new Uint8Array(4)) },
};

for (const [what, change] of Object.entries(badBodies)) {
  test(`a record with ${what} is no announcement, however well it is signed`, () => {
    assert.equal(openAnnouncement(signRecord(self, "peer", encodeCbor({ ...good, ...change }))), undefined);
  });
}

test("fields of a later version leave an announcement readable", () => {
  const later = signRecord(self, "peer", encodeCbor({ ...good, z: 1 }));
  assert.equal(openAnnouncement(later)?.peer.id, self.id);
});
