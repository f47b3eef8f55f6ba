/** The documents of `/v1/host`, as those of `schemas.ts`. */
import { z } from "@hono/zod-openapi";
import type {
  ExposeRequest,
  HostChange,
  HostStatus,
  ServiceRequest,
  ServiceStatus,
} from "../contracts/exposure.ts";
import { absent, count, longestText, texts } from "./document_parts.ts";

const mostAddresses = 16;
const given = z.array(z.string().max(longestText)).max(mostAddresses).readonly();
const place = z.string().min(1).max(longestText);
const protocol = z.enum(["tcp", "udp"]);
const kind = z.enum(["export", "import"]);

/** Addresses and places stay text here: the node judges them. */
export const exposeRequest = z.strictObject({
  addresses: absent(given.openapi({
    description: "`ip:10.32.0.7/24`, `net:10.32.2.0/24` or `net:default`, which is the default",
  })),
  name: absent(z.string().min(1).max(longestText).openapi({ description: "Of the host, in the network" })),
  masquerade: absent(
    z.boolean().openapi({
      description: "What enters and what leaves gets the host's address as its source; default true",
    }),
  ),
  randomFully: absent(z.boolean().openapi({ description: "Source ports by chance; default false" })),
  noMasqLocal: absent(
    z.boolean().openapi({
      description: "Endpoints of this host see the source of what enters for them; default false",
    }),
  ),
}).openapi("ExposeRequest") satisfies z.ZodType<ExposeRequest>;

export const hideRequest = z.strictObject({
  addresses: absent(given.openapi({ description: "All by default" })),
}).openapi("HideRequest");

export const hidden = z.object({ hidden: texts }).openapi("Hidden");

export const serviceRequest = z.strictObject({
  kind: absent(kind.openapi({
    description:
      "`export` leads from the host into the network, `import` from the network out; default `export`",
  })),
  protocol: absent(protocol.openapi({ description: "Default tcp" })),
  listen: place.openapi({
    description: "`192.0.2.1:8080`; `0.0.0.0` and `[::]` are every address of the host",
  }),
  target: place.openapi({ description: "`10.32.0.5:80`" }),
  rebind: absent(z.boolean().openapi({ description: "Give a service that is there this target" })),
}).openapi("ServiceRequest") satisfies z.ZodType<ServiceRequest>;

export const serviceStatus = z.object({
  kind,
  protocol,
  listen: z.string(),
  target: z.string(),
  state: z.enum(["active", "waiting"]).openapi({
    description: "`waiting` until the host has the addresses that it needs",
  }),
}).openapi("ServiceStatus") satisfies z.ZodType<ServiceStatus>;

export const hostChange = z.object({
  tool: z.string().openapi({ description: "`iptables-nft`, `nftables`, `firewalld`, `sysctl`, …" }),
  place: z.string().openapi({ description: "Chain, zone or setting" }),
  what: z.string().openapi({ description: "What is there" }),
}).openapi("HostChange") satisfies z.ZodType<HostChange>;

export const hostStatus = z.object({
  device: z.string().nullable().openapi({
    description: "The host's interface; null while it is not exposed",
  }),
  name: z.string().nullable(),
  addresses: texts,
  masquerade: z.boolean(),
  randomFully: z.boolean(),
  noMasqLocal: z.boolean(),
  services: z.array(serviceStatus).readonly(),
  changes: z.array(hostChange).readonly().openapi({
    description: "Rules among those of other tools, and settings of the kernel, that this node has made",
  }),
  restored: count.openapi({ description: "How often something of these was gone and was made again" }),
  problems: texts.openapi({ description: "What an operator has to look after" }),
}).openapi("HostStatus") satisfies z.ZodType<HostStatus>;

export const serviceQuery = z.object({ protocol: absent(protocol.openapi({ description: "Default tcp" })) });

export const servicePath = z.object({
  listen: place.openapi({ description: "As the service is listed: `0.0.0.0:8080`" }),
});
