/**
 * A member that lies: a whole node, admitted like any other, whose disk and mouth a test holds. Whatever it signs is signed
 * by its own key and comes over its own sessions; it says what no honest node says.
 */
import type { Host } from "../../core/contracts/host.ts";
import type { Names } from "../../core/contracts/names.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Plugin } from "../../core/contracts/plugin.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { signAdmission } from "../../core/identity/admission.ts";
import { signAnnouncement } from "../../core/identity/announcement.ts";
import { createIdentity, openSelf } from "../../core/identity/identity.ts";
import { recordMessages } from "../../core/node/state_message.ts";
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
}
