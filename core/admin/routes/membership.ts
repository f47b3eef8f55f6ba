import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { audited } from "../audit.ts";
import type { AdminParts } from "../parts.ts";
import { jsonBody } from "../request_guards.ts";
import { issuedToken, memberPath, memberStatus, tokenOptions, tokenPath, tokenStatus } from "../schemas.ts";
import { body, json, problems } from "./answers.ts";

const getTokens = createRoute({
  method: "get",
  path: "/tokens",
  operationId: "getTokens",
  summary: "The join tokens, without their secrets",
  responses: { 200: json("The tokens", z.object({ tokens: z.array(tokenStatus).readonly() })), ...problems },
});

const getMembers = createRoute({
  method: "get",
  path: "/members",
  operationId: "getMembers",
  summary: "Who was admitted to the network, and by whom",
  responses: {
    200: json("The members", z.object({ members: z.array(memberStatus).readonly() })),
    ...problems,
  },
});

type Parts = Pick<AdminParts, "node" | "log">;

function writes({ log }: Parts) {
  const createToken = createRoute({
    method: "post",
    path: "/tokens",
    operationId: "createToken",
    summary: "Make a token with which a host joins",
    middleware: [audited(log, "token.create"), jsonBody],
    request: body(tokenOptions),
    responses: { 201: json("The token; its secret is shown this once", issuedToken), ...problems },
  });
  const revokeToken = createRoute({
    method: "delete",
    path: "/tokens/{id}",
    operationId: "revokeToken",
    summary: "Revoke a token and change the network key",
    middleware: [audited(log, "token.revoke")],
    request: { params: tokenPath },
    responses: { 204: { description: "Revoked" }, ...problems },
  });
  const revokeMember = createRoute({
    method: "delete",
    path: "/members/{peer}",
    operationId: "revokeMember",
    summary: "Revoke a member everywhere and change the network key",
    middleware: [audited(log, "member.revoke")],
    request: { params: memberPath },
    responses: { 204: { description: "Revoked" }, ...problems },
  });
  return { createToken, revokeToken, revokeMember };
}

export function membershipRoutes(parts: Parts) {
  const { tokens, members } = parts.node;
  const { createToken, revokeToken, revokeMember } = writes(parts);
  return new OpenAPIHono()
    .openapi(getTokens, (c) => c.json({ tokens: tokens.list() }, 200))
    .openapi(createToken, async (c) => c.json(await tokens.create(c.req.valid("json")), 201))
    .openapi(revokeToken, async (c) => {
      await tokens.revoke(c.req.valid("param").id);
      return c.body(null, 204);
    })
    .openapi(getMembers, (c) => c.json({ members: members.list() }, 200))
    .openapi(revokeMember, async (c) => {
      await members.revoke(c.req.valid("param").peer);
      return c.body(null, 204);
    });
}
