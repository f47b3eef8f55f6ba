import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { parseAddress } from "../wire/address.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { signAnnouncement } from "./announcement.ts";
import {
  checkCredentials,
  type Credentials,
  decodeCredentials,
  encodeCredentials,
  maxCredentialsBytes,
} from "./credentials.ts";
import { admit, fakeNetwork, fakeSelf, fakeWall, flipEachByte, revoke } from "./fake_members.ts";
import { recordId } from "./signed.ts";
import { Trust } from "./trust.ts";

const founder = fakeSelf("first");
const second = fakeSelf("second");
const third = fakeSelf("third");
const fourth = fakeSelf("fourth");
const network = fakeNetwork(founder);
const ofSecond = admit(network, founder, second);
const ofThird = admit(network, second, third);
const ofFourth = admit(network, third, fourth);
const endpoints = [{ host: "192.0.2.1", port: 6783 }];
const routes = Uint8Array.of(1, 2, 3);

function announce(self: typeof founder): Uint8Array {
  return signAnnouncement(self, { bindingNumber: 1, endpoints, sequence: 1 });
}

function show(self: typeof founder, chain: readonly Uint8Array[]): Uint8Array {
  return encodeCredentials({ announcement: announce(self), chain, routes });
}

function trustIn(...records: readonly Uint8Array[]): Trust {
  const trust = new Trust(network.founding);
  for (const record of records) assert.equal(trust.merge(record), "new");
  return trust;
}

function verdict(shown: Uint8Array, noiseKey: Uint8Array, trust: Trust): string {
  const checked = checkCredentials(shown, noiseKey, trust);
  return "refused" in checked ? checked.refused : "taken";
}

test("a stranger with a chain to the founder is taken, with what it announced", () => {
  const trust = trustIn();
  const checked = checkCredentials(show(third, [ofThird, ofSecond]), third.noise.publicKey, trust);
  assert.deepEqual(checked, {
    peer: {
      id: third.id,
      name: "third",
      publicKey: third.publicKey,
      noiseKey: third.noise.publicKey,
      bindingNumber: 1,
      endpoints,
    },
    credentials: { announcement: announce(third), chain: [ofThird, ofSecond], routes },
  });
});

test("a check stores nothing", () => {
  const trust = trustIn();
  checkCredentials(show(second, [ofSecond]), second.noise.publicKey, trust);
  assert.equal(trust.standing(second.publicKey).state, "unknown");
  assert.deepEqual(trust.records(), []);
});

test("the founder and known members need no chain", () => {
  assert.equal(verdict(show(founder, []), founder.noise.publicKey, trustIn()), "taken");
  assert.equal(verdict(show(third, []), third.noise.publicKey, trustIn(ofSecond, ofThird)), "taken");
});

test("a chain that starts where our records end is enough", () => {
  assert.equal(
    verdict(show(fourth, [ofFourth]), fourth.noise.publicKey, trustIn(ofSecond, ofThird)),
    "taken",
  );
});

test("the name is the one the network gave, not the one the peer claims", () => {
  const asWeb = admit(network, founder, second, { name: "web-1" });
  const checked = checkCredentials(show(second, [asWeb]), second.noise.publicKey, trustIn());
  assert.equal("peer" in checked && typeof checked.peer === "object" && checked.peer.name, "web-1");
});

test("who was admitted by nobody, by a stranger or into another network is not admitted", () => {
  const elsewhere = admit(fakeNetwork(founder, "other"), founder, second);
  const chains = [[], [admit(network, third, second)], [admit(network, second, second)], [elsewhere], [
    ofThird,
  ]];
  for (const chain of chains) {
    assert.equal(verdict(show(second, chain), second.noise.publicKey, trustIn()), "NOT_ADMITTED");
  }
});

test("credentials shown under another Noise key are not admitted", () => {
  const refusal = checkCredentials(show(second, [ofSecond]), third.noise.publicKey, trustIn());
  assert.ok("refused" in refusal && refusal.refused === "NOT_ADMITTED" && refusal.peer === second.id);
  assert.match(refusal.reason, /not bound/);
});

test("a revoked member is told so, whatever chain it shows", () => {
  const trust = trustIn(ofSecond, revoke(network, founder, second));
  const again = admit(network, founder, second, { wall: fakeWall + 9000 });
  for (const chain of [[], [ofSecond], [again]]) {
    assert.equal(verdict(show(second, chain), second.noise.publicKey, trust), "REVOKED");
  }
});

test("a revoked node cannot return under a new key that it admits itself", () => {
  const trust = trustIn(ofSecond, revoke(network, founder, second));
  const reborn = fakeSelf("reborn");
  const backdated = admit(network, second, reborn, { epoch: 0, wall: 0 });
  const shown = show(reborn, [backdated, ofSecond]);
  assert.equal(verdict(shown, reborn.noise.publicKey, trust), "NOT_ADMITTED");
});

test("whom a revoked member admitted is taken while that admission stands", () => {
  const listed = trustIn(ofSecond, revoke(network, founder, second, [recordId(ofThird)]));
  assert.equal(verdict(show(third, [ofThird, ofSecond]), third.noise.publicKey, listed), "taken");
  const unlisted = trustIn(ofSecond, revoke(network, founder, second));
  assert.equal(verdict(show(third, [ofThird, ofSecond]), third.noise.publicKey, unlisted), "NOT_ADMITTED");
});

test("unsigned, misshapen and oversized credentials are malformed", () => {
  const good = { v: 1, p: announce(second), c: [ofSecond], r: routes };
  assert.equal(verdict(encodeCbor(good), second.noise.publicKey, trustIn()), "taken");
  const changes = [
    { v: 2 },
    { p: ofSecond },
    { p: new Uint8Array(9) },
    { p: "text" },
    { c: [ofSecond, ofSecond, ofSecond, ofSecond] },
    { c: [new Uint8Array(1025)] },
    { r: null },
    { r: new Uint8Array(maxCredentialsBytes) },
  ];
  for (const change of changes) {
    assert.equal(verdict(encodeCbor({ ...good, ...change }), second.noise.publicKey, trustIn()), "MALFORMED");
  }
  assert.equal(verdict(new Uint8Array(), second.noise.publicKey, trustIn()), "MALFORMED");
});

test("no flipped byte outside the routes leaves credentials acceptable", () => {
  const shown = encodeCredentials({
    announcement: announce(second),
    chain: [ofSecond],
    routes: new Uint8Array(),
  });
  const trust = trustIn();
  for (const flipped of flipEachByte(shown)) {
    const checked = checkCredentials(flipped, second.noise.publicKey, trust);
    if ("refused" in checked) continue;
    assert.deepEqual(checked.credentials.announcement, announce(second));
    assert.deepEqual(checked.credentials.chain, [ofSecond]);
  }
});

test("credentials survive the way to bytes and back, with the nearest three of a longer chain", () => {
  const credentials: Credentials = {
    announcement: announce(fourth),
    chain: [ofFourth, ofThird, ofSecond],
    routes,
  };
  assert.deepEqual(decodeCredentials(encodeCredentials(credentials)), credentials);
  const longer = { ...credentials, chain: [ofFourth, ofThird, ofSecond, ofSecond] };
  assert.deepEqual(decodeCredentials(encodeCredentials(longer)), credentials);
});

test("credentials with too many routes are not made", () => {
  const tooMany = new Uint8Array(maxCredentialsBytes);
  const credentials = { announcement: announce(founder), chain: [], routes: tooMany };
  assert.throws(() => encodeCredentials(credentials), { code: "INVALID_ARGUMENT" });
});

function sizeOf(name: string, announced: number, addresses: readonly string[]): number {
  const self = fakeSelf(name);
  const facts = {
    bindingNumber: 2 ** 32 - 1,
    endpoints: Array.from({ length: announced }, (_, i) => ({ host: `2001:db8::${i + 1}`, port: 65_535 })),
    addresses: addresses.map((text) => parseAddress(text)!),
    sequence: Number.MAX_SAFE_INTEGER,
  };
  const chain = [admit(network, founder, self, { epoch: 2 ** 32 - 1, wall: 8.64e15 })];
  return encodeCredentials({ announcement: signAnnouncement(self, facts), chain, routes: new Uint8Array() })
    .length;
}

test("credentials of a member that the founder admitted leave room for routes in one datagram", () => {
  const ordinary = sizeOf("web-1.example.org", 3, ["10.32.0.1", "fd00::1"]);
  const largest = sizeOf("x".repeat(63), 8, ["10.32.0.1", "fd00::1"]);
  assert.ok(ordinary <= 600, `${ordinary}`);
  assert.ok(largest <= 800, `${largest}`);
});
