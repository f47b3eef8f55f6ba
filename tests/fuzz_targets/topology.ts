/** Fuzz targets of `core/topology`: what a member says of its links. */
import assert from "node:assert/strict";
import { fakeNetwork, fakeSelf } from "../../core/identity/fake_members.ts";
import { openRecord, readBody } from "../../core/identity/signed.ts";
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

export const topologyTargets: readonly FuzzTarget[] = [linksTarget];
