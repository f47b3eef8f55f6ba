import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { EventParser, readEvents } from "./event_source.ts";
import type { ServerSentEvent } from "./event_source.ts";

const parse = (...pieces: string[]): ServerSentEvent[] => {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
};

test("an event ends with an empty line, whichever line ends the sender uses", () => {
  const expected = [{ id: "7", event: "peer:up", data: "{}" }];
  assert.deepEqual(parse("id: 7\nevent: peer:up\ndata: {}\n\n"), expected);
  assert.deepEqual(parse("id: 7\r\nevent: peer:up\r\ndata: {}\r\n\r\n"), expected);
  assert.deepEqual(parse("id:7\revent:peer:up\rdata:{}\r\r", ":\n"), expected);
});

test("comments, unknown fields and events without data yield nothing", () => {
  assert.deepEqual(parse(": heartbeat\n\nretry: 10\n\nevent: x\n\nnoise\n\n"), []);
});

test("an event without a name is a message, lines of data are joined, one space is taken off", () => {
  assert.deepEqual(parse("data:  a\ndata:b\ndata\n\n"), [{ id: "", event: "message", data: " a\nb\n" }]);
});

test("what the end of the stream cuts off is no event", () => {
  assert.deepEqual(parse("data: whole\n\ndata: cut\n"), [{ id: "", event: "message", data: "whole" }]);
});

test("events are the same however the stream is cut into pieces", () => {
  const text =
    'id: 1\r\nevent: a\r\ndata: {"x":1}\r\n\r\n: c\n\nid: 2\ndata: y\ndata: z\n\nid: 3\rdata: w\r\r\n';
  const whole = parse(text);
  assert.equal(whole.length, 3);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 12 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), text.length];
      assert.deepEqual(parse(...at.slice(1).map((end, i) => text.slice(at[i], end))), whole);
    }),
    { seed: 2, numRuns: 500 },
  );
});

test("any text is read without a throw", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary", maxLength: 40 })), (pieces) => void parse(...pieces)),
    { seed: 3, numRuns: 200 },
  );
});

test("an event that does not end is refused before it fills the memory", () => {
  const piece = "x".repeat(200_000);
  for (const form of [piece, `data: ${piece}\n`]) {
    const parser = new EventParser();
    const flood = () => {
      for (let i = 0; i < 100; i++) parser.push(form);
    };
    assert.throws(flood, { code: "MALFORMED" });
  }
});

test("characters cut between two pieces of the stream are put together", async () => {
  const bytes = new TextEncoder().encode("data: é€😀\n\n");
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const events = [];
  for await (const event of readEvents(stream)) events.push(event.data);
  assert.deepEqual(events, ["é€😀"]);
});

test("leaving the loop cancels the stream", async () => {
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("data: x\n\n")),
    cancel: () => {
      cancelled = true;
    },
  });
  for await (const { data } of readEvents(stream)) {
    assert.equal(data, "x");
    break;
  }
  assert.ok(cancelled);
});
