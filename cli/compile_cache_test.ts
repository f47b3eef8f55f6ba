import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "../tests/harness.ts";
import { compiledPlace } from "./compile_cache.ts";
import { version } from "./version.ts";

test("what was compiled is kept by version, and that of other versions goes", () => {
  using scratch = new Scratch();
  const old = join(scratch.directory, "compiled/0.0.1/v24");
  mkdirSync(old, { recursive: true, mode: 0o700 });
  const place = compiledPlace(scratch.directory);
  assert.equal(place, join(scratch.directory, "compiled", version));
  assert.equal(existsSync(old), false);
  writeFileSync(join(scratch.made("v26"), "one"), "");
  assert.equal(compiledPlace(scratch.directory), place);
  assert.equal(existsSync(join(place, "v26/one")), true);
});

test("nothing is kept, and nothing run, where others may write", () => {
  for (const part of ["", "compiled", `compiled/${version}`]) {
    using scratch = new Scratch();
    scratch.made("v26");
    assert.notEqual(compiledPlace(scratch.directory), undefined);
    chmodSync(join(scratch.directory, part), 0o777);
    assert.equal(compiledPlace(scratch.directory), undefined, part);
  }
});

test("a link in the place of what is kept is not followed", () => {
  using scratch = new Scratch();
  using elsewhere = new Scratch();
  mkdirSync(join(scratch.directory, "compiled"), { mode: 0o700 });
  symlinkSync(elsewhere.directory, join(scratch.directory, "compiled", version));
  assert.equal(compiledPlace(scratch.directory), undefined);
});

test("nothing is kept, and nothing removed, where others could put another directory in its place", () => {
  using scratch = new Scratch();
  using target = new Scratch();
  const own = join(scratch.directory, "selvage");
  mkdirSync(own, { mode: 0o700 });
  assert.notEqual(compiledPlace(own), undefined);
  chmodSync(scratch.directory, 0o777);
  assert.equal(compiledPlace(own), undefined);
  chmodSync(scratch.directory, 0o1777);
  assert.equal(compiledPlace(own), join(own, "compiled", version), "in a sticky directory nobody can");
  const theirs = join(target.directory, "compiled/of somebody");
  mkdirSync(theirs, { recursive: true });
  chmodSync(target.directory, 0o770);
  symlinkSync(target.directory, join(scratch.directory, "linked"));
  assert.equal(compiledPlace(join(scratch.directory, "linked")), undefined);
  assert.equal(existsSync(theirs), true);
});

test("nothing is kept below the working directory, where a user without a home would have it", () => {
  assert.equal(compiledPlace(".cache/selvage"), undefined);
  assert.equal(existsSync(".cache/selvage"), false);
});

test("where no directory can be made nothing is kept", () => {
  using scratch = new Scratch();
  writeFileSync(join(scratch.directory, "file"), "");
  assert.equal(compiledPlace(join(scratch.directory, "file")), undefined);
});

class Scratch implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "selvage-compiled-"));

  /** As Node makes one of its own. */
  made(name: string): string {
    const path = join(this.directory, "compiled", version, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
