import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { redacted } from "../../core/identity/secret.ts";
import { test } from "../../tests/harness.ts";
import { run, temporaryDirectory } from "../io_fixture.ts";
import { type ShownSetting, withoutSecrets } from "./shown_setting.ts";

test("what is called a secret is not shown, however deep it is", () => {
  assert.equal(withoutSecrets(["policy", "apiToken"], "x"), redacted);
  assert.equal(withoutSecrets(["psk"], "x"), redacted);
  assert.deepEqual(withoutSecrets(["discovery", "servers"], [{ host: "a", password: "x" }]), [
    { host: "a", password: redacted },
  ]);
  assert.deepEqual(withoutSecrets(["ipam", "range"], "10.0.0.0/8"), "10.0.0.0/8");
  assert.equal(withoutSecrets(["admin", "tokenFile"], "/run/token"), "/run/token", "a place is no secret");
});

test("who a URL logs in as, and a join token, are not shown under any name", () => {
  const shown = (text: string) => withoutSecrets(["policy", "server"], text);
  assert.equal(shown("https://eve:hunter2@db.example:1/x?y@z"), `https://${redacted}@db.example:1/x?y@z`);
  assert.equal(shown("a https://key@b c"), `a https://${redacted}@b c`);
  assert.equal(shown("https://db.example/@eve"), "https://db.example/@eve");
  assert.equal(shown(`join selvage1-${"ab7".repeat(20)}!`), `join ${redacted}!`);
  assert.equal(shown("selvage-1"), "selvage-1");
});

test("an option that its plugin's schema calls secret is not shown, whatever its name", async () => {
  using directory = temporaryDirectory();
  const contracts = new URL("../../mod.ts", import.meta.url).href;
  writeFileSync(
    join(directory.path, "vault.mjs"),
    `import { definePlugin } from "${contracts}";
     const properties = { door: { writeOnly: true }, word: { format: "password", default: "hunter1" }, open: {} };
     const jsonSchema = { input: () => ({ properties }), output: () => ({}) };
     const config = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }), jsonSchema } };
     export const plugin = definePlugin({ slot: "policy", name: "vault", config, create: () => ({}) });`,
  );
  const file = join(directory.path, "selvage.yaml");
  writeFileSync(
    file,
    "policy: { use: ./vault.mjs, door: { left: hunter2, right: [hunter3] }, open: wide }\n",
  );
  const { out, words } = await run(["config", "show", "--config", file, "-o", "json"]);
  assert.ok(!out.includes("hunter"), `${out}${words}`);
  const { settings } = JSON.parse(out) as { settings: readonly ShownSetting[] };
  const policy = settings.filter(({ path }) => path.startsWith("policy."));
  assert.deepEqual(policy.map(({ path, value }) => [path, value]), [
    ["policy.door.left", redacted],
    ["policy.door.right", redacted],
    ["policy.open", "wide"],
    ["policy.use", "./vault.mjs"],
    ["policy.word", redacted],
  ]);
  const environment = { SELVAGE_POLICY: JSON.stringify({ use: "./vault.mjs", door: { left: "hunter2" } }) };
  const whole = await run(["config", "show", "--config", file, "-o", "json"], { environment });
  assert.ok(whole.out.includes("policy.door.left"), whole.words);
  assert.ok(!whole.out.includes("hunter"), `${whole.out}${whole.words}`);
});
