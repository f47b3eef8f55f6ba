import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { TakeOverRequest } from "../../contracts/addresses.ts";
import type { Clock } from "../../contracts/host.ts";
import {
  addressGrant,
  addressOrigin,
  addressOwner,
  addressRequest,
  keepRequest,
  moveRequest,
  ownerName,
  takenOver,
  takeOverRequest,
} from "../address_schemas.ts";
import { audited } from "../audit.ts";
import { longestText } from "../document_parts.ts";
import type { AdminParts } from "../parts.ts";
import { jsonBody } from "../request_guards.ts";
import { body, json, problems } from "./answers.ts";

type Parts = Pick<AdminParts, "node" | "log" | "clock">;

const usualWaitSeconds = 30;
const text = z.string().min(1).max(longestText);

const list = createRoute({
  method: "get",
  path: "/ipam/addresses",
  operationId: "getAddresses",
  summary: "Everybody on this node who has addresses",
  responses: {
    200: json("The owners", z.object({ owners: z.array(addressOwner).readonly() })),
    ...problems,
  },
});

const why = createRoute({
  method: "get",
  path: "/ipam/why/{address}",
  operationId: "whyAddress",
  summary: "Whose an address is, how it became so, and how it is reached",
  request: { params: z.object({ address: text }) },
  responses: { 200: json("The address", addressOrigin), ...problems },
});

function writes({ log }: Parts) {
  const give = createRoute({
    method: "post",
    path: "/ipam/addresses",
    operationId: "giveAddress",
    summary: "Give an owner an address, the same one again if it has one",
    middleware: [audited(log, "give address"), jsonBody],
    request: body(addressRequest),
    responses: { 200: json("The address", addressGrant), ...problems },
  });
  const release = createRoute({
    method: "delete",
    path: "/ipam/addresses/{owner}",
    operationId: "releaseAddress",
    summary: "Take an owner's addresses back, or one of them",
    middleware: [audited(log, "release address")],
    request: { params: z.object({ owner: ownerName }), query: z.object({ address: text.optional() }) },
    responses: { 200: json("Released", z.object({ released: z.array(z.string()).readonly() })), ...problems },
  });
  const keep = createRoute({
    method: "post",
    path: "/ipam/keep",
    operationId: "keepAddresses",
    summary: "Take back what owners have that are not in the list; endpoints keep theirs",
    middleware: [audited(log, "keep addresses"), jsonBody],
    request: body(keepRequest),
    responses: {
      200: json("The owners that are gone", z.object({ released: z.array(z.string()).readonly() })),
      ...problems,
    },
  });
  return { give, release, keep };
}

function moves({ log }: Parts) {
  const move = createRoute({
    method: "post",
    path: "/ipam/move",
    operationId: "moveAddress",
    summary: "Give an address of this node's range to a member",
    middleware: [audited(log, "move address"), jsonBody],
    request: body(moveRequest),
    responses: { 204: { description: "Packets for it go there" }, ...problems },
  });
  const takeOver = createRoute({
    method: "post",
    path: "/ipam/takeover",
    operationId: "takeOver",
    summary: "Make the ranges of a member that is down for good this node's own",
    middleware: [audited(log, "take over"), jsonBody],
    request: body(takeOverRequest),
    responses: { 200: json("What has passed to this node", takenOver), ...problems },
  });
  return { move, takeOver };
}

export function addressRoutes(parts: Parts) {
  const { addresses } = parts.node;
  const { give, release, keep } = writes(parts);
  const { move, takeOver } = moves(parts);
  return new OpenAPIHono()
    .openapi(list, (c) => c.json({ owners: addresses.list() }, 200))
    .openapi(why, (c) => c.json(addresses.why(c.req.valid("param").address), 200))
    .openapi(give, async (c) => {
      const { owner, subnet, address, waitSeconds = usualWaitSeconds } = c.req.valid("json");
      using late = deadline(parts.clock, 1000 * waitSeconds, c.req.raw.signal);
      const given = address === undefined
        ? await addresses.allocate({ owner, ...subnet !== undefined && { subnet } }, late.signal)
        : await addresses.claim(owner, address, late.signal);
      return c.json({ owner, address: given }, 200);
    })
    .openapi(release, async (c) => {
      const { owner } = c.req.valid("param");
      return c.json({ released: await addresses.release(owner, c.req.valid("query").address) }, 200);
    })
    .openapi(keep, async (c) => c.json({ released: await addresses.keep(c.req.valid("json").owners) }, 200))
    .openapi(move, async (c) => {
      const { address, peer } = c.req.valid("json");
      await addresses.move(address, peer);
      return c.body(null, 204);
    })
    .openapi(takeOver, async (c) => {
      using late = deadline(parts.clock, 1000 * usualWaitSeconds, c.req.raw.signal);
      return c.json(await addresses.takeOver(takeOverOf(c.req.valid("json")), late.signal), 200);
    });
}

/** A signal that aborts with the other one, or when the time is over. */
function deadline(clock: Clock, millis: number, signal: AbortSignal): Disposable & { signal: AbortSignal } {
  const late = new AbortController();
  const timer = clock.timer(clock.now() + millis, () => late.abort());
  return {
    signal: AbortSignal.any([signal, late.signal]),
    [Symbol.dispose]: () => timer.cancel(),
  };
}

/** Without what was left out: an option that is there and undefined is none. */
function takeOverOf({ peer, force }: z.infer<typeof takeOverRequest>): TakeOverRequest {
  return { peer, ...force !== undefined && { force } };
}
