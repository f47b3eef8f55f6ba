/**
 * The keys of notes. Two members who know each other's Noise keys share what Diffie-Hellman gives them; with the network
 * key this makes one key for each direction:
 *
 *     key = BLAKE2s(key: network key, "selvage noise 1 note\0" ‖ X25519(own, other's)
 *         ‖ sender's key ‖ receiver's key ‖ sender's id ‖ receiver's id)
 *
 * The ids, 32 characters each, are in it because a member may bind another's Noise key, whose secret it does not have, to
 * its own id: without them a note that was meant for the liar, and that it passes on, would be taken by the true owner.
 *
 * So a note is opened by one member only, not even by others who have the network key; and whoever was shut out is not
 * heard, because nobody looks for its key any more. There is no forward secrecy: who steals a node's Noise key reads the
 * notes that it has exchanged. That is why only what all members may know goes into them; data has sessions.
 *
 * X25519 takes about a millisecond. It is done once for a member and kept, since a stranger who has seen the tag of a
 * member can make this node look for its key: after one look for each member nothing more is to be had from it, and those
 * looks are limited in number per second. Ciphers are made anew for those who were not heard for long, which is cheap.
 */
import { blake2s } from "@noble/hashes/blake2.js";
import type { AeadKey, AeadSuite } from "../../core/contracts/aead.ts";
import type { NetworkKey } from "../../core/contracts/membership.ts";
import type { Millis, PeerId, PeerRecord } from "../../core/contracts/values.ts";
import { diffieHellman } from "../../core/noise/dh.ts";
import { concatBytes, equalBytes } from "../../core/wire/bytes.ts";
import { TokenBucket } from "./bucket.ts";
import { limits } from "./constants.ts";
import type { Local } from "./local.ts";
import { NoteWindow } from "./note_window.ts";

const text = new TextEncoder();
const label = text.encode("selvage noise 1 note\0");

/** A member that notes were exchanged with. */
export interface Correspondent {
  /** 32 bytes each: its Noise key, and what both sides share. */
  readonly noiseKey: Uint8Array;
  readonly shared: Uint8Array;
  readonly window: NoteWindow;
  /** Id of the network key that its last note came under. */
  usedKey: Uint8Array | undefined;
  /** Notes for it so far. */
  sent: number;
}

export interface NoteCiphers {
  readonly networkKey: NetworkKey;
  readonly send: AeadKey;
  readonly receive: AeadKey;
}

export class NoteKeys {
  readonly #local: Local;
  readonly #suite: AeadSuite;
  readonly #looks = new TokenBucket(limits.noteKeyLooks, 0);
  readonly #known = new Map<PeerId, Correspondent>();
  /** Of those who were heard or written to last, at the end; one of each network key that is in use with a member. */
  readonly #ciphers = new Map<PeerId, readonly NoteCiphers[]>();

  constructor(local: Local) {
    this.#local = local;
    this.#suite = local.suites.get("chacha20-poly1305")!;
  }

  /** Members whose keys are known, and those of them whose ciphers are ready. */
  get sizes(): { readonly known: number; readonly ready: number } {
    return { known: this.#known.size, ready: this.#ciphers.size };
  }

  /** Somebody whom this node wants to write to; undefined for one whose key is none. */
  of({ id, noiseKey }: PeerRecord): Correspondent | undefined {
    const known = this.#known.get(id);
    if (known !== undefined && equalBytes(known.noiseKey, noiseKey)) return known;
    const { self, curve } = this.#local;
    const shared = diffieHellman(self.noise.secretKey, noiseKey, curve);
    if (shared === undefined) return undefined;
    this.forget(id);
    if (this.#known.size >= limits.peers) this.forget(this.#known.keys().next().value!);
    const correspondent = {
      noiseKey: noiseKey.slice(),
      shared,
      window: known?.window ?? new NoteWindow(), // its counters go on growing when its key changes
      usedKey: undefined,
      sent: 0,
    };
    this.#known.set(id, correspondent);
    return correspondent;
  }

  /** Somebody in whose name a datagram came. False when there is too much to find out now. */
  mayLook({ id, noiseKey }: PeerRecord, now: Millis): boolean {
    const known = this.#known.get(id);
    return (known !== undefined && equalBytes(known.noiseKey, noiseKey)) || this.#looks.take(now);
  }

  known(id: PeerId): Correspondent | undefined {
    return this.#known.get(id);
  }

  /** The two ciphers with a member under a network key. */
  ciphers(id: PeerId, correspondent: Correspondent, networkKey: NetworkKey): NoteCiphers {
    const ready = this.#ciphers.get(id) ?? [];
    this.#ciphers.delete(id);
    const found = ready.find((each) => equalBytes(each.networkKey.secret, networkKey.secret));
    const ciphers = found ?? this.#make(id, correspondent, networkKey);
    const rest = ready.filter((each) => each !== ciphers).slice(0, limits.noteNetworkKeys - 1);
    this.#ciphers.set(id, [ciphers, ...rest]);
    if (this.#ciphers.size > limits.noteCiphers) this.#ciphers.delete(this.#ciphers.keys().next().value!);
    return ciphers;
  }

  /** What notes with it need is wiped; its window too, as if this node had started anew. */
  forget(id: PeerId): void {
    this.#known.get(id)?.shared.fill(0);
    this.#known.delete(id);
    this.#ciphers.delete(id);
  }

  clear(): void {
    for (const { shared } of this.#known.values()) shared.fill(0);
    this.#known.clear();
    this.#ciphers.clear();
  }

  #make(id: PeerId, { shared, noiseKey }: Correspondent, networkKey: NetworkKey): NoteCiphers {
    const { self } = this.#local;
    const [own, other] = [self.noise.publicKey, noiseKey];
    const [ownId, otherId] = [text.encode(self.id), text.encode(id)];
    const key = (...ends: readonly Uint8Array[]) =>
      this.#suite.key(blake2s(concatBytes(label, shared, ...ends), { key: networkKey.secret }));
    return { networkKey, send: key(own, other, ownId, otherId), receive: key(other, own, otherId, ownId) };
  }
}
