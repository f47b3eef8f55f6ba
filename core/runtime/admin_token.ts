/**
 * The token of the admin API on TCP, in a file that only this user can read: who can read it may do everything.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { MeshError } from "../contracts/errors.ts";
import { openStateDirectory, openStateFile, writeStateFile } from "./state_directory.ts";

const tokenBytes = 32;
/** What a Bearer header can carry (RFC 6750 §2.1), as long as 256 bits in base64url, and no longer than doors take. */
const form = /^(?=.{43,512}$)[A-Za-z0-9._~+/-]{43,}=*$/;

/**
 * The check of a token that a request shows, by the file at `path`, which is made at first use: 256 random bits in
 * base64url, mode 0600. A token of one's own may stand there. In memory is only its hash, so that no dump of this process
 * shows the token; it is compared in a time that tells nothing.
 *
 * Throws `STATE_INSECURE` for a file that others can read, `CONFIG_INVALID` for what is no token, `STATE_UNWRITABLE`,
 * `DISK_FULL`.
 */
export function openAdminToken(path: string): (token: string) => boolean {
  if (!existsSync(dirname(path))) openStateDirectory(dirname(path));
  openStateFile(path);
  // Just made, or by a node that was killed before it wrote.
  if (readFileSync(path, "utf8") === "") writeToken(path);
  const hash = hashOf(readAdminToken(path));
  return (token) => timingSafeEqual(hashOf(token), hash);
}

/** The token in the file at `path`, for a client. Throws `NOT_FOUND`, `CONFIG_INVALID`. */
export function readAdminToken(path: string): string {
  const token = readText(path).trim();
  if (form.test(token)) return token;
  const message =
    `Cannot take a token from ${path}: it holds none of at least 43 letters, digits and -._~+/; ` +
    "remove the file, and the node makes a new one when it starts";
  throw new MeshError("CONFIG_INVALID", message, { details: { path } });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code, message: told } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "there is no such file" : code === "EACCES" ? "not permitted" : told;
    const message = `Cannot read the admin token in ${path}: ${reason}; ` +
      "name the node's with SELVAGE_ADMIN__TOKEN_FILE, or give the token itself in SELVAGE_ADMIN_TOKEN";
    throw new MeshError("NOT_FOUND", message, { cause, details: { path } });
  }
}

function writeToken(path: string): void {
  writeStateFile(path, new TextEncoder().encode(`${randomBytes(tokenBytes).toString("base64url")}\n`));
}

function hashOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
