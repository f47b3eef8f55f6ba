import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { MeshError } from "../contracts/errors.ts";
import type { PeerIdentity } from "../contracts/membership.ts";
import type { PeerId } from "../contracts/values.ts";
import { LineStream, type StreamLine } from "./line_stream.ts";

const peer: PeerIdentity = {
  id: "far" as PeerId,
  name: "far",
  noiseKey: new Uint8Array(32),
  endpoints: [],
  publicKey: new Uint8Array(32),
  bindingNumber: 1,
};

/** It always has room, and no keys any more once its stream is over: then it must not be asked for anything. */
class KeyedLine implements StreamLine {
  readonly remote = { host: "192.0.2.1", port: 1 };
  readonly hasRoom = true;
  isWiped = false;

  *pieces(frame: Uint8Array): Iterable<Uint8Array> {
    for (let i = 0; i < 2; i++) yield this.#seal(frame);
  }

  write(): void {}

  writeEnd(): void {
    this.#seal(new Uint8Array());
  }

  taken(): void {}
  linger(): void {}
  reset(): void {}

  #seal(bytes: Uint8Array): Uint8Array {
    if (this.isWiped) throw new Error("there is no key");
    return bytes;
  }
}

test("a stream that is cut at any moment of a send or an end rejects with what cut it, or has queued it", async () => {
  for (let moment = 0; moment < 12; moment++) {
    const line = new KeyedLine();
    const stream = new LineStream(line, peer, 100);
    const outcomes = Promise.allSettled([stream.send(new Uint8Array(1)), stream.end()]);
    for (let i = 0; i < moment; i++) await Promise.resolve();
    line.isWiped = true;
    const cut = new MeshError("UNREACHABLE", "Cannot go on: it was cut");
    stream.finished(cut);
    for (const outcome of await outcomes) {
      if (outcome.status === "rejected") assert.equal(outcome.reason, cut);
    }
  }
});
