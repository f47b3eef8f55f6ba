/** Who is let in: judges join requests over the records of {@link NetworkState}. */
import type { JoinAnswer } from "../contracts/encapsulation.ts";
import type { ErrorCode } from "../contracts/errors.ts";
import type { TokenReference } from "../contracts/membership.ts";
import type { PeerId } from "../contracts/values.ts";
import { signAdmission } from "../identity/admission.ts";
import { type Application, decodeApplication } from "../identity/application.ts";
import { peerIdOf } from "../identity/identity.ts";
import type { Member } from "../identity/judgement.ts";
import { encodeWelcome } from "../identity/welcome.ts";
import type { NetworkState } from "./network_state.ts";
import type { Platform } from "./platform.ts";
import { Turns } from "./turns.ts";

export interface AdmissionParts {
  readonly platform: Platform;
  readonly state: NetworkState;
  /** New records of ours, for everybody to know. */
  spread(records: readonly Uint8Array[]): void;
}

export interface JoinKnock {
  readonly token: TokenReference;
  readonly noiseKey: Uint8Array;
  readonly application: Uint8Array;
}

export interface Verdict {
  readonly answer: JoinAnswer;
  /** Who was let in now; absent for one that had been before. */
  readonly admitted?: { readonly peer: PeerId; readonly name: string };
}

export class Admissions {
  readonly #parts: AdmissionParts;
  readonly #turns = new Turns();

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /**
   * Judges a knock whose handshake proved the token. The admission is on disk before the welcome exists; asking again
   * under the same key gives the same admission. One knock after the other: of two for one name at a time both would
   * find it free.
   */
  admit(knock: JoinKnock): Promise<Verdict> {
    return this.#turns.take(() => this.#judge(knock));
  }

  async #judge(knock: JoinKnock): Promise<Verdict> {
    const application = decodeApplication(knock.application, knock.noiseKey);
    if (application === undefined) return refuse("MALFORMED", "the application to join cannot be read");
    const { publicKey } = application.binding;
    const { state } = this.#parts;
    // It was valid when the handshake began.
    if (state.tokenKeys(knock.token).length === 0) {
      return refuse("EXPIRED", "the token has expired or was revoked meanwhile; ask for a new one");
    }
    // What it signs from now on counts nowhere, and a welcome without an admission would be taken for a forged one.
    if (state.trust().standing(state.self.publicKey).state !== "admitted") {
      return refuse("NOT_ADMITTED", "the member that was asked has been shut out itself; ask another one");
    }
    const standing = state.trust().standing(publicKey);
    if (standing.state === "revoked") {
      return refuse("REVOKED", "this identity was revoked; reset the node and join anew");
    }
    const owner = state.trust().nameOwner(application.name);
    if (owner !== undefined && owner.id !== peerIdOf(publicKey)) {
      return refuse("NAME_TAKEN", nameTaken(owner));
    }
    if (standing.state === "admitted") return { answer: { welcome: this.#welcome(publicKey) } };
    await this.#sign(application, knock.token);
    const admitted = { peer: peerIdOf(publicKey), name: application.name };
    return { answer: { welcome: this.#welcome(publicKey) }, admitted };
  }

  async #sign({ binding, name }: Application, token: TokenReference): Promise<void> {
    const { state, platform } = this.#parts;
    const record = signAdmission(state.self, {
      networkId: state.networkId()!,
      subject: binding.publicKey,
      name,
      tokenId: token.id,
      epoch: state.newestKey().epoch,
      wall: platform.clock.wall(),
    });
    await state.keepRecords([record]);
    this.#parts.spread([record]);
  }

  #welcome(publicKey: Uint8Array): Uint8Array {
    const { state } = this.#parts;
    const trust = state.trust();
    const { epoch } = state.newestKey();
    const passwordKey = state.passwordKey();
    return encodeWelcome({
      networkKeys: [state.networkKeys()[0]!],
      keyEpoch: epoch,
      founding: state.founding(),
      admission: trust.chain(publicKey)[0]!,
      records: trust.recordsFor(publicKey),
      announcements: state.announcements(),
      ...(passwordKey && { passwordKey }),
    });
  }
}

function refuse(refused: ErrorCode, reason: string): Verdict {
  return { answer: { refused, reason } };
}

function nameTaken(owner: Member): string {
  return `the name "${owner.name}" belongs to member ${owner.id}; start with another --name, ` +
    `or revoke the old one with "selvage revoke ${owner.name}" on any node`;
}
