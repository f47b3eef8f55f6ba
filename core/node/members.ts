/** The members of the network, and shutting one out. */
import { MeshError } from "../contracts/errors.ts";
import type { MemberAdmin, MemberStatus } from "../contracts/node.ts";
import { signExclusion } from "../identity/exclusion.ts";
import type { Member } from "../identity/judgement.ts";
import { foldName } from "../identity/node_name.ts";
import type { TokenParts } from "./tokens.ts";

export class Members implements MemberAdmin {
  readonly #parts: Pick<TokenParts, "state" | "platform" | "exclude">;

  constructor(parts: Pick<TokenParts, "state" | "platform" | "exclude">) {
    this.#parts = parts;
  }

  list(): readonly MemberStatus[] {
    return this.#parts.state.trust().members().map(({ id, name, state, admittedBy }) => ({
      peer: id,
      name,
      admittedBy: admittedBy ?? null,
      state,
    }));
  }

  async revoke(peer: string): Promise<void> {
    const { state, platform } = this.#parts;
    const member = this.#find(peer);
    if (member.id === state.self.id) {
      throw new MeshError(
        "INVALID_ARGUMENT",
        "A node cannot revoke itself; run this on another node, then reset this one",
      );
    }
    const time = { epoch: state.newestKey().epoch, wall: platform.clock.wall() };
    await this.#parts.exclude(signExclusion(state.self, state.trust(), member.publicKey, time));
  }

  #find(peer: string): Member {
    const admitted = this.#parts.state.trust().members().filter(({ state }) => state === "admitted");
    const found = admitted.find(({ id }) => id === peer) ??
      admitted.find(({ name }) => foldName(name) === foldName(peer));
    if (found === undefined) {
      throw new MeshError(
        "NOT_FOUND",
        `No member in good standing is called "${peer}"; see \`selvage members\``,
      );
    }
    return found;
  }
}
