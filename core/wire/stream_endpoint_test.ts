import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { formatEndpoint, parseEndpoint, sameEndpoint } from "./endpoint.ts";
import { isRelayEndpoint } from "./relay_endpoint.ts";
import { sourceOf } from "./source.ts";
import { isStreamEndpoint, streamedTo, streamEndpoint } from "./stream_endpoint.ts";

const four = { host: "192.0.2.7", port: 6783 };
const six = { host: "2001:db8::1", port: 40_000 };

test("a place in a stream names the address and port at its other end", () => {
  for (const endpoint of [four, six]) {
    const place = streamEndpoint(endpoint);
    assert.ok(isStreamEndpoint(place) && !isRelayEndpoint(place));
    assert.deepEqual(streamedTo(place), endpoint);
    assert.ok(!isStreamEndpoint(endpoint) && streamedTo(endpoint) === undefined);
  }
});

test("its text is that of the endpoint behind a prefix, which nobody can configure", () => {
  assert.deepEqual([four, six].map((each) => formatEndpoint(streamEndpoint(each))), [
    "tcp/192.0.2.7:6783",
    "tcp/[2001:db8::1]:40000",
  ]);
  assert.equal(parseEndpoint("tcp/192.0.2.7:6783"), undefined);
  assert.ok(
    !sameEndpoint(four, streamEndpoint(four)) && sameEndpoint(streamEndpoint(six), streamEndpoint(six)),
  );
});

test("whoever comes by stream and by datagram is one source", () => {
  for (const { host, port } of [four, six]) {
    assert.equal(sourceOf(streamEndpoint({ host, port }).host), sourceOf(host));
  }
});
