import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { AdminParts } from "../parts.ts";
import { connectionStatus, ipamStatus, peerStatus, targetStatus } from "../schemas.ts";
import { peerLinksStatus } from "../topology_schemas.ts";
import { json, problems } from "./answers.ts";

const getPeers = createRoute({
  method: "get",
  path: "/peers",
  operationId: "getPeers",
  summary: "The peers this node knows, itself included",
  responses: { 200: json("The peers", z.object({ peers: z.array(peerStatus).readonly() })), ...problems },
});

const getLinks = createRoute({
  method: "get",
  path: "/links",
  operationId: "getLinks",
  summary: "Who is linked to whom, as all members tell it",
  responses: {
    200: json("Each peer with its links", z.object({ links: z.array(peerLinksStatus).readonly() })),
    ...problems,
  },
});

const getConnections = createRoute({
  method: "get",
  path: "/connections",
  operationId: "getConnections",
  summary: "Sessions, attempts, and why an attempt failed",
  responses: {
    200: json("The connections", z.object({ connections: z.array(connectionStatus).readonly() })),
    ...problems,
  },
});

const getIpam = createRoute({
  method: "get",
  path: "/ipam",
  operationId: "getIpam",
  summary: "The network's ranges, who owns what, and this node's leases",
  responses: { 200: json("The address space", ipamStatus), ...problems },
});

const getTargets = createRoute({
  method: "get",
  path: "/targets",
  operationId: "getTargets",
  summary: "Endpoints this node was told to connect to",
  responses: {
    200: json("The targets", z.object({ targets: z.array(targetStatus).readonly() })),
    ...problems,
  },
});

export function meshRoutes({ node }: Pick<AdminParts, "node">) {
  return new OpenAPIHono()
    .openapi(getPeers, (c) => c.json({ peers: node.peers() }, 200))
    .openapi(getLinks, (c) => c.json({ links: node.links() }, 200))
    .openapi(getConnections, (c) => c.json({ connections: node.connections() }, 200))
    .openapi(getIpam, (c) => c.json(node.ipam(), 200))
    .openapi(getTargets, (c) => c.json({ targets: node.targets() }, 200));
}
