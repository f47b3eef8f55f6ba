/**
 * A member that lies: a whole node, admitted like any other, whose disk and mouth a test holds. Whatever it signs is signed
 * by its own key and comes over its own sessions; it says what no honest node says.
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, sign } from "node:crypto";
import type { Host } from "../../core/contracts/host.ts";
import type { Names } from "../../core/contracts/names.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Plugin } from "../../core/contracts/plugin.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { signAdmission } from "../../core/identity/admission.ts";
import { signAnnouncement } from "../../core/identity/announcement.ts";
import { createIdentity, decodeIdentity, openSelf } from "../../core/identity/identity.ts";
import type { Signer } from "../../core/identity/signed.ts";
import { recordMessages } from "../../core/node/state_message.ts";
import { storeKeys } from "../../core/node/state_records.ts";
import { SimRandom } from "./random.ts";

const nothing: Names & Lifecycle = {
  register: () => Promise.resolve(),
  withdraw: () => Promise.resolve(0),
  lookup: () => [],
  reverse: () => [],
  records: () => [],
};

/** In the slot of names of every node, which is empty otherwise: lets out the host of the one that is `name`. */
export class BadMember {
  readonly plugin: Plugin<"names">;
  #host: Host | undefined;

  constructor(name: string) {
    this.plugin = {
      slot: "names",
      name: "bad_member",
      create: (host) => {
        if (host.self.name === name) this.#host = host;
        return nothing;
      },
    };
  }

  get host(): Host {
    if (this.#host === undefined) throw new Error("the bad member has not been started");
    return this.#host;
  }

  /** As it is on any channel of its sessions. */
  say(to: PeerId, channel: string, message: Uint8Array): void {
    this.host.channel(channel).send(to, message);
  }

  tell(to: PeerId, records: readonly Uint8Array[]): void {
    for (const message of recordMessages(records)) this.say(to, "state", message);
  }

  /** It has been somewhere else, it says. */
  announcement(sequence: number, host: string): Uint8Array {
    return signAnnouncement(this.host.self, {
      bindingNumber: 1,
      endpoints: [{ host, port: 6783 }],
      sequence,
    });
  }

  /** So many members that nobody has met: each admitted by it, and with a word of its own where it is. */
  inventMembers(count: number): readonly Uint8Array[] {
    const random = new SimRandom(99);
    const networkId = this.host.membership.networkId()!;
    const wall = this.host.clock.wall();
    return Array.from({ length: count }, (_, index) => {
      const name = `fake-${index}`;
      const fake = openSelf(createIdentity(random), name);
      const { publicKey: subject } = fake;
      const admission = { networkId, subject, name, tokenId: new Uint8Array(16), epoch: 0, wall };
      const endpoints = [{ host: `198.51.100.${index % 250}`, port: 1 + index }];
      return [
        signAdmission(this.host.self, admission),
        signAnnouncement(fake, { bindingNumber: 1, endpoints, sequence: 1 }),
      ];
    }).flat();
  }

  /**
   * So many names of hosts that do not exist, each admitted a moment after the last one. They are signed by OpenSSL: ten
   * thousand would take the reference code ten seconds.
   */
  inventNames(count: number): readonly Uint8Array[] {
    const random = new SimRandom(98);
    const { networkId, wall } = {
      networkId: this.host.membership.networkId()!,
      wall: this.host.clock.wall(),
    };
    const signer = this.#fastSigner();
    return Array.from({ length: count }, (_, index) =>
      signAdmission(signer, {
        networkId,
        subject: random.fill(new Uint8Array(32)),
        name: `fake-${index}`,
        tokenId: new Uint8Array(16),
        epoch: 0,
        wall: wall + index,
      }));
  }

  /** Signatures of Ed25519 are the same whoever makes them (RFC 8032 §5.1.6). */
  #fastSigner(): Signer {
    const seed = decodeIdentity(this.host.store.get(storeKeys.identity)!).signingSeed.reveal();
    // PrivateKeyInfo of RFC 8410 §7, with the seed at its end.
    const head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    const key = createPrivateKey({ key: Buffer.from([...head, ...seed]), format: "der", type: "pkcs8" });
    return {
      publicKey: this.host.self.publicKey,
      sign: (message) => new Uint8Array(sign(null, message, key)),
    };
  }
}
