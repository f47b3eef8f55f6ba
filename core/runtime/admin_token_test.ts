import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "../../tests/harness.ts";
import { openAdminToken, readAdminToken } from "./admin_token.ts";
import { withDirectory } from "./temporary_directory_fixture.ts";

test("a token is made at first use, of 256 bits and for this user alone, and is the same ever after", async () => {
  await withDirectory((directory) => {
    const path = join(directory, "admin.token");
    const isToken = openAdminToken(path);
    const token = readAdminToken(path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(Buffer.from(token, "base64url").length, 32);
    assert.ok(isToken(token));
    assert.ok(openAdminToken(path)(token));
    const other = join(directory, "other.token");
    openAdminToken(other);
    assert.notEqual(readAdminToken(other), token);
  });
});

test("no other token is taken, however close", async () => {
  await withDirectory((directory) => {
    const path = join(directory, "admin.token");
    const isToken = openAdminToken(path);
    const token = readAdminToken(path);
    const changed = `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
    for (const wrong of ["", token.slice(1), `${token}=`, ` ${token}`, token.toLowerCase(), changed]) {
      assert.equal(isToken(wrong), false, wrong);
    }
  });
});

test("a file that others can read is refused, and so is a link", async () => {
  await withDirectory((directory) => {
    const path = join(directory, "admin.token");
    openAdminToken(path);
    chmodSync(path, 0o640);
    assert.throws(() => openAdminToken(path), { code: "STATE_INSECURE", message: /chmod 600/ });
    chmodSync(path, 0o600);
    const link = join(directory, "link");
    symlinkSync(path, link);
    assert.throws(() => openAdminToken(link), { code: "STATE_INSECURE" });
  });
}, { skip: process.getuid === undefined ? "no POSIX users" : undefined });

test("a token of one's own is taken if it is long enough, and what is none is named", async () => {
  await withDirectory((directory) => {
    const path = join(directory, "admin.token");
    const own = "0123456789abcdef".repeat(4);
    writeFileSync(path, `${own}\n`, { mode: 0o600 });
    assert.ok(openAdminToken(path)(own));
    const tooLong = `${"a".repeat(512)}=`;
    for (const wrong of [tooLong, "short", "with a space".repeat(9), "é".repeat(50), `${own}\n${own}`]) {
      writeFileSync(path, wrong);
      assert.throws(() => openAdminToken(path), { code: "CONFIG_INVALID", message: /remove the file/ });
    }
    assert.throws(() => readAdminToken(join(directory, "none")), { code: "NOT_FOUND" });
  });
});

test("an empty file, left by a node that was killed, gets its token", async () => {
  await withDirectory((directory) => {
    const path = join(directory, "state", "admin.token");
    openAdminToken(path);
    writeFileSync(path, "");
    const isToken = openAdminToken(path);
    assert.ok(existsSync(path) && isToken(readFileSync(path, "utf8").trim()));
  });
});
