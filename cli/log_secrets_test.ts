/** No secret reaches the log, whatever its level: nodes that join, fail to join and are shut out, with a look for canaries. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { adminFixture } from "../core/admin/admin_fixture.ts";
import { createAdminApp } from "../core/admin/app.ts";
import type { MeshNode } from "../core/contracts/node.ts";
import type { EventName } from "../core/contracts/events.ts";
import { createNode } from "../core/node/create_node.ts";
import type { Intent } from "../core/node/entry.ts";
import { storeKeys } from "../core/node/state_records.ts";
import { parseToken } from "../core/identity/token.ts";
import { encodeBase32 } from "../core/wire/base32.ts";
import { decodeCbor } from "../core/wire/cbor.ts";
import { parsePrefix } from "../core/wire/prefix.ts";
import { allowAll } from "../plugins/allow_all/mod.ts";
import { MemoryDisk, memoryStoreOn } from "../plugins/memory_store/mod.ts";
import { noise } from "../plugins/noise/mod.ts";
import { ring } from "../plugins/ring/mod.ts";
import { staticSeeds } from "../plugins/static_seeds/mod.ts";
import { udp } from "../plugins/udp/mod.ts";
import { userspace } from "../plugins/userspace/mod.ts";
import { test } from "../tests/harness.ts";
import { createLog, type NodeLog } from "./log.ts";

const password = "canary-heron-lantern-quarry-violet-19";
const networkName = "canaries";

class Scene {
  lines = "";
  readonly disks: MemoryDisk[] = [];
  readonly logs: readonly NodeLog[] = (["text", "json"] as const).map((format) =>
    createLog({ level: "debug", format, wall: () => 0, write: (line) => void (this.lines += line) })
  );
  /** Writes every line in both formats. */
  readonly log = both(this.logs);

  async start(name: string, intent: Intent): Promise<MeshNode> {
    const disk = new MemoryDisk();
    this.disks.push(disk);
    const plugins = {
      store: memoryStoreOn(disk),
      transport: udp({ listen: "127.0.0.1:0" }),
      encapsulation: noise({}),
      discovery: [staticSeeds({ seeds: [] })],
      ipam: ring({}),
      policy: allowAll({}),
      port: userspace({}),
    };
    return await createNode({ name, intent, plugins, platform: { log: this.log } });
  }
}

function both(logs: readonly Pick<NodeLog, "child" | "log">[]): Pick<NodeLog, "child" | "log"> {
  return {
    child: (scope) => both(logs.map((each) => each.child(scope))),
    log: (level, message, fields) => logs.forEach((each) => each.log(level, message, fields)),
  };
}

/** Every byte string of 32 bytes in what a disk holds of identity and keys: all that is secret is among them. */
function keysOn(disk: MemoryDisk): Uint8Array[] {
  return [storeKeys.identity, storeKeys.network].flatMap((key) => {
    const value = [...disk.image.entries(key)].find(([name]) => name === key)?.[1];
    return value === undefined ? [] : byteStrings(decodeCbor(value));
  });
}

function byteStrings(value: unknown): Uint8Array[] {
  if (value instanceof Uint8Array) return value.length === 32 ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(byteStrings);
}

/** The ways in which bytes end up in a text. */
function spellings(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  const decimals = [...bytes.subarray(0, 8)];
  return [
    buffer.toString("hex"),
    buffer.toString("base64").replace(/=+$/, ""),
    buffer.toString("base64url"),
    encodeBase32(bytes),
    decimals.join(","),
    decimals.join(", "),
    decimals.map((byte, i) => `"${i}":${byte}`).join(","),
  ];
}

function happened(node: MeshNode, name: EventName): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const heard = new AbortController();
  node.events.on(name, () => {
    heard.abort();
    resolve();
  }, heard.signal);
  return promise;
}

test(
  "no token, password, network key or identity reaches a log line, of those who join, fail and are shut out",
  async () => {
    const scene = new Scene();
    const range = parsePrefix("10.32.0.0/12")!;
    await using a = await scene.start("a", { found: { networkName, range, password } });
    const endpoints = a.status().listen.map((text) => {
      const [host = "", port = ""] = text.split(":");
      return { host, port: Number(port) };
    });
    const { token, id } = await a.tokens.create();
    await using b = await scene.start("b", { join: { token } });
    await using c = await scene.start("c", { join: { password: { networkName, password }, endpoints } });
    const out = happened(b, "alert:raised");
    await a.members.revoke(b.id);
    await out;
    await a.tokens.revoke(id);
    await assert.rejects(scene.start("d", { join: { token, timeoutMillis: 2_000 } }));
    await assert.rejects(scene.start("e", { join: { token: `${token}x` } }));
    await tellTheApi(scene, c, token);

    const secrets = [...scene.disks.flatMap(keysOn), parseToken(token).key.reveal()];
    assert.ok(secrets.length >= 6, `${secrets.length} secrets`);
    assert.match(scene.lines, /Peer is up/);
    assert.match(scene.lines, /Admin call/);
    const publicKeys = new Set([a, b, c].map((node) => node.id));
    for (const secret of secrets.filter((bytes) => !publicKeys.has(encodeBase32(bytes) as MeshNode["id"]))) {
      for (const text of spellings(secret)) {
        assert.ok(!scene.lines.includes(text), `a key is in the log: ${text}`);
      }
    }
    for (const text of [token, token.slice(9, 60), password]) assert.ok(!scene.lines.includes(text), text);
  },
  { once: "scrypt in JavaScript takes seconds", on: "node" },
);

/** Calls whose bodies and answers hold secrets. */
async function tellTheApi({ log }: Scene, node: MeshNode, token: string): Promise<void> {
  const { clock } = adminFixture();
  const app = createAdminApp({ node, log, clock, stop: () => {}, version: "0.1.0" });
  const headers = { "content-type": "application/json", host: "localhost" };
  const ask = (path: string, body: unknown) =>
    app.request(path, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal((await ask("/v1/tokens", {})).status, 201);
  assert.equal((await ask("/v1/connect", { endpoints: [token] })).status, 422);
  assert.equal((await ask("/v1/ping", { to: password, [token]: 1 })).status, 422);
}
