/** The closed list of things that can go wrong on the control plane. Callers branch on these, never on text. */
export type ErrorCode =
  | "ADDRESS_TAKEN"
  | "ALREADY_RUNNING"
  | "BIND_FAILED"
  | "CONFIG_INVALID"
  | "DISK_FULL"
  | "EXPIRED"
  | "IDENTITY_CLONED"
  | "INTERNAL"
  | "INVALID_ARGUMENT"
  | "MALFORMED"
  | "NAME_TAKEN"
  | "NETWORK_MISMATCH"
  | "NOT_ADMITTED"
  | "NOT_FOUND"
  | "NOT_RUNNING"
  | "PLUGIN_FAILED"
  | "POOL_EXHAUSTED"
  | "REVOKED"
  | "STATE_CORRUPT"
  | "STATE_INSECURE"
  | "STATE_UNWRITABLE"
  | "TIMEOUT"
  | "TOKEN_INVALID"
  | "UNREACHABLE"
  | "UNSUPPORTED";

export interface MeshErrorOptions {
  readonly cause?: unknown;
  /** Facts for programs: shown by the API beside `code`, never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Every failure that crosses a contract on the control plane. The message says what was attempted and what to do
 * about it: `Cannot bind UDP [::]:6783: address in use; choose another port with --listen`.
 *
 * One class and a closed union of codes: a class per failure invites `instanceof`, which breaks as soon as two copies
 * of this module are loaded.
 */
export class MeshError extends Error {
  override readonly name: string = "MeshError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: MeshErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** The code of any thrown value; what is not ours is `INTERNAL`. */
export function errorCode(error: unknown): ErrorCode {
  return isMeshError(error) ? error.code : "INTERNAL";
}

/** True for a {@link MeshError} of this or another loaded copy of the module. */
export function isMeshError(error: unknown): error is MeshError {
  return error instanceof Error && error.name === "MeshError" && "code" in error;
}
