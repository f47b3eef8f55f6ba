/** One attempt to join a network: from the token to the welcome, as a promise over the machine's outputs. */
import type { EncapsulationOutput, JoinRequest } from "../contracts/encapsulation.ts";
import { MeshError } from "../contracts/errors.ts";

type JoinOutcome = Extract<EncapsulationOutput, { type: "join-answered" | "join-failed" }>;

export class Joining {
  readonly #outcome = Promise.withResolvers<JoinOutcome>();

  /** The driver's facts about the join are handed in here. */
  settle(outcome: JoinOutcome): void {
    this.#outcome.resolve(outcome);
  }

  /**
   * Sends the request through `start` and waits for the verdict. Resolves with the welcome; rejects with the code and
   * reason of the member that refused, `UNREACHABLE` when nobody ever answered, `TIMEOUT` when somebody did and then no more, or the abort reason.
   */
  async run(
    request: JoinRequest,
    start: (request: JoinRequest) => void,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    signal.throwIfAborted();
    const aborted = () => this.#outcome.reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    try {
      start(request);
      const outcome = await this.#outcome.promise;
      if (outcome.type === "join-answered") return outcome.welcome;
      throw new MeshError(outcome.code, outcome.reason);
    } finally {
      signal.removeEventListener("abort", aborted);
    }
  }
}
