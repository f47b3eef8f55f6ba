/** The documents of `/v1/ipam/…`, as those of `schemas.ts`. */
import { z } from "@hono/zod-openapi";
import type { AddressOrigin, AddressOwner, TakenOver } from "../contracts/addresses.ts";
import { absent, count, longestText, texts } from "./document_parts.ts";
import { peerId } from "./schemas.ts";
import { peerWay } from "./topology_schemas.ts";

const longestOwner = 240;
const mostKept = 65_536;
/** A connection without a byte for longer than 90 s is closed. */
const longestWait = 60;
const text = z.string().max(longestText);
const named = z.object({ peer: peerId, name: z.string().nullable() });

export const ownerName = z.string().min(1).max(longestOwner);

export const addressOwner = z.object({
  owner: z.string(),
  kind: z.enum(["node", "host", "endpoint", "external"]).openapi({
    description: "`external`: named by a request, and holds its addresses until they are released",
  }),
  addresses: texts,
}).openapi("AddressOwner") satisfies z.ZodType<AddressOwner>;

export const addressRequest = z.strictObject({
  owner: ownerName.openapi({
    description: "Any text but . and ..: the id of a container, the name of a job",
  }),
  subnet: absent(text.openapi({ description: "A free one of it; the IPv4 default subnet by default" })),
  address: absent(text.openapi({ description: "This very address instead" })),
  waitSeconds: absent(
    z.number().min(0).max(longestWait).openapi({ description: "For a full range or for a peer; default 30" }),
  ),
}).refine(({ subnet, address }) => subnet === undefined || address === undefined, {
  message: "expected subnet or address, not both",
}).openapi("AddressRequest");

export const addressGrant = z.object({ owner: z.string(), address: z.string() }).openapi("AddressGrant");

export const keepRequest = z.strictObject({
  owners: z.array(ownerName).max(mostKept).readonly().openapi({ description: "Who is still there" }),
}).openapi("KeepRequest");

export const moveRequest = z.strictObject({
  address: text,
  peer: text.openapi({ description: "Name or id of the member that gets it" }),
}).openapi("MoveRequest");

export const takeOverRequest = z.strictObject({
  peer: text.openapi({ description: "Name or id of the member that is down for good" }),
  force: z.boolean().optional().openapi({ description: "Also of a member that seems to be up" }),
}).openapi("TakeOverRequest");

export const takenOver = z.object({
  peer: peerId,
  ranges: texts,
  addresses: count.openapi({ description: "How many IPv4 addresses these are" }),
}).openapi("TakenOver") satisfies z.ZodType<TakenOver>;

export const addressOrigin = z.object({
  address: z.string(),
  peer: peerId.nullable().openapi({ description: "Null for an address of a range that nobody owns" }),
  name: z.string().nullable(),
  owner: z.string().nullable().openapi({ description: "Who has it on this node, if anybody" }),
  steps: z.array(z.object({
    range: z.string(),
    peer: peerId,
    name: z.string().nullable(),
    grantedBy: named.nullable().openapi({
      description: "Null for what was there from the beginning, taken over, or configured",
    }),
  })).readonly().openapi({ description: "From the widest range to the one that decides" }),
  way: peerWay.nullable().openapi({ description: "How the peer is reached; null for this node" }),
}).openapi("AddressOrigin") satisfies z.ZodType<AddressOrigin>;
