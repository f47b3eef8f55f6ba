import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { EventHub } from "../event_hub.ts";
import { streamEvent } from "../event_schemas.ts";
import { problems } from "./answers.ts";

const getEvents = createRoute({
  method: "get",
  path: "/events",
  operationId: "getEvents",
  summary: "What happens from now on, as server-sent events",
  responses: {
    200: {
      description: "One event per fact, a comment every 15 s; ends with `node:stopping`, or with " +
        "`stream:dropped` when the reader is 256 events or 256 KiB behind",
      content: { "text/event-stream": { schema: streamEvent } },
    },
    ...problems,
  },
});

export function eventRoutes(hub: EventHub) {
  return new OpenAPIHono().openapi(getEvents, (c) => {
    hub.assertRoom();
    // Said here, because the server would otherwise hold back the headers until it has tried to read a body's end.
    const headers = { "content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked" };
    return c.body(hub.open(), 200, headers);
  });
}
