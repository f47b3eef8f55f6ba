import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
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

function streamOf(maxFrame: number): { stream: LineStream; written: Uint8Array[] } {
  const written: Uint8Array[] = [];
  const line: StreamLine = {
    remote: { host: "192.0.2.1", port: 1 },
    hasRoom: true,
    pieces: (frame) => [frame],
    write: (piece) => void written.push(piece),
    writeEnd: () => {},
    taken: () => {},
    linger: () => {},
    reset: () => {},
  };
  return { stream: new LineStream(line, peer, maxFrame), written };
}

test("a waiting frame counts 128 bytes beside its own, so that empty ones are bounded too", () => {
  const { stream } = streamOf(100);
  for (const length of [0, 0, 7]) stream.arrived(new Uint8Array(length));
  assert.deepEqual([stream.weight, stream.waitingBytes], [3 * 128 + 7, 7]);
});

test("a frame over the limit, and one behind the end, is INVALID_ARGUMENT and not written", async () => {
  const { stream, written } = streamOf(100);
  const refused = { code: "INVALID_ARGUMENT", message: /^Cannot send a frame to far: / };
  await assert.rejects(stream.send(new Uint8Array(101)), refused);
  await stream.send(new Uint8Array(100));
  await stream.end();
  await assert.rejects(stream.send(new Uint8Array(1)), refused);
  assert.deepEqual(written.map(({ length }) => length), [100]);
});
