/** What schemas of several subjects are made of. */
import { z } from "@hono/zod-openapi";

export const longestText = 255;
export const texts = z.array(z.string()).readonly();
export const count = z.int().min(0);

/**
 * A member that may be absent. Typed as exactly that, `undefined` excluded, which is what JSON can say; made of
 * `optional`, because the OpenAPI generator lists as required whatever refuses `undefined`.
 */
export function absent<T extends z.ZodType>(schema: T): z.ZodExactOptional<T> {
  return schema.optional() as unknown as z.ZodExactOptional<T>;
}
