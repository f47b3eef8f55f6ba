/**
 * HandshakeState (Noise revision 34, §5.3, with the psk token of §9.2) as a pure machine: bytes in, bytes
 * out, the ephemeral key from a generator handed in, no clock, no I/O, no promise.
 *
 * Reading is transactional. A message is tried on a copy of the state, and the copy takes the place of the
 * state only when the whole message was good; else `readMessage` returns undefined and it is as if the
 * message had never come. The specification has the handshake die of its first bad message. That suits a
 * stream, where nobody else can speak; over UDP it would let anyone end a handshake with one forged datagram.
 * Nothing is risked by going on: a state that has refused a message has sent nothing, and whatever it sends
 * later is under keys and nonces it has not used. Hence there is no `failed` state either: how often to try,
 * and when to give up, is for the session that owns the clock.
 *
 * What strangers send is data and never throws. What the program does wrong (a message out of turn, keys that
 * do not fit the pattern, a payload too long) throws a plain Error, with the state as it was.
 *
 * Rejected: handing out two CipherStates (§5.3); a data path wants the bare keys, and {@link CipherState}
 * takes them.
 */
import type { Random } from "../contracts/host.ts";
import {
  dhLength,
  diffieHellman,
  generateKeyPair,
  isUsablePublicKey,
  type KeyPair,
  type X25519,
} from "./dh.ts";
import { checkOptions, type HandshakeOptions } from "./handshake_options.ts";
import { type DhToken, type Role, senderOf, type Token } from "./pattern.ts";
import type { Protocol } from "./protocol_name.ts";
import { maxMessageLength } from "./suite.ts";
import { SymmetricState } from "./symmetric_state.ts";

/**
 * What comes next: `write` or `read` a message, take the keys by `split`, or nothing (`over`): the keys have
 * been taken, or the state was wiped.
 */
export type Turn = "write" | "read" | "split" | "over";

/** Transport keys of 32 bytes. The holder wipes them. */
export interface TransportKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
}

/** All that a message changes; never altered once it is the state of the handshake. */
interface Progress {
  readonly symmetric: SymmetricState;
  /** Number of the next message, and of the next psk token. */
  message: number;
  psk: number;
  ephemeral: KeyPair | undefined;
  remoteEphemeral: Uint8Array | undefined;
  remoteStatic: Uint8Array | undefined;
}

const nothing = new Uint8Array();

export class HandshakeState {
  readonly protocol: Protocol;
  readonly role: Role;
  readonly #random: Random;
  readonly #curve: X25519 | undefined;
  #staticKeys: KeyPair | undefined;
  #psks: readonly Uint8Array[];
  #progress: Progress;
  #over = false;

  /** Throws when the keys are not those the pattern calls for; see {@link HandshakeOptions}. */
  constructor(options: HandshakeOptions) {
    checkOptions(options);
    this.protocol = options.protocol;
    this.role = options.role;
    this.#random = options.random;
    this.#curve = options.curve;
    this.#staticKeys = options.staticKeys;
    this.#psks = options.psks ?? [];
    this.#progress = {
      symmetric: startSymmetric(options),
      message: 0,
      psk: 0,
      ephemeral: undefined,
      remoteEphemeral: undefined,
      remoteStatic: options.remoteStatic?.slice(),
    };
  }

  get turn(): Turn {
    if (this.#over) return "over";
    if (this.#isComplete()) return "split";
    return senderOf(this.#progress.message) === this.role ? "write" : "read";
  }

  /**
   * Static public key of the other side, 32 bytes, by copy; undefined until it is known, or when there is
   * none.
   */
  get remoteStatic(): Uint8Array | undefined {
    return this.#progress.remoteStatic?.slice();
  }

  /**
   * The handshake hash, HASHLEN bytes, by copy: it names this session and no other (§11.2). Not secret;
   * readable for ever once the last message is done, and before that throws.
   */
  get handshakeHash(): Uint8Array {
    if (!this.#isComplete()) {
      throw new Error(`${this.#who()}: there is no handshake hash before the last message`);
    }
    return this.#progress.symmetric.handshakeHash;
  }

  /**
   * The next message, around `payload`: fresh memory, `protocol.overheads` bytes longer. Whether the payload
   * is secret, and to whom, depends on pattern and message (§7.7). Throws out of turn, or beyond 65,535 bytes
   * in all.
   */
  writeMessage(payload: Uint8Array = nothing): Uint8Array {
    const tokens = this.#tokens("write");
    const length = this.#overhead() + payload.length;
    if (length > maxMessageLength) {
      throw new Error(`${this.#who()}: a message of ${length} bytes is over 65535`);
    }
    const message = new Uint8Array(length);
    const next = this.#fork();
    let at = 0;
    const put = (field: Uint8Array) => {
      message.set(field, at);
      at += field.length;
    };
    for (const token of tokens) {
      if (token === "e") put(this.#drawEphemeral(next));
      else if (token === "s") put(next.symmetric.encryptAndHash(this.#staticKeys!.publicKey));
      else if (!this.#mix(token, next)) throw new Error(`${this.#who()}: "${token}" gave no secret`);
    }
    put(next.symmetric.encryptAndHash(payload));
    this.#commit(next);
    return message;
  }

  /**
   * The payload of the next message in fresh memory; or undefined, with nothing changed, when the message is
   * not one the other side wrote: it does not verify, has a key of low order, or is too short or over 65,535
   * bytes. Another may then be read in its place. Until the first DH or psk (`-> e` alone) nothing can be
   * verified: what is then accepted is bound to all that follows, where a change shows. `message` is not
   * kept. Throws out of turn.
   */
  readMessage(message: Uint8Array): Uint8Array | undefined {
    const tokens = this.#tokens("read");
    // The parts would be found too short one by one, but only after the DHs before them.
    if (message.length < this.#overhead() || message.length > maxMessageLength) return undefined;
    const next = this.#fork();
    const payload = this.#read(tokens, message, next);
    if (payload === undefined) next.symmetric.wipe();
    else this.#commit(next);
    return payload;
  }

  /**
   * Ends a complete interactive handshake: the transport keys, once, and everything secret is wiped. Throws
   * when the handshake is not complete, and for one-way patterns, which have only {@link splitOneWay}.
   */
  split(): TransportKeys {
    if (this.protocol.pattern.oneWay) throw new Error(`${this.#who()}: a one-way pattern has one key`);
    const [forth, back] = this.#split();
    return this.role === "initiator" ? { send: forth, receive: back } : { send: back, receive: forth };
  }

  /**
   * As {@link split}, for one-way patterns: the key of all messages from the initiator. The responder sends
   * none (§7.4).
   */
  splitOneWay(): Uint8Array {
    if (!this.protocol.pattern.oneWay) throw new Error(`${this.#who()}: an interactive pattern has two keys`);
    const [forth, back] = this.#split();
    back.fill(0);
    return forth;
  }

  /**
   * Zeroes every secret this state made and lets go of those it borrowed. Idempotent; afterwards the turn is
   * `over`.
   */
  wipe(): void {
    this.#over = true;
    this.#progress.symmetric.wipe();
    this.#progress.ephemeral?.secretKey.fill(0);
    this.#staticKeys = undefined;
    this.#psks = [];
  }

  #split(): [Uint8Array, Uint8Array] {
    if (this.turn !== "split") throw new Error(`${this.#who()}: cannot split, the turn is "${this.turn}"`);
    const keys = this.#progress.symmetric.split();
    this.wipe();
    return keys;
  }

  #read(tokens: readonly Token[], message: Uint8Array, next: Progress): Uint8Array | undefined {
    let at = 0;
    const take = (length: number) => message.subarray(at, at += length);
    for (const token of tokens) {
      const good = token === "e"
        ? this.#readEphemeral(take(dhLength), next)
        : token === "s"
        ? this.#readStatic(take(dhLength + next.symmetric.overhead), next)
        : this.#mix(token, next);
      if (!good) return undefined;
    }
    return next.symmetric.decryptAndHash(message.subarray(at));
  }

  #drawEphemeral(next: Progress): Uint8Array {
    next.ephemeral = generateKeyPair(this.#random, this.#curve);
    this.#mixEphemeral(next.ephemeral.publicKey, next);
    return next.ephemeral.publicKey;
  }

  #readEphemeral(field: Uint8Array, next: Progress): boolean {
    if (!isUsablePublicKey(field)) return false;
    next.remoteEphemeral = field.slice();
    this.#mixEphemeral(field, next);
    return true;
  }

  #readStatic(field: Uint8Array, next: Progress): boolean {
    next.remoteStatic = next.symmetric.decryptAndHash(field);
    return next.remoteStatic !== undefined && isUsablePublicKey(next.remoteStatic);
  }

  /**
   * §9.2: where pre-shared keys are used, ephemerals are keys too, so that no two handshakes seal under the
   * same one.
   */
  #mixEphemeral(publicKey: Uint8Array, next: Progress): void {
    next.symmetric.mixHash(publicKey);
    if (this.protocol.pattern.psks > 0) next.symmetric.mixKey(publicKey);
  }

  #mix(token: "psk" | DhToken, next: Progress): boolean {
    if (token === "psk") {
      next.symmetric.mixKeyAndHash(this.#psks[next.psk++]!);
      return true;
    }
    const secret = this.#agree(token, next);
    if (secret === undefined) return false;
    next.symmetric.mixKey(secret);
    secret.fill(0);
    return true;
  }

  /** The letters of a DH token name the initiator's key, then the responder's. */
  #agree(token: DhToken, next: Progress): Uint8Array | undefined {
    const [own, theirs] = this.role === "initiator" ? [token[0], token[1]] : [token[1], token[0]];
    const pair = own === "e" ? next.ephemeral : this.#staticKeys;
    const remote = theirs === "e" ? next.remoteEphemeral : next.remoteStatic;
    // The validity of the pattern (§7.3) puts both there.
    return diffieHellman(pair!.secretKey, remote!, this.#curve);
  }

  #tokens(turn: "write" | "read"): readonly Token[] {
    if (this.turn !== turn) {
      throw new Error(`${this.#who()}: cannot ${turn} a message, the turn is "${this.turn}"`);
    }
    return this.protocol.pattern.messages[this.#progress.message]!;
  }

  #overhead(): number {
    return this.protocol.overheads[this.#progress.message]!;
  }

  #fork(): Progress {
    return { ...this.#progress, symmetric: this.#progress.symmetric.clone() };
  }

  #commit(next: Progress): void {
    next.message += 1;
    this.#progress.symmetric.wipe();
    this.#progress = next;
    if (this.#isComplete()) next.ephemeral?.secretKey.fill(0);
  }

  #isComplete(): boolean {
    return this.#progress.message === this.protocol.pattern.messages.length;
  }

  #who(): string {
    return `${this.protocol.name} ${this.role}`;
  }
}

/** Name, prologue, then the public keys known beforehand, the initiator's first (§5.3 Initialize). */
function startSymmetric(options: HandshakeOptions): SymmetricState {
  const { protocol, role, prologue = nothing, staticKeys, remoteStatic } = options;
  const symmetric = SymmetricState.initialize(protocol);
  symmetric.mixHash(prologue);
  for (const owner of ["initiator", "responder"] as const) {
    if (!protocol.pattern.preMessages[owner]) continue;
    symmetric.mixHash(owner === role ? staticKeys!.publicKey : remoteStatic!); // checked to be there
  }
  return symmetric;
}
