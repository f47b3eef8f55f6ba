import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import * as schemas from "../../core/admin/schemas.ts";
import { FixtureNode, other, self } from "../../core/admin/mesh_node_fixture.ts";
import { readAdminToken } from "../../core/runtime/admin_token.ts";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import { run as runAlone, temporaryDirectory } from "../io_fixture.ts";
import { serveAdmin } from "../serve_admin.ts";
import { withNode } from "./command_fixture.ts";
import { renderTemplate } from "./report.ts";

const config = () => [{ path: "name", value: "web-1", origin: "--name" }];

test("a report is one JSON document, or the same as YAML", () =>
  withNode(async (run) => {
    const { code, out, words } = await run("report");
    assert.deepEqual([code, words], [ExitCode.ok, ""]);
    const report = schemas.report.parse(JSON.parse(out));
    assert.match(report.platform ?? "", /^[a-z0-9]+ [a-z0-9]+$/);
    assert.deepEqual(report.config, config());
    const yaml = schemas.report.parse(parse((await run("report -o yaml")).out));
    assert.deepEqual({ ...yaml, generated: "" }, { ...report, generated: "" });
  }, { config }));

test("a template takes values, walks lists, and leaves the characters of HTML alone", () =>
  withNode(async (run, node) => {
    node.answers = { name: 'a <b> & "c"' };
    const filled = async (template: string) => (await run(["report", "-f", template])).out;
    assert.equal(await filled("{{status.name}} {{{status.name}}}"), 'a <b> & "c" a <b> & "c"\n');
    assert.equal(
      await filled("{{#connections}}{{endpoint}} {{state}}{{#reason}}: {{.}}{{/reason}}\n{{/connections}}"),
      "198.51.100.7:6783 established\n198.51.100.8:6783 retrying: no answer\n",
    );
    assert.equal(
      await filled("{{#members}}{{peer}}{{^admittedBy}} founder{{/admittedBy}},{{/members}}"),
      `${self} founder,${other},\n`,
    );
    assert.equal(await filled("{{^alerts}}no alerts{{/alerts}}{{nothing.here}}"), "no alerts\n");
    assert.equal(
      await filled("{{drops.noRoute}} {{status.healthy}} {{status.connections}}"),
      [
        "3 true ",
        '{"connecting":0,"established":1,"retrying":1,"failed":0}\n',
      ].join(""),
    );
    assert.equal(await filled("{{nothing}}"), "", "no line for nothing");
  }));

test("a template may come from a file", () =>
  withNode(async (run) => {
    using directory = temporaryDirectory();
    const file = join(directory.path, "peers.mustache");
    writeFileSync(file, "{{#peers}}\n{{name}}\n{{/peers}}\n");
    assert.equal((await run(["report", "--template-file", file])).out, "web-1\n");
  }));

test("what other hosts say cannot move the cursor through a template, however it is filled in", () => {
  const document = { peers: [{ name: "a\u001b[2J\nb\u009b" }] };
  const template = "{{#peers}}{{name}}|{{{name}}}|{{&name}}{{/peers}}\n\u001b[1m";
  const name = "a\ufffd[2J\ufffdb\ufffd";
  assert.equal(
    renderTemplate(template, document),
    `${name}|${name}|${name}\n\u001b[1m`,
    "the template is its own",
  );
});

test("a template that cannot be used ends with 2, before the node is asked", () =>
  withNode(async (run, node) => {
    const wrong = [
      ["-f", "{{#peers}}"],
      ["-f", "{{name"],
      ["--template-file", "/nonexistent/x"],
      ["-f", "x", "--template-file", "y"],
      ["-f", "x", "-o", "json"],
      ["-o", "table"],
    ];
    for (const options of wrong) {
      const { code, out, words } = await run(["report", ...options]);
      assert.deepEqual([code, out], [ExitCode.usage, ""], options.join(" "));
      assert.match(words, /^selvage: /);
    }
    assert.deepEqual(node.calls, []);
  }));

test("a report comes by TCP too, with the token of its file or of the environment", async () => {
  using directory = temporaryDirectory();
  const tokenFile = join(directory.path, "admin.token");
  const tcp = { listen: "127.0.0.1:0", tokenFile };
  const node = new FixtureNode();
  await using server = await serveAdmin(node, { socket: join(directory.path, "admin.sock"), tcp });
  const words = ["report", "--admin", server.url!, "-f", "{{status.name}}"];
  assert.equal((await runAlone([...words, "--state-dir", directory.path])).out, "web-1\n");
  const environment = { HOME: "/nonexistent", SELVAGE_ADMIN_TOKEN: readAdminToken(tokenFile) };
  assert.equal((await runAlone(words, { environment })).out, "web-1\n");
  const byFile = { HOME: "/nonexistent", SELVAGE_ADMIN__TOKEN_FILE: tokenFile };
  assert.equal((await runAlone(words, { environment: byFile })).out, "web-1\n");
  const elsewhere = await runAlone(["forget", "192.0.2.1", "--admin", "http://192.0.2.9:6784"], {
    environment,
  });
  assert.equal(elsewhere.code, ExitCode.usage);
  assert.match(elsewhere.words, /an address of this machine/);
  assert.ok(!node.calls.some((call) => call.startsWith("forget")));
});
