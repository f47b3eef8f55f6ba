/** The API on socket and TCP, as the program serves it and as its commands ask it. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { createAdminClient } from "../core/admin/client.ts";
import { FixtureLog, FixtureNode } from "../core/admin/mesh_node_fixture.ts";
import { loopbackFetch } from "../core/runtime/loopback_http_client.ts";
import { test } from "../tests/harness.ts";
import { ExitCode } from "./exit_code.ts";
import { run, temporaryDirectory } from "./io_fixture.ts";
import { createLog } from "./log.ts";
import { serveAdmin } from "./serve_admin.ts";

const listen = "127.0.0.1:0";

test("one node answers on its socket and on TCP, and the log says who changed what", async () => {
  using directory = temporaryDirectory();
  const [node, log] = [new FixtureNode(), new FixtureLog()];
  const [socket, tokenFile] = [join(directory.path, "admin.sock"), join(directory.path, "admin.token")];
  await using server = await serveAdmin(node, { socket, log, tcp: { listen, tokenFile } });
  assert.match(server.url ?? "", /^http:\/\/127\.0\.0\.1:\d+$/);
  const token = readFileSync(tokenFile, "utf8").trim();
  const client = createAdminClient(loopbackFetch(server.url!, token));
  await client.forget(["192.0.2.9:6783"]);
  assert.equal((await run(["connect", "192.0.2.9", "--socket", socket])).code, ExitCode.ok);
  const calls = log.entries.filter(({ message }) => message === "Admin call").map(({ fields }) => fields);
  assert.deepEqual(calls.map(({ who, what, result }) => [who, what, result]), [
    ["tcp 127.0.0.1", "forget", "ok"],
    ["unix", "connect", "ok"],
  ]);
  assert.ok(!JSON.stringify(log.entries).includes(token));
});

test("commands reach a node by --admin, with the token of its file or of the environment", async () => {
  using directory = temporaryDirectory();
  const tokenFile = join(directory.path, "admin.token");
  const socket = join(directory.path, "admin.sock");
  await using server = await serveAdmin(new FixtureNode(), { socket, tcp: { listen, tokenFile } });
  const ask = (...rest: string[]) => ["members", "--admin", server.url!, ...rest];
  assert.equal((await run(ask("--state-dir", directory.path))).code, ExitCode.ok);
  const token = readFileSync(tokenFile, "utf8").trim();
  const environment = { HOME: "/nonexistent", SELVAGE_ADMIN_TOKEN: token };
  assert.match((await run(ask(), { environment })).out, /^web-1 /m);
  const wrong = await run(ask(), { environment: { ...environment, SELVAGE_ADMIN_TOKEN: "x".repeat(43) } });
  assert.equal(wrong.code, ExitCode.failed);
  assert.match(wrong.words, /wrong token/);
  assert.ok(!wrong.words.includes("xxx"));
  const missing = await run(ask("--state-dir", join(directory.path, "none")));
  assert.match(
    missing.words,
    /Cannot read the admin token in .*: there is no such file; .*SELVAGE_ADMIN_TOKEN/,
  );
});

test("an --admin that is no address of this machine is refused before a token is looked for", async () => {
  for (const url of ["nonsense", "https://127.0.0.1:6784", "http://192.0.2.9:6784"]) {
    const { code, words } = await run(["members", "--admin", url, "--config", "/nonexistent/selvage.yaml"]);
    assert.equal(code, ExitCode.usage, url);
    assert.match(
      words,
      /^selvage: Cannot reach an admin API at ".*": expected http:\/\/ and an address of this/,
    );
  }
});

/** Goes on listening, as a tunnel does, when nobody is at its other end any more. Of the same port, which the node insists on. */
async function tunnelTo(far: URL): Promise<{ readonly url: string } & AsyncDisposable> {
  const port = Number(far.port);
  const server = createServer((near) => {
    const farther = connect({ host: far.hostname, port });
    for (const [one, other] of [[near, farther], [farther, near]] as const) {
      one.on("error", () => {}).on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

for (const way of ["by TCP", "through a tunnel"]) {
  test(`stop ${way} returns when the node is gone`, async () => {
    using directory = temporaryDirectory();
    const tokenFile = join(directory.path, "admin.token");
    const asked = Promise.withResolvers<void>();
    await using server = await serveAdmin(new FixtureNode(), {
      socket: join(directory.path, "admin.sock"),
      tcp: { listen: "127.0.0.2:0", tokenFile },
      stop: asked.resolve,
    });
    const gone = asked.promise.then(() => server[Symbol.asyncDispose]());
    await using tunnel = await tunnelTo(new URL(server.url!));
    const admin = ["--admin", way === "by TCP" ? server.url! : tunnel.url];
    const { code, words } = await run(["stop", ...admin, "--state-dir", directory.path]);
    assert.deepEqual([code, words], [ExitCode.ok, "selvage: stopped\n"]);
    await gone;
    assert.equal(
      (await run(["stop", "--admin", server.url!, "--state-dir", directory.path])).code,
      ExitCode.notRunning,
    );
  });
}

test("the level of the log changes through the API", async () => {
  using directory = temporaryDirectory();
  const lines: string[] = [];
  const log = createLog({
    level: "warn",
    format: "json",
    wall: () => 0,
    write: (line) => void lines.push(line),
  });
  const tcp = { listen, tokenFile: join(directory.path, "admin.token") };
  const socket = join(directory.path, "admin.sock");
  await using server = await serveAdmin(new FixtureNode(), { socket, log, levels: log, tcp });
  const token = readFileSync(tcp.tokenFile, "utf8").trim();
  const client = createAdminClient(loopbackFetch(server.url!, token));
  await client.forget(["192.0.2.9:6783"]);
  assert.deepEqual(lines, []);
  assert.deepEqual(await client.setLog({ level: "warn", scopes: { admin: "info" } }), await client.log());
  await client.forget(["192.0.2.9:6783"]);
  const what = lines.map((line) => JSON.parse(line)).map(({ scope, what }) => [scope, what]);
  assert.deepEqual(what, [["admin", "log.set"], ["admin", "forget"]]);
});

test("a listener that cannot be leaves no socket behind", async () => {
  using directory = temporaryDirectory();
  const socket = join(directory.path, "admin.sock");
  const tokenFile = join(directory.path, "admin.token");
  const serve = (tcp: { listen: string; tokenFile: string }) =>
    serveAdmin(new FixtureNode(), { socket, tcp });
  await assert.rejects(serve({ listen: "0.0.0.0:0", tokenFile }), { code: "CONFIG_INVALID" });
  assert.ok(!existsSync(socket) && !existsSync(tokenFile));
  await (await serve({ listen, tokenFile }))[Symbol.asyncDispose]();
  chmodSync(tokenFile, 0o644);
  await assert.rejects(serve({ listen, tokenFile }), { code: "STATE_INSECURE" });
  assert.ok(!existsSync(socket));
});
