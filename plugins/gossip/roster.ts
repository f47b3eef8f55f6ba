/**
 * The dense numbers by which the machine knows members. A number is given once: who was removed and comes back is somebody
 * new to the machine, which trusts no more what was said of the old one. So 65,535 members can come in one life of a node.
 */
import type { PeerId } from "../../core/contracts/values.ts";
import { decodeBase32 } from "../../core/wire/base32.ts";
import { TagDirectory } from "./directory.ts";

export class Roster {
  readonly directory: TagDirectory;
  readonly #numbers = new Map<PeerId, number>();
  readonly #peers: (PeerId | undefined)[] = [];

  /** `self` is number 0. */
  constructor(self: PeerId, expected: number) {
    this.directory = new TagDirectory(expected);
    this.add(self);
  }

  /** The number of a member, a new one if it has none; undefined when there is none left, or another has its tag. */
  add(peer: PeerId): number | undefined {
    const known = this.#numbers.get(peer);
    if (known !== undefined) return known;
    const number = this.#peers.length;
    const tag = decodeBase32(peer);
    if (tag === undefined || !this.directory.put(number, tag)) return undefined;
    this.#peers.push(peer);
    this.#numbers.set(peer, number);
    return number;
  }

  /** The number that the member had. */
  remove(peer: PeerId): number | undefined {
    const number = this.#numbers.get(peer);
    if (number === undefined) return undefined;
    this.#numbers.delete(peer);
    this.#peers[number] = undefined;
    return number;
  }

  numberOf(peer: PeerId): number | undefined {
    return this.#numbers.get(peer);
  }

  peerOf(number: number): PeerId | undefined {
    return this.#peers[number];
  }
}
