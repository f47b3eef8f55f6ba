import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { Gate } from "./gate.ts";
import { knock } from "./join_handshake.ts";
import { Load } from "./load.ts";
import { memberKeys, PreparedMac, signHandshake, verifyHandshake } from "./mac.ts";
import { ReadyKeyTable } from "./ready_keys.ts";
import { SeenMacs } from "./seen_macs.ts";
import { FakeMembership, networkKey, Rig, SeededRandom, token, tokenKey } from "./testing_rig.ts";
import { encodeInitiation, MessageType } from "./wire.ts";

const key = new Uint8Array(32).fill(8);
const keys = { mac1: new PreparedMac(key), cookie: key };

test("mac1 covers the first 64 bytes and no more: the rest is Noise's to check", () => {
  const noise = new Uint8Array(200);
  const message = signHandshake(encodeInitiation({ sender: 1, keyId: new Uint8Array(8), noise }), key);
  const accepted = [0, 63, 64, 215].map((byte) => {
    const flipped = message.slice();
    flipped[byte]! ^= 1;
    assert.equal(verifyHandshake(flipped, key), keys.mac1.verifiesHandshake(flipped));
    return verifyHandshake(flipped, key);
  });
  assert.deepEqual(accepted, [false, false, true, true]);
});

test("a prepared key makes the MACs that the key itself makes", () => {
  const random = new SeededRandom(4);
  for (let length = 0; length < 200; length += 7) {
    const message = signHandshake(random.fill(new Uint8Array(32 + length)), key);
    assert.ok(keys.mac1.verifiesHandshake(message), `${length} bytes`);
  }
  assert.equal(keys.mac1.verifiesHandshake(new Uint8Array(31)), false);
  assert.equal(verifyHandshake(new Uint8Array(31), key), false);
});

test("64 first messages in a row and 100 a second are no load; one more is, for a second", () => {
  assert.deepEqual(limits.firstMessages, { perSecond: 100, burst: 64 });
  assert.equal(limits.underLoadMillis, 1_000);
  const load = new Load();
  const arrivals = (count: number, now: number) =>
    Array.from({ length: count }, () => load.arrived(now)).at(-1);
  assert.equal(arrivals(64, 1_000), false);
  for (let now = 1_010; now < 3_000; now += 10) assert.equal(load.arrived(now), false, `at ${now}`);
  assert.equal(load.arrived(2_990), true);
  assert.equal(load.arrived(3_980), true);
  assert.equal(load.arrived(3_990), false, "1 s after the last one too many");
});

test("load lasts as long as too many come, whatever becomes of them", () => {
  const load = new Load();
  for (let now = 0; now < 10_000; now += 5) {
    const isUnder = load.arrived(now);
    if (now > 1_000) assert.ok(isUnder, `at ${now}`);
  }
});

test("under load a host has 5 proven knocks in a row and 20 a second, and all have 32 and 50", () => {
  assert.deepEqual(limits.provenKnocks, {
    perSecond: 50,
    burst: 32,
    perSourcePerSecond: 20,
    sourceBurst: 5,
  });
  const rig = new Rig();
  const b = rig.add("b");
  const { gate } = b.machine.local;
  const strangers = Array.from({ length: 100 }, (_, i) => rig.add(`s${i}`));
  rig.weather = () => [];
  strangers.forEach((each, i) => each.endpoint = { host: `198.51.100.${i}`, port: 1 });
  const knockAll = (from: (i: number) => number, count: number) => {
    const drops: Drop[] = [];
    for (let i = 0; i < count; i++) {
      const each = strangers[from(i)]!;
      const request = { token, tokenKey, endpoints: [], application: new Uint8Array(), deadline: 1e6 };
      const send = () => {
        const { message } = knock(each.machine.local, request, i);
        each.machine.local.cookies.sign(message, b.endpoint, rig.now);
        return message;
      };
      for (let j = 0; j <= limits.firstMessages.burst; j++) gate.load.arrived(rig.now);
      each.machine.local.cookies.keep(b.endpoint, cookieOf(rig, b, each.endpoint), rig.now);
      drops.push(rig.inject(b, send(), each.endpoint));
    }
    return drops.filter((drop) => drop !== Drop.rateLimited).length;
  };
  assert.equal(knockAll(() => 0, 10), 5);
  rig.now += 100;
  assert.equal(knockAll(() => 0, 10), 2);
  rig.now += 60_000;
  assert.equal(knockAll((i) => i, 100), 32);
});

/** What `node` gives to whoever asks from `from`: taken from the gate itself, under load. */
function cookieOf(rig: Rig, node: ReturnType<Rig["add"]>, from: { host: string; port: number }): Uint8Array {
  const issuer = node.machine.local.gate.issuer;
  return issuer.cookie(from, rig.now).slice();
}

test("copies are known among the last 8,192 first messages, and twice as many are kept at most", () => {
  assert.equal(limits.seenMacs, 8_192);
  const seen = new SeenMacs();
  const mac = (i: number) => Uint8Array.of(i >> 16, i >> 8, i, 0, 0, 0, 0, 0);
  for (let i = 0; i <= 8_192; i++) seen.add(mac(i));
  assert.ok(seen.has(mac(0)) && seen.has(mac(8_192)));
  for (let i = 8_193; i <= 16_384; i++) seen.add(mac(i));
  assert.ok(!seen.has(mac(8_191)) && seen.has(mac(8_192)) && seen.has(mac(8_193)));
  for (let i = 16_385; i < 100_000; i++) seen.add(mac(i));
  assert.ok(seen.size <= 16_384);
});

test("a copy of a genuine first message is dropped, also one that was altered behind the first 64 bytes", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = () => [];
  rig.connect(a, b);
  rig.run(0);
  const { datagram } = rig.log[0]!;
  const spoilt = datagram.slice();
  spoilt[700]! ^= 1;
  assert.equal(rig.inject(b, datagram, a.endpoint), Drop.none);
  assert.equal(rig.inject(b, datagram, a.endpoint), Drop.replayed);
  assert.equal(rig.inject(b, spoilt, a.endpoint), Drop.replayed);
});

test("a first message that never came, or came before a restart, can be altered to cost one handshake, not more", () => {
  const rig = new Rig();
  const { b } = rig.pair();
  const { datagram, from } = rig.log[0]!;
  const again = rig.restart(b);
  const drops = Array.from({ length: 50 }, (_, i) => {
    rig.now += 20;
    const spoilt = datagram.slice();
    spoilt[64 + i]! ^= 1;
    return rig.inject(again, spoilt, from);
  });
  assert.equal(drops.filter((drop) => drop === Drop.badTag).length, 1);
  assert.equal(drops.filter((drop) => drop === Drop.replayed).length, 49);
});

test("whoever has a token and forges a member's address cannot keep that member out: knocks have rates of their own", () => {
  const rig = new Rig();
  const [a, b, stranger] = [rig.add("a"), rig.add("b"), rig.add("stranger")];
  const request = { token, tokenKey, endpoints: [], application: new Uint8Array(), deadline: 1e6 };
  const flood = () => {
    for (let i = 0; i < 200; i++) {
      rig.inject(b, knock(stranger.machine.local, request, i).message, a.endpoint);
    }
  };
  flood();
  rig.connect(a, b);
  for (let i = 0; i < 10; i++) {
    rig.run(10);
    flood();
  }
  assert.ok((b.drops.get("rateLimited") ?? 0) > 1_000, "it is a flood");
  assert.deepEqual(a.edges(), ["+b"]);
});

test("a node that is not under load does not look at mac2", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = () => [];
  rig.connect(a, b);
  rig.run(0);
  const { datagram } = rig.log[0]!;
  datagram.fill(7, datagram.length - 16);
  assert.equal(rig.inject(b, datagram, a.endpoint), Drop.none);
});

test("2,000 cookies a second for newcomers and as many for those who come again", () => {
  const rates = { perSecond: 2_000, burst: 200, perSourcePerSecond: 20, sourceBurst: 10 };
  assert.deepEqual([limits.cookieReplies, limits.whoIsAnswers], [rates, rates]);
  const sent = { count: 0, full: false, push() {}, take() {}, refuse: () => void (sent.count += 1) };
  const gate = new Gate(sent as never, new SeededRandom(1));
  const random = new SeededRandom(2);
  const ask = (host: string, now: number, type: number = MessageType.initiation) => {
    const message = random.fill(new Uint8Array(256)).fill(0, 240).fill(type, 0, 1);
    return gate.judge({ datagram: message, from: { host, port: 1 }, sender: 1 }, keys, now);
  };
  const flood = (prefix: string, now: number) => {
    for (let i = 0; i < 2_000; i++) ask(`${prefix}${i}`, now);
    return sent.count;
  };
  assert.equal(flood("a", 0), 200);
  assert.ok(Math.abs(flood("a", 0) - 400) <= 1, "those turned away come again");
  assert.equal(ask("one", 900), Drop.underLoad);
  for (let i = 0; i < 9; i++) ask("one", 900);
  assert.equal(ask("one", 900), Drop.rateLimited);
  assert.equal(ask("one", 900, MessageType.knock), Drop.underLoad);
});

test("as many cookies answer knocks, whatever initiations have had", () => {
  const sent = { count: 0, full: false, push() {}, take() {}, refuse: () => void (sent.count += 1) };
  const gate = new Gate(sent as never, new SeededRandom(1));
  const random = new SeededRandom(2);
  for (let i = 0; i < 800; i++) {
    const type = i % 2 === 0 ? MessageType.initiation : MessageType.knock;
    const datagram = random.fill(new Uint8Array(256)).fill(0, 240).fill(type, 0, 1);
    for (let j = 0; j <= limits.firstMessages.burst; j++) gate.load.arrived(0);
    gate.judge({ datagram, from: { host: `${i}`, port: 1 }, sender: 1 }, keys, 0);
  }
  assert.equal(sent.count, 200 + 200);
});

test("the keys of a token are derived once in 10 s, and not for more than 250 unknown tokens in a row", () => {
  assert.deepEqual(limits.tokenDerivations, {
    perSecond: 2_500,
    burst: 250,
    perSourcePerSecond: 20,
    sourceBurst: 10,
  });
  assert.equal(limits.tokenKeysMillis, 10_000);
  const membership = new FakeMembership("m");
  let derived = 0;
  membership.tokenKeys = () => (derived += 1, [tokenKey]);
  const table = new ReadyKeyTable(membership, key, new SeededRandom(1));
  for (const now of [0, 1, 9_999]) table.token(token, now);
  assert.equal(derived, 1);
  table.token(token, 10_000);
  assert.equal(derived, 2);
  const other = (i: number) => ({
    id: new Uint8Array(16).fill(i & 255, 0, 1).fill(i >> 8, 1, 2),
    expires: i,
  });
  const known = Array.from({ length: 1_000 }, (_, i) => table.token(other(i), 20_000)).filter((each) => each);
  assert.equal(known.length, 250);
  assert.ok(table.token(other(999), 20_000) !== undefined, "whoever comes again is served first");
});

test("tokens that nobody proved to have are bounded and do not push out those somebody has", () => {
  assert.deepEqual([limits.provenTokens, limits.otherTokens], [256, 1_024]);
  const membership = new FakeMembership("m");
  let derived = 0;
  membership.tokenKeys = () => (derived += 1, [tokenKey]);
  const table = new ReadyKeyTable(membership, key, new SeededRandom(1));
  const numbered = (i: number) => ({ id: new Uint8Array(16), expires: i });
  const learn = (from: number, count: number, isProven: boolean) => {
    for (let i = from; i < from + count; i++) {
      table.token(numbered(i), i * 5);
      if (isProven) table.proved(numbered(i));
    }
  };
  learn(0, 1, true);
  learn(1, 1_200, false);
  assert.equal(table.size, 1 + 1_024);
  derived = 0;
  table.token(numbered(0), 1_201 * 5);
  assert.equal(derived, 0);
  learn(2_000, 300, true);
  learn(3_000, 10, false);
  assert.equal(table.size, 256 + 1_024);
});

test("a token revoked after its keys were made ready opens nothing", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  const request = { token, tokenKey, endpoints: [], application: new Uint8Array(), deadline: 1e6 };
  const knockOnce = () => rig.inject(m, knock(j.machine.local, request, 1).message, j.endpoint);
  assert.equal(knockOnce(), Drop.none);
  m.membership.tokens = [];
  assert.equal(knockOnce(), Drop.badMac);
});

test("keys of a network are made ready once, and a new secret under an old name gets keys of its own", () => {
  const table = new ReadyKeyTable(new FakeMembership("m"), key, new SeededRandom(1));
  const { secret } = networkKey(1);
  const ready = table.network(secret);
  assert.equal(table.network(secret.slice()), ready);
  assert.notEqual(table.network(new Uint8Array(32).fill(2)), ready);
  assert.deepEqual(ready.cookie, memberKeys(secret, key).cookie);
});
