/** Tokens made on this node. The secret of a token is shown once and never kept: any member can derive it again. */
import { MeshError } from "../contracts/errors.ts";
import type { TokenReference } from "../contracts/membership.ts";
import type { IssuedToken, TokenAdmin, TokenOptions, TokenStatus } from "../contracts/node.ts";
import type { Store } from "../contracts/store.ts";
import type { Endpoint } from "../contracts/values.ts";
import { deriveTokenKey, tokenIdBytes } from "../identity/network_key.ts";
import { signRevocation } from "../identity/revocation.ts";
import { Secret } from "../identity/secret.ts";
import { formatToken, isExpired, maxTokenSeeds } from "../identity/token.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { decodeHex, encodeHex } from "../wire/hex.ts";
import type { NetworkState } from "./network_state.ts";
import type { Platform } from "./platform.ts";
import { storeKeys } from "./state_records.ts";

export interface TokenParts {
  readonly platform: Platform;
  readonly state: NetworkState;
  readonly store: Store;
  /** Where a joiner may knock, best first. */
  seeds(): readonly Endpoint[];
  /** Shuts out: signs, keeps and spreads the records, and changes the network key. */
  exclude(records: readonly Uint8Array[]): Promise<void>;
}

interface Remembered extends TokenReference {
  /** Epoch of the network key it was derived from: void once there is a newer one. */
  readonly epoch: number;
}

const storedVersion = 1;
const defaultLifetimeSeconds = 24 * 3600;
const maxLifetimeSeconds = 10 * 365 * 24 * 3600;

export class Tokens implements TokenAdmin {
  readonly #parts: TokenParts;

  constructor(parts: TokenParts) {
    this.#parts = parts;
  }

  async create(options: TokenOptions = {}): Promise<IssuedToken> {
    const { platform, state, store } = this.#parts;
    const reference: TokenReference = {
      id: platform.random.fill(new Uint8Array(tokenIdBytes)),
      expires: Math.floor(platform.clock.wall() / 1000) + checkedLifetime(options),
    };
    const token = formatToken({
      ...reference,
      networkId: state.networkId()!,
      seeds: this.#parts.seeds().slice(0, maxTokenSeeds),
      key: new Secret(deriveTokenKey(state.networkKeys()[0]!, reference)),
    });
    const id = encodeHex(reference.id);
    const value = encodeCbor({
      v: storedVersion,
      expires: reference.expires,
      epoch: state.newestKey().epoch,
    });
    await store.commit([{ key: storeKeys.tokens + id, value }]);
    return { id, token, expires: isoTime(reference), join: `selvage join ${token}` };
  }

  list(): readonly TokenStatus[] {
    return [...this.#remembered()].map(([id, token]) => ({
      id,
      expires: isoTime(token),
      state: this.#stateOf(token),
    }));
  }

  async revoke(id: string): Promise<void> {
    const { state, platform } = this.#parts;
    const bytes = decodeHex(id);
    if (bytes === undefined || bytes.length !== tokenIdBytes) {
      throw new MeshError(
        "NOT_FOUND",
        `"${id}" is not the id of a token; see the ids with \`selvage token ls\``,
      );
    }
    const record = signRevocation(state.self, {
      networkId: state.networkId()!,
      epoch: state.newestKey().epoch,
      wall: platform.clock.wall(),
      target: { type: "token", id: bytes },
    });
    await this.#parts.exclude([record]);
  }

  #stateOf(token: Remembered): TokenStatus["state"] {
    const { state, platform } = this.#parts;
    if (state.trust().isTokenRevoked(token.id) || token.epoch < state.newestKey().epoch) return "revoked";
    return isExpired(token, platform.clock.wall()) ? "expired" : "valid";
  }

  *#remembered(): Iterable<readonly [string, Remembered]> {
    for (const [key, value] of this.#parts.store.entries(storeKeys.tokens)) {
      const id = key.slice(storeKeys.tokens.length);
      const token = readToken(id, value);
      if (token !== undefined) yield [id, token];
    }
  }
}

/**
 * Undefined for damaged bytes and for those of a newer version: the list of what was made here is for the operator's
 * eyes, nothing depends on it.
 */
function readToken(id: string, value: Uint8Array): Remembered | undefined {
  try {
    const { v, expires, epoch } = decodeCbor(value) as Omit<Remembered, "id"> & { readonly v: unknown };
    if (v !== storedVersion) return undefined;
    const bytes = decodeHex(id);
    const isWhole = Number.isSafeInteger(expires) && Number.isSafeInteger(epoch);
    return bytes !== undefined && isWhole ? { id: bytes, expires, epoch } : undefined;
  } catch {
    return undefined;
  }
}

function checkedLifetime({ lifetimeSeconds = defaultLifetimeSeconds }: TokenOptions): number {
  if (
    Number.isSafeInteger(lifetimeSeconds) && lifetimeSeconds >= 1 && lifetimeSeconds <= maxLifetimeSeconds
  ) {
    return lifetimeSeconds;
  }
  throw new MeshError("INVALID_ARGUMENT", "Cannot make this token: its lifetime is 1 second to 10 years");
}

function isoTime({ expires }: TokenReference): string {
  return new Date(expires * 1000).toISOString();
}
