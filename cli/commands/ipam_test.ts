import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import { withNode } from "./command_fixture.ts";

test("an address is claimed, listed, explained, moved and released", () =>
  withNode(async (run, node) => {
    assert.equal((await run("ipam claim web")).out, "10.32.0.9/12\n");
    assert.equal((await run("ipam claim web --subnet 10.32.2.0/24 --wait 5")).out, "10.32.2.1/24\n");
    assert.deepEqual(JSON.parse((await run("ipam claim web 10.32.0.7 -o json")).out), {
      owner: "web",
      address: "10.32.0.7/12",
    });
    assert.match((await run("ipam ls")).out, /^OWNER +KIND +ADDRESSES\nweb +external +10\.32\.0\.9\/12$/m);
    assert.match((await run("ipam why 10.40.0.7")).out, /^10\.40\.0\.7 belongs to \w{32}\(web-2\)\n/);
    assert.match((await run("ipam move 10.32.0.7 web-2")).words, /10\.32\.0\.7 is web-2's now/);
    assert.match((await run("ipam release web 10.32.0.9")).words, /web has no longer 10\.32\.0\.9\/12/);
    assert.deepEqual(node.calls, [
      'addresses.allocate({"owner":"web"})',
      'addresses.allocate({"owner":"web","subnet":"10.32.2.0/24"})',
      'addresses.claim("web", "10.32.0.7")',
      "addresses.list()",
      'addresses.why("10.40.0.7")',
      'addresses.move("10.32.0.7", "web-2")',
      'addresses.release("web", "10.32.0.9")',
    ]);
  }));

test("a peer's addresses are taken over in the words that users of Weave know", () =>
  withNode(async (run) => {
    assert.equal((await run("rmpeer web-2")).out, "524288 IPs taken over from web-2: 10.40.0.0/13\n");
  }));

test("a wait that is no number of seconds is refused before anything is asked", () =>
  withNode(async (run, node) => {
    const { code, words } = await run("ipam claim web --wait soon");
    assert.equal(code, ExitCode.usage);
    assert.match(words, /--wait takes 0 to 60 seconds, not "soon"/);
    assert.deepEqual(node.calls, []);
  }));
