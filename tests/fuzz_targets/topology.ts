/** Fuzz targets of `core/topology`: what a member says of its links, and a neighbour of its frames. */
import assert from "node:assert/strict";
import { fakeNetwork, fakeSelf } from "../../core/identity/fake_members.ts";
import { openRecord, readBody } from "../../core/identity/signed.ts";
import { decodeGossip, encodeGossip, maxFrameIds } from "../../core/topology/gossip_message.ts";
import { linkGraphOf } from "../../core/topology/link_graph.ts";
import {
  linksFromBytes,
  linksKind,
  linksToBytes,
  maxToldLinks,
  readLinks,
  signLinks,
} from "../../core/topology/link_record.ts";
import type { LinkTag } from "../../core/topology/link_tag.ts";
import { shortestPaths } from "../../core/topology/shortest_paths.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { assertOwned, isSampled } from "./promises.ts";

const member = fakeSelf("member");
const { networkId } = fakeNetwork(fakeSelf("founder")).founding;

function bodyWith(count: number): Uint8Array {
  const links = Array.from({ length: count }, (_, i) => ({
    tag: (i + 1).toString(16).padStart(16, "0") as LinkTag,
    rttClass: 3 * i,
    flags: i & 1,
  }));
  return openRecord(signLinks(member, networkId, { links, willingness: "willing", sequence: 2 ** 40 }))!.body;
}

function read(body: Uint8Array) {
  return readBody({ kind: linksKind, body, signer: member.publicKey }, readLinks);
}

/** What is read has one form only, is within its bounds, and whatever graph it makes can be walked. */
const linksTarget: FuzzTarget = {
  name: "links-body",
  seeds: [0, 1, 7, maxToldLinks].map(bodyWith),
  maxBytes: 1024,
  run(input) {
    const record = read(input);
    if (record === undefined) return false;
    if (isSampled(input, 8)) assertOwned(read, input);
    const bytes = linksToBytes(record.links);
    assert.ok(record.links.length <= maxToldLinks && equalBytes(linksToBytes(linksFromBytes(bytes)!), bytes));
    const others = record.links.map(({ tag, rttClass, flags }) => ({
      tag,
      willingness: record.willingness,
      links: [{ tag: record.tag, rttClass: 255 - rttClass, flags }],
    }));
    const graph = linkGraphOf([record, ...others]);
    const { distance } = shortestPaths(graph, graph.numberOf(record.tag)!);
    assert.ok(distance.every((micros) => Number.isSafeInteger(micros)));
    return true;
  },
};

const ids = Array.from({ length: maxFrameIds }, (_, i) => ({
  origin: (i + 1).toString(16).padStart(16, "0") as LinkTag,
  number: i * 2 ** 41,
}));

/** What is read is the bytes that it was read from. */
const gossipTarget: FuzzTarget = {
  name: "frame-gossip",
  seeds: [0, 1, 3, maxFrameIds].flatMap((count) =>
    (["have", "want", "less"] as const).map((kind) => encodeGossip({ kind, ids: ids.slice(0, count) }))
  ),
  maxBytes: 1024,
  run(input) {
    const message = decodeGossip(input);
    if (message === undefined) return false;
    assert.ok(message.ids.length <= maxFrameIds && equalBytes(encodeGossip(message), input));
    return true;
  },
};

export const topologyTargets: readonly FuzzTarget[] = [linksTarget, gossipTarget];
