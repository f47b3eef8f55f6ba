import type { AeadName } from "../../contracts/aead.ts";
import type { Arena } from "../../datapath/arena.ts";

/** Bytes of one block. */
export const scratchLength = 512;

/** Where the parts of a block lie in it. */
const AT = {
  nonce: 0,
  written: 16,
  spare: 32,
  name: 48,
  secret: 96,
  seal: 128,
  tag: 208,
  open: 288,
} as const;
const NAMES = { nonce: { at: 64, text: "tlsivfixed" }, tag: { at: 80, text: "tag" } } as const;

/** `OSSL_PARAM` of openssl/core.h on 64-bit machines; an array of them ends with one whose key is null. */
const PARAMETER = { bytes: 40, type: 8, data: 16, size: 24 } as const;
const OCTET_STRING = 5;
const tagLength = 16;

/** What `EVP_CIPHER_fetch` knows the ciphers by. */
const EVP_NAMES: Readonly<Record<AeadName, string>> = {
  "aes-256-gcm": "AES-256-GCM",
  "chacha20-poly1305": "ChaCha20-Poly1305",
};

/**
 * What the calls of one cipher point at: the nonce, and the parameter lists that name nonce and tag. Written once, so that
 * a packet costs three stores. One block serves all keys of a cipher, because a thread seals one packet at a time.
 *
 * The parameter of the nonce is that by which TLS fixes a part of it for a connection; with a size of -1 AES-GCM takes all
 * of it, as openssl/evp.h has it for `EVP_CTRL_GCM_SET_IV_FIXED`. To set it is to start a new message, for half of what
 * `EVP_CipherInit_ex2` costs. Lists with it are for AES-GCM alone.
 */
export class LibcryptoScratch {
  /** Addresses: of the cipher's name, a key, the nonce, the count of bytes that a call wrote, and room for 16 bytes. */
  readonly name: number;
  readonly secret: number;
  readonly nonce: number;
  readonly written: number;
  readonly spare: number;
  /** Addresses of parameter lists: the nonce; the tag; the nonce and the tag. */
  readonly sealList: number;
  readonly tagList: number;
  readonly openList: number;
  readonly #view: DataView;
  readonly #start: number;
  readonly #littleEndian: boolean;

  /** `start`: offset of {@link scratchLength} bytes in the arena, which nobody else uses. */
  constructor(cipher: AeadName, { view, address }: Arena, start: number) {
    const base = address + start;
    this.#view = new DataView(view.buffer, view.byteOffset + start, scratchLength);
    this.#start = base;
    // Noise, revision 34: §12.3 and §12.4.
    this.#littleEndian = cipher === "chacha20-poly1305";
    this.name = base + AT.name;
    this.secret = base + AT.secret;
    this.nonce = base + AT.nonce;
    this.written = base + AT.written;
    this.spare = base + AT.spare;
    this.sealList = base + AT.seal;
    this.tagList = base + AT.tag;
    this.openList = base + AT.open;
    for (const { at, text } of Object.values(NAMES)) this.#text(at, text);
    this.#text(AT.name, EVP_NAMES[cipher]);
    for (const list of [AT.seal, AT.open]) this.#nonceAt(list);
    for (const list of [AT.tag, AT.open + PARAMETER.bytes]) this.#parameter(list, NAMES.tag.at, tagLength);
  }

  #text(at: number, text: string): void {
    for (let i = 0; i < text.length; i++) this.#view.setUint8(at + i, text.charCodeAt(i));
    this.#view.setUint8(at + text.length, 0);
  }

  #nonceAt(list: number): void {
    this.#parameter(list, NAMES.nonce.at, 0);
    this.#view.setBigInt64(list + PARAMETER.size, -1n, true);
    this.#view.setUint32(list + PARAMETER.data, this.nonce, true);
  }

  /** Little-endian, as all machines are that have a build of either runtime. */
  #parameter(at: number, name: number, size: number): void {
    this.#view.setUint32(at, this.#start + name, true);
    this.#view.setUint32(at + PARAMETER.type, OCTET_STRING, true);
    this.#view.setUint32(at + PARAMETER.size, size, true);
  }

  /** Four zero bytes, then the counter. */
  setCounter(low: number, high: number): void {
    const little = this.#littleEndian;
    this.#view.setUint32(AT.nonce + 4, little ? low : high, little);
    this.#view.setUint32(AT.nonce + 8, little ? high : low, little);
  }

  /** Where `tagList` says the tag is to go. */
  putTagAt(address: number): void {
    this.#view.setUint32(AT.tag + PARAMETER.data, address, true);
  }

  /** Where `openList` says the tag is. */
  takeTagAt(address: number): void {
    this.#view.setUint32(AT.open + PARAMETER.bytes + PARAMETER.data, address, true);
  }

  /** For as long as a call needs it; the caller wipes it after that. */
  setSecret(secret: Uint8Array): void {
    for (let i = 0; i < secret.length; i++) this.#view.setUint8(AT.secret + i, secret[i]!);
  }

  wipeSecret(): void {
    for (let i = AT.secret; i < AT.seal; i++) this.#view.setUint8(i, 0);
  }

  /** `openList` without the nonce. */
  get openTagList(): number {
    return this.openList + PARAMETER.bytes;
  }
}
