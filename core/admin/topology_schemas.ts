/** The documents of `/v1/links`, and the ways that peers are reached, as those of `schemas.ts`. */
import { z } from "@hono/zod-openapi";
import type { BroadcastStatus, LinkStatus, PeerLinksStatus, PeerWay } from "../contracts/topology.ts";
import type { PeerId } from "../contracts/values.ts";
import { count } from "./document_parts.ts";

/** As `peerId` of `schemas.ts`, which names these documents. */
const peer = z.string().openapi("PeerId") as unknown as z.ZodType<PeerId, PeerId>;
const millis = z.number().nullable();

export const peerWay = z.object({
  way: z.enum(["self", "direct", "relayed", "unreachable"]),
  via: z.array(z.object({ peer: peer.nullable(), name: z.string().nullable() })).readonly().openapi({
    description: "The members in between, nearest to this node first",
  }),
  hops: count.openapi({
    description: "Links that are crossed; 0 for this node and for what cannot be reached",
  }),
  rttMillis: millis,
  reason: z.string().openapi({ description: "Why this way and no better one" }),
}).openapi("PeerWay") satisfies z.ZodType<PeerWay>;

export const broadcastStatus = z.object({
  way: z.enum(["trees", "gossip", "direct"]).openapi({
    description:
      "How frames to all go: along trees that follow from told links, along one that neighbours make, or to all with a session",
  }),
  neighbours: count.openapi({ description: "Peers that follow the tree of neighbours" }),
  eager: count.openapi({ description: "Of those, who gets whole frames and not only word of them" }),
}).openapi("BroadcastStatus") satisfies z.ZodType<BroadcastStatus>;

export const linkStatus = z.object({
  direction: z.enum(["->", "<-"]).openapi({ description: "`->` when the telling peer has set out" }),
  peer: peer.nullable(),
  name: z.string().nullable(),
  endpoint: z.string().nullable().openapi({ description: "Where the other one says that it is" }),
  state: z.enum(["established", "pending"]).openapi({
    description: "`pending` until both ends tell of the link: it carries nothing for others",
  }),
  rttMillis: millis.openapi({ description: "As the telling peer has measured it, to some 6 %" }),
}).openapi("LinkStatus") satisfies z.ZodType<LinkStatus>;

export const peerLinksStatus = z.object({
  peer,
  name: z.string(),
  self: z.boolean(),
  relay: z.enum(["never", "willing", "always"]).openapi({
    description: "Whether it passes on what others send to others",
  }),
  links: z.array(linkStatus).readonly(),
}).openapi("PeerLinksStatus") satisfies z.ZodType<PeerLinksStatus>;
