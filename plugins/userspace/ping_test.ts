import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { PingReply, PingRequest } from "../../core/contracts/port.ts";
import { sameAddress } from "../../core/wire/address.ts";
import { decodeIcmp, encodeEcho, type IcmpEcho } from "../../core/wire/icmp.ts";
import { icmpPacketTooBig, icmpUnreachable, type UndeliveredReason } from "../../core/wire/icmp_error.ts";
import type { IpPacket } from "../../core/wire/ip.ts";
import { test } from "../../tests/harness.ts";
import { Host, ip, pair, signal } from "../../tests/sim/overlay_host.ts";

const request4: PingRequest = { from: ip("10.32.0.1"), to: ip("10.32.0.2"), size: 56, timeout: 1000 };
const request6: PingRequest = { ...request4, from: ip("fd00::1"), to: ip("fd00::2") };

function echoOf(packet: IpPacket): IcmpEcho {
  const message = decodeIcmp(packet);
  assert.ok(typeof message === "object" && (message.kind === "echoRequest" || message.kind === "echoReply"));
  return message;
}

test("an echo request is answered with its identifier, number, data and traffic class", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1", "fd00::1"])).record();
  const echo: IcmpEcho = {
    kind: "echoRequest",
    identifier: 7,
    sequence: 65_535,
    data: Uint8Array.of(1, 2, 3),
  };
  for (const [from, to] of [["10.33.0.9", "10.32.0.1"], ["fd00::9", "fd00::1"]] as const) {
    const route = { source: ip(from), destination: ip(to), trafficClass: 0xb8, hopLimit: 3 };
    assert.equal(host.deliver(encodeEcho(route, echo)), Drop.none);
    const answer = host.sent.pop()!;
    assert.deepEqual(echoOf(answer), { ...echo, kind: "echoReply" });
    assert.ok(sameAddress(answer.source, route.destination) && sameAddress(answer.destination, route.source));
    assert.deepEqual([answer.hopLimit, answer.trafficClass], [64, 0xb8]);
  }
});

test("a ping measures the way there and back on the host's clock, in both families", async () => {
  const { clock, left } = await pair(2.25);
  for (const request of [request4, request6]) {
    const reply = await clock.complete(left.port.ping(request, signal));
    assert.deepEqual(reply, { from: request.to, rtt: 4.5, hopLimit: 64, size: 56 });
  }
  assert.equal(clock.pending, 0);
});

test("pings of every size up to the MTU come back, and one byte more is refused", async () => {
  const { clock, left } = await pair();
  for (const [request, most] of [[request4, 1372], [request6, 1352]] as const) {
    for (const size of [0, 1, most]) {
      assert.equal((await clock.complete(left.port.ping({ ...request, size }, signal))).size, size);
    }
    for (const size of [most + 1, -1, 1.5, NaN]) {
      await assert.rejects(left.port.ping({ ...request, size }, signal), {
        code: "INVALID_ARGUMENT",
        message: new RegExp(`${size} bytes do not fit; give 0 to ${most}$`),
      });
    }
  }
});

test("many pings at once each get their own answer", async () => {
  const { clock, left } = await pair();
  const sizes = Array.from({ length: 200 }, (_, i) => i);
  const replies = await clock.complete(
    Promise.all(sizes.map((size) => left.port.ping({ ...request4, size }, signal))),
  );
  assert.deepEqual(replies.map(({ size }) => size), sizes);
});

test("an own address answers too, without leaving the host", async () => {
  const host = (await new Host().attach("web", ["10.32.0.1", "10.32.0.7"])).record();
  for (const to of ["10.32.0.1", "10.32.0.7"]) {
    const reply = await host.clock.complete(host.port.ping({ ...request4, to: ip(to) }, signal));
    assert.deepEqual(reply.from, ip(to));
  }
  assert.deepEqual([host.sent, host.drops], [[], []]);
});

test("no answer is TIMEOUT after the time given, and a late answer is dropped", async () => {
  const host = (await new Host().attach("left", ["10.32.0.1"])).record();
  const start = host.clock.now();
  await assert.rejects(host.clock.complete(host.port.ping({ ...request4, timeout: 250 }, signal)), {
    code: "TIMEOUT",
    message: "Cannot ping 10.32.0.2: no answer within 250 ms; its host may be down, or a policy drops ICMP",
  });
  assert.equal(host.clock.now() - start, 250);
  assert.equal(host.deliver(answerTo(host.sent[0]!)), Drop.noListener);
});

function answerTo(packet: IpPacket, change: Partial<IcmpEcho> = {}): Uint8Array {
  const route = { source: packet.destination, destination: packet.source };
  return encodeEcho(route, { ...echoOf(packet), kind: "echoReply", ...change });
}

test("an answer with another number, identifier or data, or from elsewhere, is not believed", async () => {
  const host = (await new Host().attach("left", ["10.32.0.1"])).record();
  let reply: PingReply | undefined;
  const pinging = host.port.ping(request4, signal).then((value) => reply = value);
  await host.clock.advance(0);
  const packet = host.sent[0]!;
  const { identifier, sequence, data } = echoOf(packet);
  const forged = [
    answerTo(packet, { identifier: identifier ^ 1 }),
    answerTo(packet, { sequence: sequence ^ 1 }),
    answerTo(packet, { data: data.map((byte) => byte ^ 1) }),
    answerTo(packet, { data: data.subarray(1) }),
    encodeEcho({ source: ip("10.32.0.3"), destination: packet.source }, {
      ...echoOf(packet),
      kind: "echoReply",
    }),
  ];
  for (const answer of forged) assert.equal(host.deliver(answer), Drop.noListener);
  await host.clock.advance(10);
  assert.equal(reply, undefined);
  assert.equal(host.deliver(answerTo(packet)), Drop.none);
  await host.clock.complete(pinging);
});

test("an abort ends a ping with its reason, before and after it was sent", async () => {
  const host = (await new Host().attach("left", ["10.32.0.1"])).record();
  const reason = new Error("the user left");
  await assert.rejects(host.port.ping(request4, AbortSignal.abort(reason)), reason);
  assert.equal(host.sent.length, 0);
  const controller = new AbortController();
  const pinging = assert.rejects(host.port.ping(request4, controller.signal), reason);
  await host.clock.advance(10);
  controller.abort(reason);
  await pinging;
  assert.equal(host.clock.pending, 0);
});

test("what this node cannot send is UNREACHABLE at once, with the reason in words", async () => {
  const expected: readonly [Drop, RegExp][] = [
    [Drop.noRoute, /^Cannot ping 10\.32\.0\.2: no peer owns the address$/],
    [Drop.noSession, /no session with the peer/],
    [Drop.noListener, /nobody holds the address/],
    [Drop.denied, /policy denies it/],
    [Drop.tooBig, /smaller size/],
    [Drop.queueFull, /overloaded/],
    [Drop.loop, /this node dropped it \(loop\)/],
  ];
  for (const [drop, message] of expected) {
    const host = (await new Host().attach("left", ["10.32.0.1"])).record(drop);
    await assert.rejects(host.port.ping(request4, signal), { code: "UNREACHABLE", message });
    assert.equal(host.clock.pending, 0);
  }
});

test("an ICMP error about a ping rejects it with what the error says and who said it", async () => {
  const expected: readonly [UndeliveredReason, RegExp][] = [
    ["noRoute", /^Cannot ping \S+: no route to its network, says \S+$/],
    ["hostUnreachable", /nobody holds the address, says (10\.32\.0\.254|fd00::fe)$/],
    ["portUnreachable", /nobody listens on the port/],
    ["prohibited", /policy denies it/],
    ["hopLimitExceeded", /the hop limit ran out on the way/],
  ];
  for (const [reason, message] of expected) {
    for (const [request, speaker] of [[request4, "10.32.0.254"], [request6, "fd00::fe"]] as const) {
      const host = (await new Host().attach("left", ["10.32.0.1", "fd00::1"])).record();
      const rejected = assert.rejects(host.port.ping(request, signal), { code: "UNREACHABLE", message });
      await host.clock.advance(1);
      assert.equal(host.deliver(icmpUnreachable(host.sent[0]!.bytes, reason, ip(speaker))!), Drop.none);
      await rejected;
    }
  }
});

test("a path that is too small rejects a ping with the size that passes", async () => {
  const host = (await new Host().attach("left", ["10.32.0.1"])).record();
  const rejected = assert.rejects(host.port.ping({ ...request4, size: 1372 }, signal), {
    code: "UNREACHABLE",
    message: /at most 1300 bytes pass; give a smaller size, says 10\.32\.0\.254$/,
  });
  await host.clock.advance(1);
  host.deliver(icmpPacketTooBig(host.sent[0]!.bytes, 1300, ip("10.32.0.254"))!);
  await rejected;
});

test("an ICMP error about somebody else's packet, or about an echo reply, rejects nothing", async () => {
  const host = (await new Host().attach("left", ["10.32.0.1"])).record();
  const pinging = host.port.ping(request4, signal);
  await host.clock.advance(1);
  const [packet] = host.sent;
  const { source, destination } = packet!;
  const others = [
    encodeEcho({ source: ip("10.32.0.9"), destination }, echoOf(packet!)),
    encodeEcho({ source, destination: ip("10.32.0.9") }, echoOf(packet!)),
    encodeEcho({ source, destination }, { ...echoOf(packet!), sequence: echoOf(packet!).sequence ^ 1 }),
    encodeEcho({ source, destination }, { ...echoOf(packet!), kind: "echoReply" }),
  ];
  const speaker = { source: ip("10.32.0.254"), destination: source };
  for (const other of others) {
    const error = icmpUnreachable(other, "hostUnreachable", speaker.source);
    assert.equal(
      error === undefined ? Drop.noListener : host.deliver(redirected(error, source)),
      Drop.noListener,
    );
  }
  host.deliver(answerTo(packet!));
  assert.equal((await host.clock.complete(pinging)).size, 56);
});

/** The ICMP error of another host, but sent to us. */
function redirected(error: Uint8Array, destination: { readonly bytes: Uint8Array }): Uint8Array {
  const packet = new Uint8Array(error);
  packet.set(destination.bytes, 16);
  packet.fill(0, 10, 12);
  const words = Array.from({ length: 10 }, (_, i) => packet[2 * i]! * 256 + packet[2 * i + 1]!);
  const sum = words.reduce((total, word) => total + word, 0);
  const folded = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
  packet.set([folded >> 8, folded & 0xff], 10);
  return packet;
}

test("an endpoint that is shut, gone or somebody else's does not ping", async () => {
  const host = new Host().record();
  const leases = [{ owner: "left", address: request4.from, bits: 12 }];
  await assert.rejects(host.port.ping(request4, signal), {
    code: "INVALID_ARGUMENT",
    message: "Cannot ping from 10.32.0.1: it is not an address of this node",
  });
  const endpoint = await host.port.attach({ owner: "left", leases, mtu: 1400 }, signal);
  await assert.rejects(host.port.ping(request4, signal), {
    code: "UNREACHABLE",
    message: /has not answered yet/,
  });
  await endpoint.open();
  const pinging = assert.rejects(host.port.ping(request4, signal), {
    code: "UNREACHABLE",
    message: /detached/,
  });
  await host.port.detach("left");
  await pinging;
  assert.equal(host.clock.pending, 0);
});

test("mixed families and a timeout of nothing are INVALID_ARGUMENT", async () => {
  const host = (await new Host().attach("left", ["10.32.0.1"])).record();
  for (const wrong of [{ to: ip("fd00::2") }, { timeout: 0 }, { timeout: NaN }]) {
    await assert.rejects(host.port.ping({ ...request4, ...wrong }, signal), { code: "INVALID_ARGUMENT" });
  }
});

test("1,024 pings are the most at a time", async () => {
  const host = (await new Host().attach("left", ["10.32.0.1"])).record();
  const pings = Array.from({ length: 1024 }, () => host.port.ping(request4, signal));
  await assert.rejects(host.port.ping(request4, signal), { code: "POOL_EXHAUSTED" });
  const ended = Promise.allSettled(pings);
  await host.clock.complete(ended);
  const next = host.port.ping(request4, signal);
  await host.clock.advance(1);
  host.deliver(answerTo(host.sent.at(-1)!));
  await host.clock.complete(next);
});
