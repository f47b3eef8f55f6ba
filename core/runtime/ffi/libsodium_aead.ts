/**
 * The AEADs of libsodium, for a Deno on a machine without OpenSSL 3. AES-GCM is among them only on processors with
 * instructions for it. One call seals a packet, but its last four arguments travel on the stack, where a number of 32
 * bits leaves the upper half of a pointer undefined; they are passed as 64 bits, which costs more.
 */
import type { AeadName } from "../../contracts/aead.ts";
import { MeshError } from "../../contracts/errors.ts";
import type { Arena } from "../../datapath/arena.ts";
import type { ArenaAeadKey, ArenaAeadSuite } from "../../datapath/arena_aead.ts";
import type { Foreign, ForeignCalls, Handle } from "./foreign.ts";
import { mapArena } from "./system_arena.ts";

/** Ciphertext, tag, length of the tag; message and its length; header | length of the header, nothing, nonce, key. */
const SEAL = [
  ...["address", "address", "address", "address", "address", "address"] as const,
  ...["i64", "i64", "i64", "handle"] as const,
] as const;
/** Message, nothing, ciphertext and its length, tag, header | length of the header, nonce, key. */
const OPEN = [
  ...["address", "address", "address", "address", "address", "address"] as const,
  ...["i64", "i64", "handle"] as const,
] as const;

const SODIUM = {
  init: { symbol: "sodium_init", parameters: [], result: "i32" },
  hasAes: { symbol: "crypto_aead_aes256gcm_is_available", parameters: [], result: "i32" },
  wipe: { symbol: "sodium_memzero", parameters: ["handle", "u32"], result: "void" },
  expandAes: { symbol: "crypto_aead_aes256gcm_beforenm", parameters: ["handle", "address"], result: "i32" },
  sealAes: {
    symbol: "crypto_aead_aes256gcm_encrypt_detached_afternm",
    parameters: SEAL,
    result: "i32",
  },
  openAes: {
    symbol: "crypto_aead_aes256gcm_decrypt_detached_afternm",
    parameters: OPEN,
    result: "i32",
  },
  sealChaCha: {
    symbol: "crypto_aead_chacha20poly1305_ietf_encrypt_detached",
    parameters: SEAL,
    result: "i32",
  },
  openChaCha: {
    symbol: "crypto_aead_chacha20poly1305_ietf_decrypt_detached",
    parameters: OPEN,
    result: "i32",
  },
} as const;

const MEMORY = {
  take: { symbol: "aligned_alloc", parameters: ["u32", "u32"], result: "handle" },
  give: { symbol: "free", parameters: ["handle"], result: "void" },
  copy: { symbol: "memcpy", parameters: ["handle", "address", "u32"], result: "handle" },
} as const;

const headerLength = 16;
const tagLength = 16;
const secretLength = 32;
/** `crypto_aead_aes256gcm_statebytes()`, and the alignment that it must have. */
const stateLength = 512;
const stateAlignment = 16;
/** Offsets in a page of its own. */
const AT = { nonce: 0, secret: 16 } as const;

/** One per cipher that this processor can do. Throws `UNSUPPORTED` where there is no libsodium. Called once in a thread. */
export function libsodiumSuites(foreign: Foreign): readonly ArenaAeadSuite[] {
  const sodium = foreign.functions("libsodium.so.23", SODIUM);
  const memory = foreign.functions(null, MEMORY);
  // 0 the first time, 1 when somebody in this process did it before.
  if (sodium.init() < 0) throw refused("libsodium did not start; choose another implementation");
  const library = { sodium, memory, scratch: mapArena(foreign, 64) };
  const names: AeadName[] = ["chacha20-poly1305"];
  if (sodium.hasAes() === 1) names.unshift("aes-256-gcm");
  return names.map((name) => ({
    name,
    implementation: `libsodium ${foreign.way}`,
    key: (secret: Uint8Array, arena: Arena) => new LibsodiumKey(name, library, { secret, arena }),
  }));
}

interface Library {
  readonly sodium: ForeignCalls<typeof SODIUM>;
  readonly memory: ForeignCalls<typeof MEMORY>;
  readonly scratch: Arena;
}

interface Given {
  readonly secret: Uint8Array;
  readonly arena: Arena;
}

class LibsodiumKey implements ArenaAeadKey {
  readonly #library: Library;
  readonly #isAes: boolean;
  readonly #base: number;
  readonly #size: number;
  #state: Handle;

  constructor(name: AeadName, library: Library, { secret, arena }: Given) {
    this.#library = library;
    this.#isAes = name === "aes-256-gcm";
    this.#base = arena.address;
    this.#size = arena.bytes.length;
    const { sodium, memory, scratch } = library;
    this.#state = memory.take(stateAlignment, stateLength);
    if (this.#state === null) throw refused("no memory is left; free some");
    scratch.bytes.set(secret.subarray(0, secretLength), AT.secret);
    if (this.#isAes) sodium.expandAes(this.#state, scratch.address + AT.secret);
    else memory.copy(this.#state, scratch.address + AT.secret, secretLength);
    scratch.bytes.fill(0, AT.secret, AT.secret + secretLength);
  }

  // deno-lint-ignore selvage/max-parameters -- numbers only: an object for each packet would be garbage
  seal(low: number, high: number, header: number, plain: number, length: number, out: number): boolean {
    const state = this.#state;
    if (state === null || !this.#reaches(header, headerLength)) return false;
    if (!this.#reaches(plain, length) || !this.#reaches(out, length + tagLength)) return false;
    const base = this.#base;
    const [to, tag, from, ad] = [base + out, base + out + length, base + plain, base + header];
    const nonce = this.#nonce(low, high);
    const { sodium } = this.#library;
    return this.#isAes
      ? sodium.sealAes(to, tag, 0, from, length, ad, headerLength, 0, nonce, state) === 0
      : sodium.sealChaCha(to, tag, 0, from, length, ad, headerLength, 0, nonce, state) === 0;
  }

  // deno-lint-ignore selvage/max-parameters -- numbers only: an object for each packet would be garbage
  open(low: number, high: number, header: number, sealed: number, length: number, out: number): boolean {
    const state = this.#state;
    const plain = length - tagLength;
    if (state === null || !this.#reaches(header, headerLength)) return false;
    if (!this.#reaches(sealed, length) || !this.#reaches(out, plain)) return false;
    const base = this.#base;
    const [to, from, tag, ad] = [base + out, base + sealed, base + sealed + plain, base + header];
    const nonce = this.#nonce(low, high);
    const { sodium } = this.#library;
    return this.#isAes
      ? sodium.openAes(to, 0, from, plain, tag, ad, headerLength, nonce, state) === 0
      : sodium.openChaCha(to, 0, from, plain, tag, ad, headerLength, nonce, state) === 0;
  }

  #reaches(at: number, length: number): boolean {
    return (at | length) >= 0 && at + length <= this.#size;
  }

  /** Its address. Noise, revision 34: §12.3 and §12.4. */
  #nonce(low: number, high: number): number {
    const { view, address } = this.#library.scratch;
    view.setUint32(AT.nonce + 4, this.#isAes ? high : low, !this.#isAes);
    view.setUint32(AT.nonce + 8, this.#isAes ? low : high, !this.#isAes);
    return address + AT.nonce;
  }

  free(): void {
    if (this.#state === null) return;
    const { sodium, memory } = this.#library;
    sodium.wipe(this.#state, stateLength);
    memory.give(this.#state);
    this.#state = null;
  }
}

function refused(why: string): MeshError {
  return new MeshError("UNSUPPORTED", `Cannot use libsodium: ${why}`);
}
