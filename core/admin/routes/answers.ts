/** How routes describe their answers to the OpenAPI document. */
import type { z } from "@hono/zod-openapi";
import { problem } from "../schemas.ts";

interface JsonContent<T extends z.ZodType> {
  readonly description: string;
  readonly content: { readonly "application/json": { readonly schema: T } };
}

export function json<T extends z.ZodType>(description: string, schema: T): JsonContent<T> {
  return { description, content: { "application/json": { schema } } };
}

/** A body that may be left out stands for `{}`; the content type is demanded either way. */
export function body<T extends z.ZodType>(schema: T): { body: JsonBody<T> } {
  return { body: { required: true, content: { "application/json": { schema } } } };
}

interface JsonBody<T extends z.ZodType> {
  required: true;
  content: { "application/json": { schema: T } };
}

const problemContent = { "application/problem+json": { schema: problem } };

/** What every route may answer instead. */
export const problems = {
  "4XX": { description: "The request was refused", content: problemContent },
  "5XX": { description: "The node or a peer failed", content: problemContent },
} as const;
