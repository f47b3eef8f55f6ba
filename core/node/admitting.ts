/** Joins as the encapsulation tells of them: each is judged once, and answered, whatever goes wrong. */
import type { EncapsulationOutput, JoinAnswer } from "../contracts/encapsulation.ts";
import { errorCode } from "../contracts/errors.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import type { Admissions } from "./admissions.ts";
import type { NodeContext } from "./node_context.ts";

export type JoinWish = Extract<EncapsulationOutput, { type: "join-requested" }>;

/** Never rejects: a joiner hears of every outcome. */
export async function judgeJoin(
  { events, platform }: Pick<NodeContext, "events" | "platform">,
  admissions: Admissions,
  wish: JoinWish,
): Promise<JoinAnswer> {
  try {
    const { answer, admitted } = await admissions.admit(wish);
    if (admitted !== undefined) events.emit("peer:admitted", admitted);
    return answer;
  } catch (error) {
    platform.log.log("error", "Cannot admit a node", { endpoint: formatEndpoint(wish.from), error });
    return { refused: errorCode(error), reason: "the admitting member could not write its state" };
  }
}
