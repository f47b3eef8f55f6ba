import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { parseToken } from "../identity/token.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { parseEndpoint } from "../wire/endpoint.ts";
import { encodeHex } from "../wire/hex.ts";
import { foundedState } from "./node_fixture.ts";
import { Tokens } from "./tokens.ts";

async function rig(seeds = 2) {
  const clock = new SimClock();
  const { state, store, platform } = await foundedState(clock, "founder");
  const endpoints = Array.from({ length: seeds }, (_, i) => parseEndpoint(`192.0.2.${i + 1}:6783`)!);
  const exclude = (records: readonly Uint8Array[]) => state.exclude(records);
  const tokens = new Tokens({ platform, state, store, seeds: () => endpoints, exclude });
  return { clock, state, store, platform, tokens };
}

test("a token holds network, expiry and seeds, its key is what a member derives, and is not on disk", async () => {
  const { clock, state, store, tokens } = await rig(9);
  const issued = await tokens.create({ lifetimeSeconds: 60 });
  const token = parseToken(issued.token);
  assert.deepEqual(token.networkId, state.networkId());
  assert.equal(token.expires, Math.floor(clock.wall() / 1000) + 60);
  assert.equal(token.seeds.length, 5, "the best five");
  assert.deepEqual(state.tokenKeys(token), [token.key.reveal()]);
  assert.equal(issued.join, `selvage join ${issued.token}`);
  assert.equal(issued.id, encodeHex(token.id));
  const secret = encodeHex(token.key.reveal());
  for (const value of store.content.values()) assert.equal(encodeHex(value).includes(secret), false);
});

test("a token lives a day unless it is told otherwise, between a second and ten years", async () => {
  const { clock, tokens } = await rig();
  const { expires } = await tokens.create();
  assert.equal(expires, new Date(clock.wall() + 24 * 3600 * 1000).toISOString());
  for (const lifetimeSeconds of [0, -1, 1.5, NaN, Infinity, 10 * 365 * 24 * 3600 + 1]) {
    await assert.rejects(tokens.create({ lifetimeSeconds }), { code: "INVALID_ARGUMENT" });
  }
  await tokens.create({ lifetimeSeconds: 10 * 365 * 24 * 3600 });
});

test("a token that could not be noted down is not handed out", async () => {
  const { store, tokens } = await rig();
  store.isFull = true;
  await assert.rejects(tokens.create(), { code: "DISK_FULL" });
  store.isFull = false;
  assert.deepEqual(tokens.list(), []);
});

test("the list tells valid, expired and revoked tokens apart", async () => {
  const { clock, tokens } = await rig();
  const short = await tokens.create({ lifetimeSeconds: 10 });
  const long = await tokens.create({ lifetimeSeconds: 100 });
  const state = (id: string) => tokens.list().find((each) => each.id === id)?.state;
  assert.deepEqual([state(short.id), state(long.id)], ["valid", "valid"]);
  clock.jumpWall(11_000);
  assert.deepEqual([state(short.id), state(long.id)], ["expired", "valid"]);
  await tokens.revoke(long.id);
  assert.deepEqual(state(long.id), "revoked");
});

test("revoking a token changes the network key, and every token of before is void with it", async () => {
  const { state, tokens } = await rig();
  const [first, second] = [await tokens.create(), await tokens.create()];
  await tokens.revoke(first.id);
  assert.equal(state.newestKey().epoch, 2);
  const token = parseToken(second.token);
  assert.notDeepEqual(state.tokenKeys(token), [token.key.reveal()]);
  assert.deepEqual(tokens.list().map((each) => each.state), ["revoked", "revoked"]);
  assert.deepEqual(state.tokenKeys(parseToken(first.token)), []);
});

test("a token made elsewhere can be revoked by its id; what is no id is not found", async () => {
  const { state, tokens } = await rig();
  const id = new Uint8Array(16).fill(3);
  await tokens.revoke(encodeHex(id));
  assert.equal(state.trust().isTokenRevoked(id), true);
  for (const wrong of ["", "web", "abc", encodeHex(id).slice(2), `${encodeHex(id)}00`]) {
    await assert.rejects(tokens.revoke(wrong), { code: "NOT_FOUND", message: /selvage token ls/ });
  }
});

test("a note that is damaged is left out of the list", async () => {
  const { store, tokens } = await rig();
  const { id } = await tokens.create();
  const damaged = [
    Uint8Array.of(0xff),
    encodeCbor(null),
    encodeCbor({ v: 1, expires: "soon", epoch: 1 }),
    encodeCbor({ v: 2, expires: 1, epoch: 1 }),
  ];
  for (const [i, value] of damaged.entries()) {
    store.content.set(`node/token/${encodeHex(new Uint8Array(16).fill(i))}`, value);
  }
  store.content.set("node/token/xyz", encodeCbor({ v: 1, expires: 1, epoch: 1 }));
  assert.deepEqual(tokens.list().map((each) => each.id), [id]);
});
