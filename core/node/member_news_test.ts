import assert from "node:assert/strict";
import type { PeerIdentity } from "../contracts/membership.ts";
import type { PeerId } from "../contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { MemberNews } from "./member_news.ts";
import { FakeLog } from "./node_fixture.ts";

function identity(name: string): PeerIdentity {
  const id = name as PeerId;
  return {
    id,
    name,
    publicKey: new Uint8Array(32),
    noiseKey: new Uint8Array(32),
    endpoints: [],
    bindingNumber: 1,
  };
}

test("a member is found as the last change has left it", () => {
  let known = [identity("a")];
  const news = new MemberNews(() => known, new FakeLog());
  assert.deepEqual([news.get("a" as PeerId)?.name, news.get("b" as PeerId)], ["a", undefined]);
  known = [identity("b")];
  news.changed(known, ["a" as PeerId]);
  assert.deepEqual([news.get("a" as PeerId), news.get("b" as PeerId)?.name], [undefined, "b"]);
});

test("a handler that fails keeps the others from nothing, and is in the log", () => {
  const log = new FakeLog();
  const news = new MemberNews(() => [], log);
  const heard: string[] = [];
  for (const listen of ["watch", "hear"] as const) {
    news[listen](() => {
      throw new Error("out of order");
    });
  }
  news.watch((joined, removed) => void heard.push(`${joined.map(({ name }) => name)} - ${removed}`));
  news.hear((peer) => void heard.push(peer));
  news.changed([identity("a")], ["b" as PeerId]);
  news.heard("c" as PeerId);
  assert.deepEqual(heard, ["a - b", "c"]);
  assert.deepEqual(log.messages, Array(2).fill("A handler of news about members failed"));
});
