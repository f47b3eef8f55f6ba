/** Commands of the client against an API whose node is made of constants. */
import assert from "node:assert/strict";
import { other, secretOfToken, self } from "../../core/admin/mesh_node_fixture.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import { withNode } from "./command_fixture.ts";

test("status looks as users of Weave know it", () =>
  withNode(async (run) => {
    const { code, out } = await run("status");
    assert.equal(code, ExitCode.ok);
    assert.match(out, /^ +Version: 0\.1\.0 \(deno 2\.9\.6\)\n\n +Service: node\n +State: ready\n/);
    assert.match(out, new RegExp(`^ +Name: ${self}\\(web-1\\)$`, "m"));
    assert.match(
      out,
      /^ +Listen: \[::\]:6783 \(udp, datagrams\)\n +Listen: \[::\]:6783 \(tcp, streams\)$/m,
    );
    assert.match(out, /^ +Connections: 2 \(1 established, 1 retrying\)$/m);
    assert.match(out, /^ +Drops: 3 noRoute, 1 badSource$/m);
    assert.match(out, /^ +Started: 1m 1s ago$/m);
  }));

test("status shows connections with their reasons, peers, shares, targets and alerts", () =>
  withNode(async (run, node) => {
    const connections = (await run("status connections")).out;
    assert.match(
      connections,
      new RegExp(`^-> +198\\.51\\.100\\.7:6783 +established +chacha20-poly1305 +${other}\\(web-2\\)`, "m"),
    );
    assert.match(
      connections,
      /rtt=1\.25ms mtu=1420 path=worker loss=0\.20% in=900p\/1\.20MB out=800p\/64\.0kB$/m,
    );
    assert.match(connections, /^-> +198\.51\.100\.8:6783 +retrying +- +- +no answer$/m);
    assert.match(
      (await run("status peers")).out,
      new RegExp(`^${self}\\(web-1\\) +self +- +- +10\\.32\\.0\\.1 +192`, "m"),
    );
    assert.match(
      (await run("status links")).out,
      /^ {3}-> 198\.51\.100\.7:6783 +\S+\(web-2\) +established +1\.25ms$/m,
    );
    assert.match(
      (await run("status ipam")).out,
      new RegExp(`^B +${other}\\(web-2\\) +524288 \\(50\\.0%\\) +50\\.0% +- +dead`, "m"),
    );
    assert.match(
      (await run("status targets")).out,
      /^198\.51\.100\.7:6783 +established +static_seeds +- +-$/m,
    );
    node.answers = { alerts: [{ name: "no-address", detail: "waiting", since: "1970-01-01T00:00:00.000Z" }] };
    assert.match((await run("status alerts")).out, /^no-address +1970-01-01T00:00:00\.000Z +waiting$/m);
  }));

test("colours are in tables only, and only where they are wanted", () =>
  withNode(async (run) => {
    const escape = "\u001b";
    assert.ok((await run("status connections", { colours: true })).out.includes(escape));
    assert.ok(!(await run("status connections")).out.includes(escape));
    assert.ok(!(await run("status connections -o json", { colours: true })).out.includes(escape));
  }));

test("status --check ends with 4 for a node that is not well, whatever it shows", () =>
  withNode(async (run, node) => {
    assert.equal((await run("status --check")).code, ExitCode.ok);
    node.answers = {
      healthy: false,
      alerts: [{ name: "no-address", detail: "waiting for a range", since: "1970-01-01T00:00:00.000Z" }],
    };
    for (const line of ["status --check", "status peers --check -o json", "status --check -o yaml"]) {
      const { code, out, words } = await run(line);
      assert.equal(code, ExitCode.degraded, line);
      assert.notEqual(out, "");
      assert.match(words, /^selvage: not well \(ready\): waiting for a range\n$/);
    }
  }));

test("ping prints a line per reply and the sums, and hands its options on", () =>
  withNode(async (run, node) => {
    const { code, out } = await run("ping web-2 -c 2 -i 0.01 -s 100 -W 0.5 -6");
    assert.equal(code, ExitCode.ok);
    assert.match(out, /^\d+ bytes from \S+: seq=1 ttl=\d+ time=[\d.]+ ms\n\d+ bytes .* seq=2 /);
    assert.match(
      out,
      /^--- web-2: 2 sent, 2 received, 0% lost\nrtt min\/avg\/max = [\d.]+\/[\d.]+\/[\d.]+ ms\n$/m,
    );
    const asked = node.calls.filter((call) => call.startsWith("ping"));
    assert.equal(asked.length, 2);
    assert.match(asked[0]!, /web-2/);
    assert.match(asked[0]!, /"size":100/);
    assert.match(asked[0]!, /"timeoutMillis":500/);
    assert.match(asked[0]!, /"family":6/);
  }));

test("ping counts what is lost, ends with 1 when all of it is, and gives up at once on what cannot come", () =>
  withNode(async (run, node) => {
    node.fail = new MeshError("TIMEOUT", "no reply within 3 s");
    const lost = await run("ping 10.32.0.9 -c 2 -i 0.01");
    assert.equal(lost.code, ExitCode.failed);
    assert.equal(
      lost.out,
      "seq=1 no reply within 3 s\nseq=2 no reply within 3 s\n--- 10.32.0.9: 2 sent, 0 received, 100% lost\n",
    );
    const json = await run("ping 10.32.0.9 -c 1 -o json");
    assert.deepEqual(JSON.parse(json.out), {
      to: "10.32.0.9",
      sent: 1,
      received: 0,
      rttMillis: null,
      replies: [],
    });
    node.fail = new MeshError("NOT_FOUND", "nobody is called so");
    const unknown = await run("ping nobody -c 5");
    assert.deepEqual([unknown.code, unknown.out, unknown.words], [
      ExitCode.failed,
      "",
      "selvage: nobody is called so\n",
    ]);
  }));

test("tokens: the join command is data, what to do with it are words", () =>
  withNode(async (run, node) => {
    const { out, words } = await run("token create --lifetime 2h");
    assert.equal(out, `selvage join ${secretOfToken}\n`);
    assert.match(words, /good until 2026-12-01T00:00:00\.000Z/);
    assert.ok(!words.includes(secretOfToken));
    assert.ok(node.calls.includes('tokens.create({"lifetimeSeconds":7200})'), node.calls.join("\n"));
    const json = await run("token create -o json");
    assert.equal(json.words, "");
    assert.equal((JSON.parse(json.out) as { token: string }).token, secretOfToken);
  }));

test("members show who admitted whom", () =>
  withNode(async (run) => {
    const { out } = await run("members");
    assert.match(
      out,
      new RegExp(`^web-1 +${self} +founder +admitted\nweb-2 +${other} +web-1 +revoked$`, "m"),
    );
  }));

test("connect resolves, hands over, and says where to look", () =>
  withNode(async (run, node) => {
    const { code, out, words } = await run("connect 192.0.2.1 [2001:db8::1]:7 --replace");
    assert.deepEqual([code, out], [ExitCode.ok, ""]);
    assert.match(words, /192\.0\.2\.1:6783, \[2001:db8::1\]:7/);
    assert.match(node.calls.join(), /^connect\(.*192\.0\.2\.1:6783.*"replace":true/);
  }));

test("forget resolves, hands over, and takes an endpoint that was never listed", () =>
  withNode(async (run, node) => {
    const { code, out, words } = await run("forget 192.0.2.1 [2001:db8::1]:7");
    assert.deepEqual([code, out], [ExitCode.ok, ""]);
    assert.equal(
      words,
      "selvage: no longer connecting to 192.0.2.1:6783, [2001:db8::1]:7; a connection that exists stays\n",
    );
    assert.deepEqual(node.calls, ['forget(["192.0.2.1:6783","[2001:db8::1]:7"])']);
    node.fail = new MeshError("UNSUPPORTED", "no discovery of this node keeps targets");
    const refused = await run("forget 192.0.2.1");
    assert.deepEqual([refused.code, refused.words], [
      ExitCode.failed,
      "selvage: no discovery of this node keeps targets\n",
    ]);
  }));

test("stop returns when the socket is gone", () =>
  withNode(async (run) => {
    const { code, words } = await run("stop");
    assert.deepEqual([code, words], [ExitCode.ok, "selvage: stopped\n"]);
    assert.equal((await run("stop")).code, ExitCode.notRunning);
  }));
