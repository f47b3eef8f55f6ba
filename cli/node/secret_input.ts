/** Secrets from files, standard input and the environment. */
import { readFile } from "node:fs/promises";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Io } from "../io.ts";

/** Without the line end that editors put there. Rejects `INVALID_ARGUMENT`. */
export async function readSecretFile(path: string, what: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "there is no such file" : message;
    throw new MeshError("INVALID_ARGUMENT", `Cannot read the ${what} from ${path}: ${reason}`, { cause });
  }
}

export interface PasswordOptions {
  readonly passwordFile?: string;
  readonly force?: boolean;
}

/** The option wins over `SELVAGE_PASSWORD`. Rejects `INVALID_ARGUMENT`, also for one that is easily guessed. */
export async function readPassword(options: PasswordOptions, io: Io): Promise<string | undefined> {
  const { passwordFile, force = false } = options;
  const password = passwordFile === undefined
    ? io.environment["SELVAGE_PASSWORD"]
    : await readSecretFile(passwordFile, "password");
  if (password === undefined) return undefined;
  const { assertStrongPassword } = await import("../../core/identity/password.ts");
  assertStrongPassword(password, force);
  return password;
}

export interface TokenSource {
  /** From the command line; `-` is standard input. */
  readonly argument: string | undefined;
  readonly file: string | undefined;
}

/** The argument wins over the file, the file over `SELVAGE_TOKEN`. */
export async function readToken({ argument, file }: TokenSource, io: Io): Promise<string | undefined> {
  if (argument === "-") return (await io.read()).trim();
  if (argument !== undefined) return argument;
  return file === undefined ? io.environment["SELVAGE_TOKEN"] : await readSecretFile(file, "token");
}
