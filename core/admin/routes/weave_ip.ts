/**
 * Addresses under the paths that scripts for Weave Net use, with its words and status codes: `POST /ip/<id>` answers
 * `10.32.0.1/12` as soon as there is one, and the same again. Everything here can be had under `/v1/ipam/addresses` too.
 */
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { AddressAdmin } from "../../contracts/addresses.ts";
import { errorCode, isMeshError, MeshError } from "../../contracts/errors.ts";
import { ownerName } from "../address_schemas.ts";
import { audited } from "../audit.ts";
import type { AdminParts } from "../parts.ts";
import { json, problems } from "./answers.ts";

type Parts = Pick<AdminParts, "node" | "log">;

/** Stands for "no container": what it claims is kept under the address itself. */
const nobody = "_";
const cancelled = "cancelled";

const owner = z.object({ owner: ownerName });
const address = z.string().regex(/^[\da-fA-F:.]{2,45}$/, "expected an address");
const subnet = owner.extend({
  address,
  bits: z.string().regex(/^\d{1,3}$/, "expected the length of a prefix"),
}).refine(({ address, bits }) => Number(bits) <= (address.includes(":") ? 128 : 32), {
  path: ["bits"],
  message: "expected the length of a prefix",
});
const flag = z.enum(["true", "false"]).optional();
const alive = z.object({ "check-alive": flag });

function text(description: string) {
  return { description, content: { "text/plain": { schema: z.string() } } };
}

const owned = createRoute({
  method: "get",
  path: "/ip",
  operationId: "weaveListIps",
  summary: "As Weave Net: everybody on this node who has addresses",
  responses: {
    200: json(
      "The owners",
      z.object({
        owned: z.array(z.object({ containerid: z.string(), addrs: z.array(z.string()).readonly() })),
      }),
    ),
    ...problems,
  },
});

const defaultSubnet = createRoute({
  method: "get",
  path: "/ipinfo/defaultsubnet",
  operationId: "weaveDefaultSubnet",
  summary: "As Weave Net: where addresses come from when no subnet is named",
  responses: { 200: text("A CIDR"), ...problems },
});

const lookUp = {
  method: "get" as const,
  summary: "As Weave Net: the addresses of an owner, with a space between them",
  middleware: [inWords(404)],
  responses: { 200: text("The addresses"), ...problems },
};

function allocation({ log }: Parts) {
  return {
    method: "post" as const,
    summary: "As Weave Net: an address for an owner, as soon as there is one",
    middleware: [inWords(400), audited(log, "give address")],
    responses: { 200: text("The address, or `cancelled`"), ...problems },
  };
}

function writes({ log }: Parts) {
  const claim = createRoute({
    method: "put",
    path: "/ip/{owner}/{address}/{bits}",
    operationId: "weaveClaimIp",
    summary: "As Weave Net: this very address for an owner",
    middleware: [inWords(400), audited(log, "give address")],
    request: { params: subnet, query: alive.extend({ noErrorOnUnknown: flag }) },
    responses: { 204: { description: "It has the address" }, ...problems },
  });
  const release = createRoute({
    method: "delete",
    path: "/ip/{owner}",
    operationId: "weaveReleaseIps",
    summary: "As Weave Net: take an owner's addresses back",
    middleware: [inWords(400), audited(log, "release address")],
    request: { params: owner },
    responses: { 204: { description: "It has none any more" }, ...problems },
  });
  const releaseOne = createRoute({
    method: "delete",
    path: "/ip/{owner}/{address}",
    operationId: "weaveReleaseIp",
    summary: "As Weave Net: take one address of an owner back",
    middleware: [inWords(400), audited(log, "release address")],
    request: { params: owner.extend({ address }) },
    responses: { 204: { description: "It does not have it any more" }, ...problems },
  });
  return { claim, release, releaseOne };
}

function reads(parts: Parts) {
  const all = "/ip/{owner}";
  const within = "/ip/{owner}/{address}/{bits}";
  const give = createRoute({
    ...allocation(parts),
    path: all,
    operationId: "weaveGiveIp",
    request: { params: owner, query: alive },
  });
  const giveWithin = createRoute({
    ...allocation(parts),
    path: within,
    operationId: "weaveGiveIpOf",
    request: { params: subnet, query: alive },
  });
  const get = createRoute({ ...lookUp, path: all, operationId: "weaveIps", request: { params: owner } });
  const getWithin = createRoute({
    ...lookUp,
    path: within,
    operationId: "weaveIpsOf",
    request: { params: subnet },
  });
  return { give, giveWithin, get, getWithin };
}

export function weaveIpRoutes(parts: Parts) {
  const { addresses } = parts.node;
  const { claim, release, releaseOne } = writes(parts);
  const { give, giveWithin, get, getWithin } = reads(parts);
  return new OpenAPIHono()
    .openapi(owned, (c) => {
      const owners = addresses.list().map(({ owner, addresses }) => ({
        containerid: owner,
        addrs: addresses,
      }));
      return c.json({ owned: owners }, 200);
    })
    .openapi(defaultSubnet, (c) => c.text(addresses.defaultSubnets()[0] ?? "", 200))
    .openapi(get, (c) => {
      const { owner } = c.req.valid("param");
      return c.text(someOf(addresses.of(owner), owner), 200);
    })
    .openapi(getWithin, (c) => {
      const { owner, address, bits } = c.req.valid("param");
      return c.text(someOf(addresses.of(owner, `${address}/${bits}`), owner), 200);
    })
    .openapi(give, async (c) => {
      const isChecked = c.req.valid("query")["check-alive"] === "true";
      return c.text(await given(addresses, { ...c.req.valid("param"), isChecked }, c.req.raw.signal), 200);
    })
    .openapi(giveWithin, async (c) => {
      const { owner, address, bits } = c.req.valid("param");
      const isChecked = c.req.valid("query")["check-alive"] === "true";
      const wish = { owner, subnet: `${address}/${bits}`, isChecked };
      return c.text(await given(addresses, wish, c.req.raw.signal), 200);
    })
    .openapi(claim, async (c) => {
      const { owner, address } = c.req.valid("param");
      const query = c.req.valid("query");
      const { signal } = c.req.raw;
      if (query["check-alive"] === "true" && await addresses.isGone(owner, signal)) return c.body(null, 204);
      try {
        await addresses.claim(owner === nobody ? address : owner, address, signal);
      } catch (error) {
        // What is none of the network's is nobody's business here: its holder may keep it.
        const isUnknown = errorCode(error) === "INVALID_ARGUMENT" && query.noErrorOnUnknown === "true";
        if (!isUnknown) throw error;
      }
      return c.body(null, 204);
    })
    .openapi(release, async (c) => {
      await addresses.release(c.req.valid("param").owner);
      return c.body(null, 204);
    })
    .openapi(releaseOne, async (c) => {
      const { owner, address } = c.req.valid("param");
      await addresses.release(owner === nobody ? address : owner, address);
      return c.body(null, 204);
    });
}

interface Wish {
  readonly owner: string;
  readonly subnet?: string;
  /** Whoever asked wants nothing for a container that does not run. */
  readonly isChecked: boolean;
}

/** The address, or the word for nothing: the container is gone, or whoever asked is. */
async function given(addresses: AddressAdmin, wish: Wish, signal: AbortSignal): Promise<string> {
  const { isChecked, ...request } = wish;
  const isGone = () => isChecked ? addresses.isGone(wish.owner, signal) : Promise.resolve(false);
  if (await isGone()) return cancelled;
  try {
    const address = await addresses.allocate(request, signal);
    // It may have ended while its address was on the way.
    if (!await isGone()) return address;
    await addresses.release(wish.owner);
    return cancelled;
  } catch (error) {
    if (errorCode(error) === "TIMEOUT" && signal.aborted) return cancelled;
    throw error;
  }
}

/** Throws `NOT_FOUND` for none. */
function someOf(addresses: readonly string[], owner: string): string {
  if (addresses.length > 0) return addresses.join(" ");
  throw new MeshError("NOT_FOUND", `"${owner}" has no addresses`);
}

/** Refusals as a line of text under the one status code that scripts expect. Failures of the node stay what they are. */
function inWords(status: ContentfulStatusCode): MiddlewareHandler {
  return async (c, next) => {
    await next();
    if (c.error === undefined || !isMeshError(c.error) || errorCode(c.error) === "INTERNAL") return;
    c.res = undefined;
    c.res = c.text(`${c.error.message}\n`, status);
  };
}
