/** The documents of `/v1/bridges`, as those of `schemas.ts`. */
import { z } from "@hono/zod-openapi";
import type { BridgeList, BridgeStatus, ForeignDeviceStatus } from "../contracts/bridging.ts";
import { longestText, texts } from "./document_parts.ts";

const device = z.string().min(1).max(longestText);

export const bridgeRequest = z.strictObject({
  device: device.openapi({ description: "Name of a Linux bridge of this host" }),
}).openapi("BridgeRequest");

export const bridgePath = z.object({ device });

export const bridgeStatus = z.object({
  device: z.string(),
  port: z.string().openapi({ description: "Our end of the pair of interfaces" }),
  state: z.enum(["open", "waiting", "blocked"]).openapi({
    description: "`waiting` while the host has no such bridge; `blocked` after a loop",
  }),
  until: z.string().nullable().openapi({ description: "When a blocked one is tried again" }),
}).openapi("BridgeStatus") satisfies z.ZodType<BridgeStatus>;

export const foreignDeviceStatus = z.object({
  mac: z.string(),
  addresses: texts,
  node: z.string().openapi({ description: "The member whose bridge it is behind" }),
  isUsed: z.boolean().openapi({ description: "False where another member has announced the MAC before" }),
}).openapi("ForeignDeviceStatus") satisfies z.ZodType<ForeignDeviceStatus>;

export const bridgeList = z.object({
  bridges: z.array(bridgeStatus).readonly(),
  devices: z.array(foreignDeviceStatus).readonly(),
}).openapi("BridgeList") satisfies z.ZodType<BridgeList>;
