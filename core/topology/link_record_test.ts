import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { tagAt } from "../../tests/topology/mesh_fixture.ts";
import { fakeNetwork, fakeSelf, flipEachByte } from "../identity/fake_members.ts";
import { maxRecordBytes, signRecord } from "../identity/signed.ts";
import { concatBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import {
  linksFromBytes,
  linksKind,
  linksToBytes,
  maxToldLinks,
  openLinks,
  signLinks,
  type ToldLink,
} from "./link_record.ts";
import { tagOf, tagToBytes } from "./link_tag.ts";

const ann = fakeSelf("ann");
const { networkId } = fakeNetwork(fakeSelf("founder")).founding;

function linksTo(count: number): readonly ToldLink[] {
  return Array.from({ length: count }, (_, i) => ({ tag: tagAt(i + 1), rttClass: i, flags: i & 1 }));
}

function signBody(change: Record<string, unknown>): Uint8Array {
  const body = { i: networkId, q: 1, w: 1, l: linksToBytes(linksTo(3)), ...change };
  return signRecord(ann, linksKind, encodeCbor(body));
}

test("a record tells what was signed, links in the order of their tags", () => {
  const links = linksTo(5);
  const record = signLinks(ann, networkId, { links: links.toReversed(), willingness: "always", sequence: 7 });
  assert.deepEqual(openLinks(record, networkId), {
    peer: ann.id,
    tag: tagOf(ann.id),
    links,
    willingness: "always",
    sequence: 7,
  });
});

test("a full record fits a datagram with room to spare, and one link more is refused", () => {
  const facts = { willingness: "willing", sequence: Number.MAX_SAFE_INTEGER } as const;
  const full = signLinks(ann, networkId, { ...facts, links: linksTo(maxToldLinks) });
  assert.ok(full.length <= maxRecordBytes - 100, `${full.length} bytes`);
  assert.equal(openLinks(full, networkId)?.links.length, maxToldLinks);
  const tooMany = () => signLinks(ann, networkId, { ...facts, links: linksTo(maxToldLinks + 1) });
  assert.throws(tooMany, { code: "INVALID_ARGUMENT", message: /64 fit a record/ });
});

test("what is not in the one form of its links is refused: order, copies, odd lengths, itself, too many", () => {
  const [first, second] = [linksToBytes(linksTo(1)), linksToBytes(linksTo(2)).subarray(10)];
  const itself = concatBytes(tagToBytes(tagOf(ann.id)), Uint8Array.of(1, 0));
  const tooMany = linksToBytes(linksTo(maxToldLinks + 1));
  for (
    const l of [
      concatBytes(second, first),
      concatBytes(first, first),
      first.subarray(1),
      itself,
      tooMany,
      "text",
    ]
  ) {
    assert.equal(openLinks(signBody({ l }), networkId), undefined);
  }
  assert.equal(linksFromBytes(concatBytes(second, first)), undefined);
  assert.deepEqual(openLinks(signBody({ l: new Uint8Array() }), networkId)?.links, []);
});

test("a record of another network, with a number amiss, or altered in any byte, is refused", () => {
  const changes = [{ i: new Uint8Array(16) }, { q: -1 }, { q: 1.5 }, { w: 256 }, { w: "1" }, {
    q: undefined,
  }];
  for (const change of changes) assert.equal(openLinks(signBody(change), networkId), undefined);
  const good = signBody({});
  assert.ok(openLinks(good, networkId));
  for (const altered of flipEachByte(good)) assert.equal(openLinks(altered, networkId), undefined);
});

test("what a newer version adds is passed over: a willingness beyond ours is never, flags and fields stay", () => {
  const l = concatBytes(tagToBytes(tagAt(1)), Uint8Array.of(230, 0xff));
  const opened = openLinks(signBody({ w: 9, z: "new", l }), networkId);
  assert.equal(opened?.willingness, "never");
  assert.deepEqual(opened?.links, [{ tag: tagAt(1), rttClass: 230, flags: 0xff }]);
});
