import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { parseAddress } from "../wire/address.ts";
import { isSameSockaddr, ReplySources } from "./reply_sources.ts";
import { encodeSockaddr, SOCKADDR_LENGTH } from "./socket_address.ts";

/** As the kernel gives it to a socket of that family, in 28 bytes. */
function at(host: string, port = 6783, family: 4 | 6 = 6): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_LENGTH);
  encodeSockaddr({ host, port }, family, bytes, 0);
  return bytes;
}

const own = (host: string) => parseAddress(host)!.bytes;
const [first, second] = [own("::ffff:198.51.100.1"), own("::ffff:198.51.100.2")];
const peer = at("192.0.2.1");

/** What is said to `to` while something from `from` is handled. */
function answering(sources: ReplySources, { from, local, to }: Record<"from" | "local" | "to", Uint8Array>) {
  let source: Uint8Array | undefined;
  sources.heard(from, local, () => void (source = sources.of(to)));
  return source;
}

test("an answer leaves from where it was asked, whatever was known before", () => {
  const sources = new ReplySources();
  assert.equal(sources.of(peer), undefined);
  sources.proved(peer, first);
  assert.deepEqual(answering(sources, { from: peer, local: second, to: peer }), second);
  assert.deepEqual(sources.of(peer), first, "and what may be forged changes nothing of the rest");
  assert.equal(answering(sources, { from: peer, local: second, to: at("192.0.2.2") }), undefined);
});

test("what may be anybody's stands where nothing is proved, and no longer", () => {
  const sources = new ReplySources();
  sources.heard(peer, first, () => {});
  assert.deepEqual(sources.of(peer), first);
  assert.equal(sources.proved(peer, second), true);
  assert.deepEqual(sources.of(peer), second);
  assert.equal(sources.proved(peer, second), false);
  assert.equal(sources.proved(peer, first), true);
});

test("where what may be anybody's was sent to two addresses the system chooses, until something is proved", () => {
  const sources = new ReplySources();
  for (const local of [first, first, second, first]) {
    assert.deepEqual(answering(sources, { from: peer, local, to: peer }), local);
  }
  assert.equal(sources.of(peer), undefined);
  sources.proved(peer, second);
  assert.deepEqual(sources.of(peer), second);
});

test("a handler that throws ends the answer", () => {
  const sources = new ReplySources();
  sources.proved(peer, first);
  assert.throws(() =>
    sources.heard(peer, second, () => {
      throw new Error("bad");
    })
  );
  assert.deepEqual(sources.of(peer), first);
});

test("senders that are forged push out no peer, and are not more than a bound", () => {
  const sources = new ReplySources();
  sources.proved(peer, first);
  const asked = at("192.0.2.3");
  sources.heard(asked, second, () => {});
  for (let i = 0; i < 20_000; i++) {
    sources.heard(at(`203.0.113.${i & 255}`, 1 + (i >> 3)), second, () => {});
    if (i % 1_000 === 0) assert.deepEqual(sources.of(asked), second, "who is spoken to stays");
  }
  assert.deepEqual(sources.of(peer), first);
  assert.equal(sources.of(at("203.0.113.0", 1)), undefined);
});

test("an address that is gone is forgotten, also while it is answered", () => {
  const sources = new ReplySources();
  sources.proved(peer, first);
  sources.heard(peer, second, () => {
    sources.forget(peer);
    assert.equal(sources.of(peer), undefined);
  });
  assert.equal(sources.of(peer), undefined);
  sources.proved(peer, first);
  sources.clear();
  assert.equal(sources.of(peer), undefined);
});

test("what no packet can leave from is not remembered", () => {
  const sources = new ReplySources();
  const useless = [
    "::",
    "::ffff:0.0.0.0",
    "ff02::1",
    "::ffff:224.0.0.1",
    "::ffff:255.255.255.255",
    "fe80::1",
  ];
  for (const host of useless) {
    assert.equal(sources.proved(peer, own(host)), false, host);
    assert.equal(answering(sources, { from: peer, local: own(host), to: peer }), undefined, host);
  }
  assert.equal(sources.of(peer), undefined);
});

test("an endpoint is its port and address, in 28 bytes or in as many as it takes", () => {
  for (const family of [4, 6] as const) {
    const long = at("192.0.2.1", 6783, family);
    assert.ok(isSameSockaddr(long, long.slice(0, family === 4 ? 16 : 28)));
    assert.ok(!isSameSockaddr(long, at("192.0.2.1", 6784, family)));
    assert.ok(!isSameSockaddr(long, at("192.0.2.2", 6783, family)));
  }
  const flow = at("2001:db8::1");
  flow[5] = 7;
  assert.ok(isSameSockaddr(flow, at("2001:db8::1")));
});
