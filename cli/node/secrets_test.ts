/** Two nodes as a user runs them, and every text that they give away: none of it may hold what must stay with them. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../core/contracts/store.ts";
import { decodeIdentity } from "../../core/identity/identity.ts";
import { parseToken } from "../../core/identity/token.ts";
import { readNetwork, storeKeys } from "../../core/node/state_records.ts";
import { SqliteFile } from "../../core/runtime/sqlite_file.ts";
import { encodeBase32 } from "../../core/wire/base32.ts";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import { run, temporaryDirectory } from "../io_fixture.ts";

const password = "Zwölf Boxkämpfer jagen Viktor quer über den Deich";

interface Running {
  readonly stateDir: string;
  /** The join command, where there is one. */
  readonly out: () => string;
  readonly words: () => string;
  stop(): Promise<void>;
}

/** A node in the foreground at debug level, once it is ready. */
async function start(
  stateDir: string,
  argv: readonly string[],
  secrets: Record<string, string>,
): Promise<Running> {
  const written = { out: "", words: "" };
  const interrupted = new AbortController();
  const ready = Promise.withResolvers<void>();
  const place = ["--state-dir", stateDir, "--listen", "127.0.0.1:0", "--log-level", "debug"];
  const ended = run([...argv, ...place], {
    environment: { HOME: "/nonexistent", SELVAGE_ADMIN__LISTEN: "127.0.0.1:0", ...secrets },
    interrupted: interrupted.signal,
    out: (text) => void (written.out += text),
    say: (text) => {
      written.words += text;
      if (text.includes("is ready in network")) ready.resolve();
    },
  });
  await Promise.race([ready.promise, ended.then(({ code }) => assert.fail(`${code}: ${written.words}`))]);
  const stop = async () => {
    interrupted.abort("SIGINT");
    assert.equal((await ended).code, ExitCode.ok);
  };
  return { stateDir, out: () => written.out, words: () => written.words, stop };
}

/** What the store of a stopped node keeps secret, by name. */
function storedSecrets(stateDir: string): readonly (readonly [string, Uint8Array])[] {
  const file = SqliteFile.open(join(stateDir, "selvage.db"));
  const values = new Map([...file.readAll()].map(({ key, value }) => [key, value]));
  file.close();
  const { signingSeed, noiseSecret } = decodeIdentity(values.get(storeKeys.identity)!);
  const { keys, passwordKey } = readNetwork({ get: (key: string) => values.get(key) } as Store)!;
  return [
    ["signing seed", signingSeed.reveal()],
    ["Noise secret", noiseSecret.reveal()],
    ["password key", passwordKey!],
    ...keys.map(({ epoch, secret }) => [`network key ${epoch}`, secret] as const),
    ["admin token", readFileSync(join(stateDir, "admin.token")).subarray(0, -1)],
  ];
}

/** Every way in which bytes become part of a text by accident. */
function formsOf(secret: Uint8Array): readonly string[] {
  const bytes = Buffer.from(secret);
  const base64 = bytes.toString("base64").replace(/=+$/, "");
  return [
    ...[bytes.toString("utf8"), bytes.toString("latin1"), bytes.toString("hex"), encodeBase32(bytes)],
    ...[base64, bytes.toString("base64url"), [...bytes].join(","), [...bytes].join(", ")],
    ...[JSON.stringify({ ...bytes }).slice(1, -1), [...bytes].map((byte) => `\n- ${byte}`).join("")],
  ].map((form) => form.toLowerCase());
}

test("no report, status or log holds a password, a token or a key, in whatever form", async () => {
  using directory = temporaryDirectory();
  const first = await start(join(directory.path, "a"), ["launch"], { SELVAGE_PASSWORD: password });
  const token = /selvage1-\S+/.exec(first.out())![0];
  const second = await start(join(directory.path, "b"), ["join", "--name", "b"], { SELVAGE_TOKEN: token });
  const texts = new Map<string, string>();
  for (const { stateDir } of [first, second]) {
    const environment = { HOME: "/nonexistent", SELVAGE_PASSWORD: password, SELVAGE_TOKEN: token };
    for (
      const line of [
        "report",
        "report -o yaml",
        "report -f {{.}}{{config}}",
        "status -o json",
        "token ls -o json",
        "config show",
      ]
    ) {
      const { code, out, words } = await run([...line.split(" "), "--state-dir", stateDir], { environment });
      assert.equal(code, ExitCode.ok, `${line}: ${words}`);
      texts.set(`${line} of ${stateDir}`, out + words);
    }
  }
  await second.stop();
  await first.stop();
  texts.set("log of a", first.words());
  texts.set("log of b", second.words());
  const secrets: (readonly [string, Uint8Array])[] = [
    ...storedSecrets(first.stateDir),
    ...storedSecrets(second.stateDir),
    ["password", Buffer.from(password)],
    ["token", Buffer.from(token)],
    ["token key", parseToken(token).key.reveal()],
  ];
  const shown = (text: string) =>
    secrets.filter(([, secret]) => formsOf(secret).some((form) => text.toLowerCase().includes(form)));
  assert.deepEqual(shown(first.out()).map(([name]) => name), ["token"], "the search finds what is there");
  for (const [name, text] of texts) {
    assert.ok(text.length > 10, name);
    assert.deepEqual(shown(text).map(([secret]) => secret), [], name);
  }
});
