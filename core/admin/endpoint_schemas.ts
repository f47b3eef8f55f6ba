/** The documents of `/v1/endpoints`, as those of `schemas.ts`. */
import { z } from "@hono/zod-openapi";
import type { AttachRequest, EndpointStatus } from "../contracts/node.ts";
import type { Where } from "../contracts/port.ts";
import { absent, count, longestText, texts } from "./document_parts.ts";

const longestPath = 1024;
const mostAddresses = 16;
const mostLabels = 64;
const leastMtu = 1280;
const largestMtu = 65_535;

const labels = z.record(z.string().max(longestText), z.string().max(longestText));
/** One place, said in one way. */
const where = z.union([
  z.strictObject({ netns: z.string().min(1).max(longestPath) }),
  z.strictObject({ pid: z.string().regex(/^[1-9]\d{0,9}$/, "expected the number of a process") }),
  z.strictObject({ container: z.string().regex(/^[0-9a-f]{12,64}$/, "expected a container's id") }),
  z.strictObject({ host: z.literal("") }),
], { error: "expected one of netns, pid, container and host" }).openapi("Where", {
  description: "A network namespace: path or name, a process in it, a container, or this host's own",
}) as unknown as z.ZodType<Where, Where>;

/** Addresses, names and MACs stay text here: the node judges them. */
export const attachRequest = z.strictObject({
  where,
  addresses: absent(
    z.array(z.string().max(longestText)).max(mostAddresses).readonly().openapi({
      description:
        "`10.32.1.5`, `ip:10.32.1.5/24`, `net:10.32.2.0/24` or `net:default`, which is the default",
    }),
  ),
  name: absent(z.string().max(longestText)),
  namespace: absent(z.string().max(longestText).openapi({ description: "Of policies; default `default`" })),
  labels: absent(
    labels.refine((given) => Object.keys(given).length <= mostLabels, `at most ${mostLabels} labels`)
      .openapi({ description: "What policies select by" }),
  ),
  mtu: absent(z.int().min(leastMtu).max(largestMtu)),
  mac: absent(z.string().max(longestText)),
  allowLayer2: absent(z.boolean().openapi({ description: "Lets other frames than IP and ARP through" })),
  defaultRoute: absent(
    z.boolean().openapi({ description: "A default route, where there is none; default true" }),
  ),
  multicastRoute: absent(z.boolean().openapi({ description: "A route for multicast; default true" })),
}).openapi("AttachRequest") satisfies z.ZodType<AttachRequest>;

export const endpointStatus = z.object({
  owner: z.string().openapi({ description: "`node`, or the namespace that is attached" }),
  where: where.nullable().openapi({ description: "As `attach` was told; null for the node's own" }),
  name: z.string().nullable(),
  namespace: z.string(),
  labels,
  addresses: texts.openapi({ description: "With the length of the on-link prefix" }),
  mac: z.string().nullable().openapi({ description: "Null for the node's own, which has no interface" }),
  device: z.string().nullable().openapi({ description: "The interface, as the namespace sees it" }),
  mtu: count,
}).openapi("EndpointStatus") satisfies z.ZodType<EndpointStatus>;

/** A path of a namespace is longer than a name. */
export const endpointPath = z.object({ endpoint: z.string().min(1).max(longestPath) });
const address = z.string().max(longestText);
export const endpointQuery = z.object({
  address: z.union([address, z.array(address).max(mostAddresses)]).optional().openapi({
    description: "Only these go, in a form that `addresses` takes; may be repeated. Without it, all",
  }),
  by: z.enum(["owner", "netns", "pid", "container", "host"]).optional().openapi({
    description: "What the path names: an owner, which is the default, or what `attach` was told",
  }),
});
