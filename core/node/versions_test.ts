/**
 * The table of everything that is stored or sent, with the version that each says. A newer one is refused on disk, for a
 * program must not write over what it cannot read, and passed over on the wire, where newer nodes speak to older ones.
 */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { World } from "../../tests/ring/ring_world.ts";
import { SimWorld } from "../../tests/sim/world.ts";
import { ann as founderOfVoters, decide, motionAt, start, wish } from "../../tests/voters/voters_fixture.ts";
import { decodeMessage, encodeMessage } from "../../plugins/ring/message.ts";
import { putTakeover } from "../../plugins/ring/storage.ts";
import { encodeTakeover, takeoverOf } from "../../plugins/ring/takeover.ts";
import type { PeerId } from "../contracts/values.ts";
import { decodeApplication, encodeApplication } from "../identity/application.ts";
import { signBinding } from "../identity/binding.ts";
import { decodeCredentials, encodeCredentials } from "../identity/credentials.ts";
import { decodeIdentity } from "../identity/identity.ts";
import { Secret } from "../identity/secret.ts";
import { claimedKind, recordId } from "../identity/signed.ts";
import { formatToken, parseToken } from "../identity/token.ts";
import { decodeWelcome } from "../identity/welcome.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { encodeStoredVoter } from "../voters/stored_voter.ts";
import { parseEndpoint } from "../wire/endpoint.ts";
import { encodeHex } from "../wire/hex.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { Admissions } from "./admissions.ts";
import { Channels } from "./channels.ts";
import { putEndpoint } from "./endpoint_record.ts";
import { putHost } from "./host_record.ts";
import { FakeLog, FakeStore, foundedState, newState } from "./node_fixture.ts";
import { Tokens } from "./tokens.ts";
import { decodeVotingMessage, encodeVotingMessage } from "./voting_message.ts";
import {
  decodeStateMessage,
  encodeDigests,
  encodeParts,
  encodeRecords,
  encodeWants,
} from "./state_message.ts";

type Newer = (value: Uint8Array) => Uint8Array;

const newerMap: Newer = (value) => encodeCbor({ ...decodeCbor(value) as object, v: 2 });
const newerArray: Newer = (value) => encodeCbor([2, ...(decodeCbor(value) as unknown[]).slice(1)]);
const newerByte: Newer = (value) => value.with(0, 2);

interface StoredForm {
  /** Of the keys of this form. */
  readonly keys: RegExp;
  versionOf(value: Uint8Array): unknown;
  readonly newer: Newer;
  readonly then: "refused" | "passed over";
}

const mapVersion = (value: Uint8Array) => (decodeCbor(value) as { v: unknown }).v;
const arrayVersion = (value: Uint8Array) => (decodeCbor(value) as unknown[])[0];
const inMap = { versionOf: mapVersion, newer: newerMap } as const;
const inRecord = { versionOf: arrayVersion, newer: newerArray } as const;

const stored: readonly StoredForm[] = [
  { keys: /^node\/identity$/, ...inMap, then: "refused" },
  { keys: /^node\/name$/, ...inMap, then: "refused" },
  { keys: /^node\/network$/, ...inMap, then: "refused" },
  { keys: /^node\/sequence$/, ...inMap, then: "refused" },
  { keys: /^node\/record\/[0-9a-f]{32}$/, ...inRecord, then: "refused" },
  { keys: /^node\/peer\/[a-z2-7]{32}$/, ...inRecord, then: "refused" },
  { keys: /^node\/token\/[0-9a-f]{32}$/, ...inMap, then: "passed over" },
  { keys: /^node\/endpoint\/.+$/, ...inMap, then: "refused" },
  { keys: /^node\/host$/, ...inMap, then: "refused" },
  { keys: /^node\/voters\/stand$/, ...inMap, then: "refused" },
  { keys: /^node\/voters\/record\/[0-9a-f]{32}$/, ...inRecord, then: "refused" },
  { keys: /^ring\/network$/, ...inMap, then: "refused" },
  { keys: /^ring\/grant\/.+$/, ...inMap, then: "refused" },
  { keys: /^ring\/takeover\/\d+$/, ...inMap, then: "refused" },
  { keys: /^ring\/lease\/[0-9a-f.:]+$/, ...inMap, then: "refused" },
  { keys: /^ring\/rest\/[0-9a-f.:]+$/, ...inMap, then: "refused" },
  { keys: /^static_seeds\/.+$/, versionOf: (value) => value[0], newer: newerByte, then: "refused" },
];

const endpoint = putEndpoint({
  owner: "netns:4:1",
  path: "/run/netns/web",
  where: { netns: "web" },
  wish: "",
  leases: [],
  name: undefined,
  namespace: "default",
  labels: {},
  mtu: 1376,
  link: {},
});

const host = putHost({
  leases: [{ owner: "host", address: parsePrefix("10.32.9.1/32")!.address, bits: 12 }],
  name: undefined,
  masquerade: true,
  randomFully: false,
  noMasqLocal: false,
  services: [],
});

const decision = decide([founderOfVoters], motionAt(start, wish("anything")));
const voters = [
  { key: "node/voters/stand", value: encodeStoredVoter({ last: undefined, doubt: undefined }) },
  { key: `node/voters/record/${encodeHex(recordId(decision))}`, value: decision },
];

const terms = { dead: "a".repeat(32) as PeerId, heir: "b".repeat(32) as PeerId };
const payload = encodeTakeover({ ...terms, prefixes: [parsePrefix("10.32.64.0/20")!] });
const takeover = { ...takeoverOf({ number: 9, recovery: 0, payload })!, hasRested: true };

/** Of plugins that keep one number, and say so where they keep it. */
const others = /^noise\//;

test("every key that a node stores is in the table and says version 1, and a newer one is refused or passed over", async () => {
  await using world = new SimWorld(71);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  await world.run(a!.node.tokens.create());
  await world.run(a!.node.connect(["198.51.100.7:6783"]));
  await world.clock.advance(1_000);
  await world.stop(b!);
  await world.stop(a!);
  const disk = world.disk("a");
  const lease = [...disk.image.entries("ring/lease/")][0]!;
  await disk.mount().commit([
    { key: "ring/rest/10.32.9.9", value: encodeCbor({ v: 1 }) },
    putTakeover(takeover),
    endpoint,
    host,
    ...voters,
  ]);
  const entries = [...disk.image.entries("")].filter(([key]) => !others.test(key));
  assert.notEqual(lease, undefined);
  const seen = new Set<StoredForm>();
  for (const [key, value] of entries) {
    const form = stored.find(({ keys }) => keys.test(key));
    assert.ok(form !== undefined, `${key} is in the table`);
    assert.equal(form.versionOf(value), 1, key);
    if (seen.has(form)) continue;
    seen.add(form);
    await disk.mount().commit([{ key, value: form.newer(value) }]);
    const start = world.start("a");
    if (form.then === "refused") {
      await assert.rejects(start, { code: "UNSUPPORTED", message: /newer version/ }, key);
    } else await world.stop(await start);
    await disk.mount().commit([{ key, value }]);
  }
  assert.deepEqual(stored.filter((form) => !seen.has(form)).map(({ keys }) => keys), []);
  await world.start("a");
});

interface WireForm {
  readonly what: string;
  /** One message as this version writes it. */
  write(): Promise<Uint8Array> | Uint8Array;
  readonly newer: Newer;
  /** Undefined, or false, for what is passed over. */
  read(bytes: Uint8Array): unknown;
}

const clock = new SimClock();
const ann = "ann" as PeerId;
const { state: founder } = await foundedState(clock, "founder");
await founder.announce([parseEndpoint("192.0.2.1:1")!], []);
const joiner = newState(clock, "joiner").state.self;

function heard(payload: Uint8Array): boolean {
  const channels = new Channels(new FakeLog(), () => []);
  let isHeard = false;
  channels.open("mesh").receive(() => void (isHeard = true));
  channels.dispatch(ann, payload);
  return isHeard;
}

async function welcome(): Promise<Uint8Array> {
  const admissions = new Admissions({
    platform: newState(clock, "founder").platform,
    state: founder,
    spread: () => {},
  });
  const parts = { platform: newState(clock, "x").platform, state: founder, store: new FakeStore() };
  const issued = await new Tokens({ ...parts, seeds: () => [], exclude: () => Promise.resolve() }).create();
  const { id, expires } = parseToken(issued.token);
  const { answer } = await admissions.admit({
    token: { id, expires },
    noiseKey: joiner.noise.publicKey,
    application: application(),
  });
  assert.ok("welcome" in answer);
  return answer.welcome;
}

function application(): Uint8Array {
  return encodeApplication({ binding: signBinding(joiner, 1), name: "joiner", endpoints: [] });
}

const records = () => encodeRecords(founder.records());
const digest = new Uint8Array(16);
const part = { prefix: "0f", isList: true, content: digest };
const within = parsePrefix("10.32.0.0/12")!;
const ring = { newer: newerMap, read: decodeMessage } as const;
const shared = { newer: newerArray, read: decodeStateMessage } as const;
const voting = { newer: newerArray, read: decodeVotingMessage } as const;

const wire: readonly WireForm[] = [
  {
    what: "channel header",
    write: () => Uint8Array.of(1, 4, 0x6d, 0x65, 0x73, 0x68),
    newer: newerByte,
    read: heard,
  },
  { what: "state records", write: records, ...shared },
  { what: "state digests", write: () => encodeDigests("digests", [["peer", digest]])[0]!, ...shared },
  { what: "state differ", write: () => encodeDigests("differ", [["peer", digest]])[0]!, ...shared },
  { what: "state roots", write: () => encodeDigests("roots", [["peer", digest]], 3)[0]!, ...shared },
  { what: "state tree", write: () => encodeParts("peer", [part])[0]!, ...shared },
  { what: "state want", write: () => encodeWants("peer", [digest])[0]!, ...shared },
  { what: "question to voters", write: () => encodeVotingMessage({ kind: "ask" }), ...voting },
  { what: "answer of a voter", write: () => encodeVotingMessage({ kind: "told", part: 0 }), ...voting },
  { what: "wish", write: () => encodeVotingMessage({ kind: "want", wish: wish("anything") }), ...voting },
  { what: "ring need", write: () => encodeMessage({ kind: "need", request: 1, within, held: 0 }), ...ring },
  { what: "ring none", write: () => encodeMessage({ kind: "none", request: 1 }), ...ring },
  { what: "ring grants", write: () => encodeMessage({ kind: "grants", records: [] }), ...ring },
  {
    what: "join application",
    write: application,
    newer: newerMap,
    read: (bytes) => decodeApplication(bytes, joiner.noise.publicKey),
  },
  { what: "join welcome", write: welcome, newer: newerMap, read: decodeWelcome },
  {
    what: "session credentials",
    write: () => encodeCredentials({ announcement: founder.announcements()[0]!, chain: [], routes: digest }),
    newer: newerMap,
    read: decodeCredentials,
  },
  ...founder.records().map((record) => ({
    what: `record of kind ${claimedKind(record)}`,
    write: () => record,
    newer: newerArray,
    read: claimedKind,
  })),
];

for (const { what, write, newer, read } of wire) {
  test(`a ${what} is read, and one of a newer version is passed over`, async () => {
    const bytes = await write();
    assert.ok(read(bytes));
    assert.ok(!read(newer(bytes)));
  });
}

test("a ring that a newer version has written is not opened, whatever part of it is newer", async () => {
  const world = new World(1);
  const node = world.get(0);
  await world.startAll();
  await world.clock.advance(10);
  await node.stop();
  for (const key of ["ring/network", "ring/grant/x", "ring/lease/10.32.0.1", "ring/rest/10.32.0.1"]) {
    const before = node.disk.image.get(key);
    await node.disk.mount().commit([{ key, value: encodeCbor({ v: 2 }) }]);
    assert.throws(() => node.create(), { code: "UNSUPPORTED", message: new RegExp(`${key}.*format 2`) });
    await node.disk.mount().commit([{ key, value: before }]);
  }
  node.kill();
});

test("an identity of a newer version is refused with what to do", () => {
  assert.throws(() => decodeIdentity(encodeCbor({ v: 2 })), {
    code: "UNSUPPORTED",
    message: /start the newer version/,
  });
});

test("a token of a newer version is told apart from a mistyped one", () => {
  const key = new Secret(new Uint8Array(32));
  const token = { networkId: digest, id: digest, expires: 1, seeds: [], key };
  const text = formatToken(token).replace("selvage1-", "selvage2-");
  assert.throws(() => parseToken(text), { code: "TOKEN_INVALID", message: /it has format 2/ });
});
