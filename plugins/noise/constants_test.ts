import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { directOverhead, limits, overhead, protocol, relayOverhead, retryMillis } from "./constants.ts";
import { relayGrowth } from "./relayed.ts";
import { windowSize } from "./replay_window.ts";

// What the other side, an operator or the documentation relies on, once more in plain figures: a change of one of them
// must be meant. How each of them acts is tested beside what it governs, and in limits_test.ts.

test("protocol constants are those of the documentation", () => {
  assert.deepEqual(protocol, {
    version: 1,
    versions: { lowest: 1, highest: 1 },
    memberHandshake: "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s",
    joinHandshake: "Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s",
    initiationLength: 1_232,
    knockLength: 256,
    whoIsLength: 96,
    rekeyAfterMillis: 120_000,
    responderRekeyAfterMillis: 160_000,
    rejectAfterMillis: 180_000,
    rekeyAfterMessages: 2 ** 40,
    rejectAfterMessages: 2 ** 53 - 1,
    cookieMillis: 120_000,
    keepaliveMillis: 5_000,
    keepaliveLimit: 3,
    joinPartLength: 1_100,
    joinPartLimit: 64,
    joinWindow: 8,
  });
  assert.deepEqual([directOverhead, overhead], [{ 4: 68, 6: 88 }, { 4: 108, 6: 128 }]);
  assert.equal(relayOverhead, relayGrowth);
  assert.deepEqual([windowSize, retryMillis], [8_128, [
    250,
    500,
    1_000,
    2_000,
    5_000,
  ]]);
});

const ofRelays = {
  wayAliveMillis: 7_500,
  seekAddressMillis: 5_000,
  askWayMillis: 1_000,
  relays: 3,
  relayAnswerMillis: 1_000,
  relayPlacesPerPeer: 5,
  noWayAnswers: { perSecond: 200, burst: 100, perSourcePerSecond: 20, sourceBurst: 10 },
  noWayCalls: { perSecond: 50, burst: 64, perSourcePerSecond: 20, sourceBurst: 10 },
  relayBytesPerSecond: 12_500_000,
  relayPacketsPerSecond: 50_000,
};

test("limits of this node are those of the documentation", () => {
  const answers = { perSourcePerSecond: 20, sourceBurst: 10 };
  assert.deepEqual(limits, {
    jitterMillis: 334,
    hasteShare: 0.25,
    attemptsPerRound: 5,
    peers: 65_536,
    endpointsPerPeer: 8,
    seeds: 1_024,
    handshakeLength: 4_096,
    retiredSessions: 3,
    initiationIntervalMillis: 20,
    firstMessages: { perSecond: 100, burst: 64 },
    underLoadMillis: 1_000,
    provenInitiations: { perSecond: 200, burst: 64, perSourcePerSecond: 20, sourceBurst: 5 },
    provenKnocks: { perSecond: 50, burst: 32, perSourcePerSecond: 20, sourceBurst: 5 },
    cookieReplies: { perSecond: 2_000, burst: 200, ...answers },
    whoIsAnswers: { perSecond: 2_000, burst: 200, ...answers },
    unknownIndexAnswers: { perSecond: 200, burst: 100, ...answers },
    tokenDerivations: { perSecond: 2_500, burst: 250, ...answers },
    sources: 1_024,
    askedBeforeMillis: 2_500,
    seenMacs: 8_192,
    cookies: 1_024,
    spoiltReplies: 32,
    provenTokens: 256,
    otherTokens: 1_024,
    tokenKeysMillis: 10_000,
    unknownIndexMillis: 3_000,
    unknownIndexCalls: { perSecond: 50, burst: 64 },
    afterGoodbyeMillis: 2_000,
    queuedPackets: 8_192,
    applicationLength: 3_800,
    pendingJoins: 64,
    joinMillis: 10_000,
    joinTotalMillis: 60_000,
    joinResendMillis: 100,
    partRecords: 64,
    partBytes: 131_072,
    partLeastBytes: 250,
    partMillis: 2_000,
    pathMoveMillis: 1_000,
    ...ofRelays,
    trustRenewalMillis: 3_000,
    roundTripMillis: 30_000,
    instances: 8,
    cloneAlarmMillis: 60_000,
    stampReserveMillis: 5_000,
    stampRetryMillis: { first: 1_000, longest: 60_000 },
    noteTickMillis: 16,
    noteReserveTicks: 37_500,
    noteCiphers: 1_024,
    noteNetworkKeys: 4,
    noteKeyLooks: { perSecond: 50, burst: 64 },
    sharedRejectAfterMessages: 2 ** 31,
    sharedRekeyAfterMessages: 2 ** 30,
    sharedSentLately: 2 ** 20,
    workerLookMillis: 1_000,
  });
});
