import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { test } from "../../tests/harness.ts";
import { limits, protocol } from "./constants.ts";
import { CookieIssuer, CookieJar, openCookie } from "./cookies.ts";
import { joinKeys, mac2Of, memberKeys, signHandshake } from "./mac.ts";
import { networkKey, Rig, type RigNode, SeededRandom, token, tokenKey } from "./testing_rig.ts";
import { cookieLength, decodeCookie, encodeInitiation, hasMac2, MessageType, readMac1 } from "./wire.ts";

const { initiation, response, cookie, keepalive, data, knock, admit, plea } = MessageType;
const here = { host: "192.0.2.7", port: 4_000 };
const key = new Uint8Array(32).fill(8);

/** From now on `node` has more first messages than it can answer. */
function overload(rig: Rig, node: RigNode): void {
  const { load } = node.machine.local.gate;
  for (let i = 0; i <= limits.firstMessages.burst; i++) load.arrived(rig.now);
}

/** A first message with mac1, as far as cookies care. */
function message(sender = 1): Uint8Array {
  const noise = new Uint8Array(100).fill(sender);
  return signHandshake(encodeInitiation({ sender, keyId: new Uint8Array(8), noise }), key);
}

function withMac2(cookie: Uint8Array): Uint8Array {
  const signed = message();
  signed.set(mac2Of(signed, cookie), signed.length - 16);
  return signed;
}

function cookieFor(issuer: CookieIssuer, now: number, from = here): Uint8Array {
  const reply = decodeCookie(issuer.reply(message(), { receiver: 1, key }, from, now))!;
  return openCookie(reply, key, readMac1(message()))!;
}

test("under load a member is sent a cookie, and is up one round trip later", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  overload(rig, b);
  rig.connect(a, b);
  rig.run(100);
  assert.deepEqual(rig.types(), [initiation, cookie, initiation, response, keepalive, data]);
  assert.deepEqual(a.times("session-up"), [1_040]);
  assert.deepEqual([...b.drops], [["underLoad", 1], ["none", 2]]);
  assert.deepEqual(rig.log.slice(0, 3).map(({ datagram }) => hasMac2(datagram)), [false, true, true]);
});

test("under load a joiner is sent a cookie, and is admitted one round trip later", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  overload(rig, m);
  const request = { token, tokenKey, endpoints: [m.endpoint], application: Uint8Array.of(1), deadline: 1e6 };
  rig.call(j, (machine, now) => machine.join(request, now));
  rig.run(60);
  assert.deepEqual(rig.types(), [knock, cookie, knock, admit, plea]);
  assert.equal(m.of("join-requested").length, 1);
});

test("a message that is answered with a cookie costs neither a Diffie-Hellman nor memory", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  overload(rig, b);
  rig.weather = ({ datagram }) => datagram[0] === cookie ? [] : [10];
  const { random } = b.machine.local;
  let drawn = 0;
  const fill = random.fill.bind(random);
  rig.connect(a, b);
  rig.run(5);
  random.fill = (bytes) => (drawn += bytes.length, fill(bytes));
  rig.run(10);
  random.fill = fill;
  assert.equal(drawn, 24 + 32, "a nonce and the secret of cookies, no ephemeral key");
  assert.deepEqual([b.machine.local.indices.size, b.membership.checks, b.drops.get("underLoad")], [0, 0, 1]);
});

test("a cookie is 64 bytes, shorter than every message that it answers", () => {
  const issuer = new CookieIssuer(new SeededRandom(1));
  assert.equal(issuer.reply(message(), { receiver: 1, key }, here, 0).length, 64);
  assert.equal(cookieLength, 64);
  assert.ok(cookieLength < protocol.knockLength && cookieLength < protocol.initiationLength);
});

test("a cookie proves its own host and port alone", () => {
  const issuer = new CookieIssuer(new SeededRandom(1));
  const signed = withMac2(cookieFor(issuer, 0));
  assert.equal(issuer.proves(signed, here, 0), true);
  assert.equal(issuer.proves(signed, { ...here, port: 4_001 }, 0), false);
  assert.equal(issuer.proves(signed, { ...here, host: "192.0.2.8" }, 0), false);
  assert.equal(new CookieIssuer(new SeededRandom(2)).proves(signed, here, 0), false);
});

test("mac2 holds for one message: with another mac1 it is wrong", () => {
  const issuer = new CookieIssuer(new SeededRandom(1));
  const other = message(2);
  other.set(withMac2(cookieFor(issuer, 0)).subarray(-16), other.length - 16);
  assert.equal(issuer.proves(other, here, 0), false);
});

test("the secret of cookies is renewed after 120 s", () => {
  assert.equal(protocol.cookieMillis, 120_000);
  const issuer = new CookieIssuer(new SeededRandom(1));
  const signed = withMac2(cookieFor(issuer, 1_000));
  assert.equal(issuer.proves(signed, here, 120_999), true);
  assert.equal(issuer.proves(signed, here, 121_000), false);
});

test("a cookie opens with the right key and for the message it answers, and not otherwise", () => {
  const issuer = new CookieIssuer(new SeededRandom(1));
  const reply = decodeCookie(issuer.reply(message(), { receiver: 1, key }, here, 0))!;
  assert.ok(openCookie(reply, key, readMac1(message())) !== undefined);
  assert.equal(openCookie(reply, key, readMac1(message(2))), undefined);
  assert.equal(openCookie(reply, new Uint8Array(32), readMac1(message())), undefined);
});

test("keys of cookies differ by network, receiver and use", () => {
  const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const keys = [
    memberKeys(one, one),
    memberKeys(two, one),
    memberKeys(one, two),
    joinKeys(one),
    joinKeys(two),
  ];
  assert.equal(new Set(keys.flatMap(({ mac1, cookie }) => [mac1.join(), cookie.join()])).size, 10);
});

test("a cookie is used for 120 s, at the place it came from", () => {
  const jar = new CookieJar();
  const isSigned = (place: typeof here, now: number) => {
    const each = message();
    jar.sign(each, place, now);
    return hasMac2(each);
  };
  jar.keep(here, new Uint8Array(16).fill(1), 1_000);
  assert.deepEqual([1_000, 120_999, 121_000].map((now) => isSigned(here, now)), [true, true, false]);
  assert.equal(isSigned({ ...here, port: 1 }, 1_000), false);
});

test("1,024 cookies are held, the oldest makes room", () => {
  assert.equal(limits.cookies, 1_024);
  const jar = new CookieJar();
  for (let port = 0; port <= 1_024; port++) jar.keep({ host: "192.0.2.1", port }, new Uint8Array(16), 0);
  const signed = [0, 1].map((port) => {
    const each = message();
    jar.sign(each, { host: "192.0.2.1", port }, 0);
    return hasMac2(each);
  });
  assert.deepEqual(signed, [false, true]);
});

test("the cookie of the last handshake serves the next one, so a renewal under load costs no round trip", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  overload(rig, b);
  rig.connect(a, b);
  rig.run(100);
  rig.call(a, (machine, now) => machine.disconnect(b.id, now));
  const from = rig.now;
  overload(rig, b);
  rig.connect(a, b);
  rig.run(100);
  assert.deepEqual(rig.types(from).filter((type) => type === cookie), []);
  assert.deepEqual(a.edges(), ["+b", "-b", "+b"]);
});

test("a sender whose address looks different every time is answered in no loop", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  overload(rig, b);
  rig.weather = () => [];
  let port = 20_000;
  /** What `a` has sent goes to `b`, each time from another port, and the cookie back, as long as there is something. */
  const carry = () => {
    for (let carried = rig.log.length - 1; carried < rig.log.length; carried += 2) {
      assert.equal(
        rig.inject(b, rig.log[carried]!.datagram, { ...a.endpoint, port: port++ }),
        Drop.underLoad,
      );
      assert.equal(rig.inject(a, rig.log.at(-1)!.datagram, b.endpoint), Drop.none);
    }
  };
  rig.connect(a, b);
  rig.run(0);
  carry();
  assert.deepEqual(rig.types(), [initiation, cookie, initiation, cookie]);
  rig.run(250);
  carry();
  assert.deepEqual(
    rig.types().slice(4),
    [initiation, cookie, initiation, cookie],
    "twice for each attempt on schedule",
  );
});

test("a cookie that nobody waits for, or that another message brought forth, is dropped", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  overload(rig, b);
  rig.weather = () => [];
  rig.connect(a, b);
  rig.run(0);
  rig.inject(b, rig.log[0]!.datagram, a.endpoint);
  const answer = rig.log.at(-1)!.datagram;
  assert.equal(answer[0], cookie);
  rig.run(250);
  assert.equal(rig.inject(a, answer, b.endpoint), Drop.unknownSession);
  const forged = answer.slice();
  forged.set(rig.log.at(-1)!.datagram.subarray(4, 8), 4);
  assert.equal(rig.inject(a, forged, b.endpoint), Drop.badTag);
  const { cookie: cookieKey } = memberKeys(networkKey(1).secret, b.keys.publicKey);
  assert.equal(openCookie(decodeCookie(answer)!, cookieKey, readMac1(rig.log[0]!.datagram))!.length, 16);
});
