/**
 * The AEADs of OpenSSL 3 through its EVP interface: in Deno those of the system's libcrypto, in Node those that Node was
 * built with. A second libcrypto in a Node crashes at use, because the names of both are one.
 *
 * Most of what EVP costs for a small packet is not the cipher: a new nonce by `EVP_CipherInit_ex2` and the two controls for
 * the tag go through parameter lists that the library builds anew each time. Here the lists lie ready, and with AES-GCM the
 * nonce is one of the parameters. That is less trodden ground than an initialisation, so there is a suite for each; the
 * self-test at start takes the faster one that gives the right bytes. ChaCha20-Poly1305 takes a nonce by
 * initialisation only: what it accepts as a parameter is used for TLS records and nothing else.
 *
 * Rejected: `EVP_Cipher`, which ends a message when called without input with AES-GCM, but with ChaCha20-Poly1305 checks
 * no tag and reports success; the mode for TLS records, one call less, whose associated data are 13 bytes.
 */
import type { AeadName } from "../../contracts/aead.ts";
import { MeshError } from "../../contracts/errors.ts";
import type { Arena } from "../../datapath/arena.ts";
import type { ArenaAeadKey, ArenaAeadSuite } from "../../datapath/arena_aead.ts";
import type { Foreign, ForeignCalls, Handle } from "./foreign.ts";
import { LibcryptoScratch, scratchLength } from "./libcrypto_scratch.ts";
import { mapArena } from "./system_arena.ts";

const EVP = {
  fetch: { symbol: "EVP_CIPHER_fetch", parameters: ["handle", "address", "address"], result: "handle" },
  newContext: { symbol: "EVP_CIPHER_CTX_new", parameters: [], result: "handle" },
  freeContext: { symbol: "EVP_CIPHER_CTX_free", parameters: ["handle"], result: "void" },
  init: {
    symbol: "EVP_CipherInit_ex2",
    parameters: ["handle", "handle", "address", "address", "i32", "address"],
    result: "i32",
  },
  set: { symbol: "EVP_CIPHER_CTX_set_params", parameters: ["handle", "address"], result: "i32" },
  get: { symbol: "EVP_CIPHER_CTX_get_params", parameters: ["handle", "address"], result: "i32" },
  sealPart: {
    symbol: "EVP_EncryptUpdate",
    parameters: ["handle", "address", "address", "address", "i32"],
    result: "i32",
  },
  openPart: {
    symbol: "EVP_DecryptUpdate",
    parameters: ["handle", "address", "address", "address", "i32"],
    result: "i32",
  },
  endSeal: {
    symbol: "EVP_EncryptFinal_ex",
    parameters: ["handle", "address", "address"],
    result: "i32",
  },
  endOpen: {
    symbol: "EVP_DecryptFinal_ex",
    parameters: ["handle", "address", "address"],
    result: "i32",
  },
  clearErrors: { symbol: "ERR_clear_error", parameters: [], result: "void" },
} as const;

type Evp = ForeignCalls<typeof EVP>;

/** `enc` of `EVP_CipherInit_ex2`. */
const DIRECTION = { open: 0, seal: 1 } as const;
const headerLength = 16;
const tagLength = 16;
const names: readonly AeadName[] = ["aes-256-gcm", "chacha20-poly1305"];

/**
 * Both ciphers, AES-GCM twice. Throws `UNSUPPORTED` where there is no OpenSSL 3. Called once in a
 * thread: compilers of both runtimes make a direct call of a foreign function only while a place calls one such function.
 */
export function libcryptoSuites(foreign: Foreign): readonly ArenaAeadSuite[] {
  const evp = foreign.functions(foreign.way === "Deno.dlopen" ? "libcrypto.so.3" : null, EVP);
  const memory = mapArena(foreign, names.length * scratchLength);
  return names.flatMap((name, i) => {
    const scratch = new LibcryptoScratch(name, memory, i * scratchLength);
    const cipher = evp.fetch(null, scratch.name, 0);
    return starts[name].map((start) => {
      const implementation = `libcrypto ${foreign.way} by ${start}`;
      const library = { evp, scratch, cipher, start };
      return {
        name,
        implementation,
        key: (secret: Uint8Array, arena: Arena) => new LibcryptoKey(library, secret, arena),
      };
    });
  });
}

/** How a message is started: with the nonce as a parameter, or by `EVP_CipherInit_ex2`. */
type Start = "parameter" | "init";

const starts: Readonly<Record<AeadName, readonly Start[]>> = {
  "aes-256-gcm": ["parameter", "init"],
  "chacha20-poly1305": ["init"],
};

interface Library {
  readonly evp: Evp;
  readonly scratch: LibcryptoScratch;
  readonly cipher: Handle;
  readonly start: Start;
}

class LibcryptoKey implements ArenaAeadKey {
  readonly #evp: Evp;
  readonly #scratch: LibcryptoScratch;
  readonly #byInit: boolean;
  readonly #base: number;
  readonly #size: number;
  #context: Handle;
  /** What the context was last told to do. A session's keys go one way for life; to turn one costs as much as a start. */
  #direction: number = DIRECTION.seal;

  constructor({ evp, scratch, cipher, start }: Library, secret: Uint8Array, arena: Arena) {
    this.#evp = evp;
    this.#scratch = scratch;
    this.#byInit = start === "init";
    this.#base = arena.address;
    this.#size = arena.bytes.length;
    scratch.setSecret(secret);
    this.#context = evp.newContext();
    const ready = cipher !== null && this.#context !== null &&
      evp.init(this.#context, cipher, scratch.secret, 0, DIRECTION.seal, 0) === 1;
    scratch.wipeSecret();
    if (!ready) throw this.#refused();
  }

  #refused(): MeshError {
    this.free();
    this.#evp.clearErrors();
    const why = "OpenSSL refused the cipher; choose another implementation or another cipher";
    return new MeshError("UNSUPPORTED", `Cannot make a key: ${why}`);
  }

  // deno-lint-ignore selvage/max-parameters -- numbers only: an object for each packet would be garbage
  seal(low: number, high: number, header: number, plain: number, length: number, out: number): boolean {
    const context = this.#context;
    if (context === null || !this.#reaches(header, headerLength)) return false;
    if (!this.#reaches(plain, length) || !this.#reaches(out, length + tagLength)) return false;
    const evp = this.#evp;
    const scratch = this.#scratch;
    const base = this.#base;
    scratch.setCounter(low, high);
    scratch.putTagAt(base + out + length);
    const sealed = this.#begin(DIRECTION.seal, scratch.sealList, 0) &&
      evp.sealPart(context, 0, scratch.written, base + header, headerLength) === 1 &&
      evp.sealPart(context, base + out, scratch.written, base + plain, length) === 1 &&
      evp.endSeal(context, scratch.spare, scratch.written) === 1 &&
      evp.get(context, scratch.tagList) === 1;
    return sealed || this.#failed();
  }

  // deno-lint-ignore selvage/max-parameters -- numbers only: an object for each packet would be garbage
  open(low: number, high: number, header: number, sealed: number, length: number, out: number): boolean {
    const plain = length - tagLength;
    const context = this.#context;
    if (context === null || !this.#reaches(header, headerLength)) return false;
    if (!this.#reaches(sealed, length) || !this.#reaches(out, plain)) return false;
    const evp = this.#evp;
    const scratch = this.#scratch;
    const base = this.#base;
    scratch.setCounter(low, high);
    scratch.takeTagAt(base + sealed + plain);
    const opened = this.#begin(DIRECTION.open, scratch.openList, scratch.openTagList) &&
      evp.openPart(context, 0, scratch.written, base + header, headerLength) === 1 &&
      evp.openPart(context, base + out, scratch.written, base + sealed, plain) === 1 &&
      evp.endOpen(context, scratch.spare, scratch.written) === 1;
    return opened || this.#failed();
  }

  /** The library reads and writes wherever it is told to: a compare is cheaper than to find out who overwrote what. */
  #reaches(at: number, length: number): boolean {
    return (at | length) >= 0 && at + length <= this.#size;
  }

  /** A new message: `list` with the nonce among the parameters, `rest` without it. */
  #begin(direction: number, list: number, rest: number): boolean {
    if (this.#direction === direction && !this.#byInit) return this.#evp.set(this.#context, list) === 1;
    this.#direction = direction;
    return this.#evp.init(this.#context, null, 0, this.#scratch.nonce, direction, rest) === 1;
  }

  /**
   * A message given up halfway must not run into the next one, and what the library noted in this thread's list of errors
   * must not be read by other users of OpenSSL, such as `node:crypto`. A forged packet pays for it.
   */
  #failed(): false {
    this.#evp.init(this.#context, null, 0, this.#scratch.nonce, this.#direction, 0);
    this.#evp.clearErrors();
    return false;
  }

  /** `EVP_CIPHER_CTX_free` overwrites the key and what was derived from it. */
  free(): void {
    if (this.#context !== null) this.#evp.freeContext(this.#context);
    this.#context = null;
  }
}
