/** Fuzz targets of `core/traversal`: what a peer says of where it is, and where this node is. */
import assert from "node:assert/strict";
import type { PeerId } from "../../core/contracts/values.ts";
import { isWorthTrying, maxCandidates } from "../../core/traversal/candidates.ts";
import { Openings } from "../../core/traversal/openings.ts";
import { decodePathMessage, encodePathMessage } from "../../core/traversal/path_message.ts";
import { parseEndpoint } from "../../core/wire/endpoint.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { asBytes, assertOwned, isSampled } from "./promises.ts";

const around = { own: [parseEndpoint("192.168.1.2:6783")!], ranges: [parsePrefix("10.32.0.0/12")!] };
const texts = ["192.0.2.1:6783", "[2001:db8::1]:9", "10.32.0.7:1", "127.0.0.1:53", "[ff02::1]:1"];
const endpoints = texts.map((text) => parseEndpoint(text)!);
const peer = "peer" as PeerId;

/** What is read is bounded, has one form, and makes this node send to no place that it must not. */
const pathMessageTarget: FuzzTarget = {
  name: "path-message",
  seeds: [
    encodePathMessage({ kind: "seen", endpoint: endpoints[0]! }),
    encodePathMessage({ kind: "candidates", endpoints, wanted: true }),
    encodePathMessage({ kind: "candidates", endpoints: [], wanted: false }),
  ],
  words: ["dseen", "jcandidates", "192.168.1.2:1", "224.0.0.1:9", "[::1]:9"].map(asBytes),
  maxBytes: 600,
  run(input) {
    const message = decodePathMessage(input);
    if (message === undefined) return false;
    if (isSampled(input, 8)) assertOwned(decodePathMessage, input);
    if (!isSampled(input, 16)) return true;
    assert.deepEqual(decodePathMessage(encodePathMessage(message)), message);
    if (message.kind === "seen") return true;
    const openings = new Openings(() => around);
    openings.relayed(peer, 0);
    openings.heard(peer, message.endpoints, message.wanted, 0);
    openings.handleTimeout(10_000);
    let tried = 0;
    for (let next = openings.poll(); next !== undefined; next = openings.poll()) {
      if (next.type !== "try") continue;
      assert.ok(isWorthTrying(next.endpoint, around) && ++tried <= 5 * maxCandidates);
    }
    return true;
  },
};

export const traversalTargets: readonly FuzzTarget[] = [pathMessageTarget];
