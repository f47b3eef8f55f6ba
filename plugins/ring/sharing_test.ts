import assert from "node:assert/strict";
import { decodeStateMessage } from "../../core/node/state_message.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { test } from "../../tests/harness.ts";
import { address, allocate, blocksOf, prefix, type SimNode, worldOf } from "../../tests/ring/ring_world.ts";
import { openGrant } from "./grant.ts";
import { decodeMessage, encodeMessage } from "./message.ts";

const range = prefix("10.32.0.0/12");
const forever = new AbortController().signal;

/** On whichever channel. */
function grantsIn(message: Uint8Array): readonly Uint8Array[] {
  const [answer, shared] = [decodeMessage(message), decodeStateMessage(message)];
  if (answer?.kind === "grants") return answer.records;
  return shared?.kind === "records" ? shared.records : [];
}

const kindOf = (message: Uint8Array) => decodeMessage(message)?.kind;

test("a joiner is given a block of each family without asking for an address, and all learn of it", () =>
  worldOf(3, {}, async (world, nodes) => {
    await world.startAll();
    await world.clock.advance(1000);
    const given = [nodes[1]!, nodes[2]!].flatMap((node) => blocksOf(node));
    // The highest /20 of the range has its broadcast address, so it is not given away whole.
    assert.deepEqual(given.toSorted(), [
      "10.47.208.0/20",
      "10.47.224.0/20",
      "fd00:5e1f:a6e0:fffe::/64",
      "fd00:5e1f:a6e0:ffff::/64",
    ]);
    for (const node of nodes) {
      assert.deepEqual([nodes[1]!, nodes[2]!].flatMap((owner) => blocksOf(node, owner)), given);
      assert.equal(blocksOf(node, nodes[0]).length, 2);
    }
    assert.equal(`${await allocate(world, nodes[1]!)}/20`, given[0]);
    const [founder, ...others] = nodes[1]!.ipam.report();
    assert.deepEqual([founder?.peer, others.length], [nodes[0]!.self.id, 2]);
    assert.deepEqual(others[0]?.share, { 4: 2 ** -8, 6: 2 ** -16 });
  }));

test("routes tell by whom a prefix was granted, and grow in version with every change", () =>
  worldOf(2, {}, async (world, nodes) => {
    const [founder, joiner] = nodes as [SimNode, SimNode];
    await founder.start();
    const before = founder.ipam.routes.version();
    const versions: number[] = [];
    founder.events.on("ring:changed", ({ version }) => versions.push(version), forever);
    await joiner.start();
    await world.clock.advance(1000);
    const routes = [...founder.ipam.routes.routes()];
    assert.deepEqual(routes.map(({ grantedBy }) => grantedBy), [
      undefined,
      founder.self.id,
      undefined,
      founder.self.id,
    ]);
    assert.deepEqual(versions, [before + 1, before + 2]);
  }));

test("a question that is repeated, lost or doubled brings one block, not two", () =>
  worldOf(2, { duplicates: 0.5 }, async (world, [founder, joiner]) => {
    let isDeaf = true;
    world.intercept = (_, to, message) => to !== joiner || grantsIn(message).length === 0 || !isDeaf;
    await world.startAll();
    await world.clock.advance(12_000);
    assert.deepEqual(blocksOf(joiner!), []);
    isDeaf = false;
    await world.clock.advance(10_000);
    assert.equal(blocksOf(joiner!).length, 2);
    assert.deepEqual(blocksOf(founder!, joiner), blocksOf(joiner!));
  }));

test("a question that is repeated while the donor's disk is slow brings one block, not two", () =>
  worldOf(2, { slowestCommit: 4000 }, async (world, [founder, joiner]) => {
    await world.startAll();
    await world.clock.advance(30_000);
    assert.equal(blocksOf(founder!, joiner).length, 2);
  }));

test("a grant is on the donor's disk before anybody hears of it", () =>
  worldOf(3, { slowestCommit: 400 }, async (world, [founder]) => {
    let heard = 0;
    world.intercept = (from, _, message) => {
      if (from !== founder) return true;
      const stored = [...founder.disk.image.entries("ring/grant/")].map(([, value]) => encodeHex(value));
      const own = (record: Uint8Array) => openGrant(record, world.facts.id)?.from === founder.self.id;
      for (const record of grantsIn(message).filter(own)) {
        heard++;
        assert.ok(stored.some((value) => value.includes(encodeHex(record))));
      }
      return true;
    };
    await world.startAll();
    await world.clock.advance(10_000);
    assert.ok(heard >= 8);
  }));

test("a donor with a full disk gives nothing away until it has room", () =>
  worldOf(2, {}, async (world, [founder, joiner]) => {
    await founder!.start();
    await world.clock.advance(100);
    founder!.isDiskFull = true;
    await joiner!.start();
    await world.clock.advance(10_000);
    assert.deepEqual([blocksOf(founder!, joiner), blocksOf(joiner!)], [[], []]);
    founder!.isDiskFull = false;
    await world.clock.advance(6000);
    assert.equal(blocksOf(joiner!).length, 2);
  }));

test("after a kill -9 a node has its blocks and addresses before it has met anybody", () =>
  worldOf(3, {}, async (world, [founder, joiner]) => {
    await world.startAll();
    const before = await allocate(world, joiner!);
    const blocks = blocksOf(joiner!);
    for (const node of world.nodes) node.kill();
    await joiner!.start();
    assert.equal(await allocate(world, joiner!), before);
    assert.deepEqual(blocksOf(joiner!), blocks);
    joiner!.kill();
    await founder!.start();
    assert.deepEqual(blocksOf(founder!, joiner), blocks);
  }));

test("no lease is on disk without the grants it rests on", () =>
  worldOf(2, {}, async (world, [, joiner]) => {
    joiner!.isDiskFull = true;
    await world.startAll();
    await world.clock.advance(1000);
    joiner!.isDiskFull = false;
    const before = await allocate(world, joiner!);
    for (const node of world.nodes) node.kill();
    await joiner!.start();
    assert.equal(await allocate(world, joiner!), before);
  }));

test("a node whose sessions are older than its ring asks at once, and knows the others' blocks soon after", () =>
  worldOf(3, {}, async (world, [founder, joiner, late]) => {
    await founder!.start();
    await joiner!.start();
    await world.clock.advance(1000);
    await late!.create().start(forever); // nobody says that a peer has come up
    await world.clock.advance(3000);
    assert.equal(blocksOf(late!, joiner).length, 2);
    assert.equal(blocksOf(late!).length, 2);
  }));

test("an allocation waits for space as long as its signal lets it", () =>
  worldOf(2, {}, async (world, [founder, joiner]) => {
    await joiner!.start();
    const impatient = new AbortController();
    const short = joiner!.ipam.allocate({ owner: "a", subnet: range }, impatient.signal);
    const long = joiner!.ipam.allocate({ owner: "b", subnet: range }, forever);
    await world.clock.advance(20_000);
    impatient.abort();
    await assert.rejects(short, {
      code: "TIMEOUT",
      message: /10\.32\.0\.0\/12: no peer has given any in time/,
    });
    await founder!.start();
    assert.equal((await world.clock.complete(long)).owner, "b");
    assert.deepEqual(joiner!.leases.map(({ owner }) => owner), ["b"]);
  }));

test("space is asked for inside the subnet that is wanted", () =>
  worldOf(2, {}, async (world, [founder, joiner]) => {
    await world.startAll();
    assert.equal(await allocate(world, founder!, prefix("10.40.1.0/24")), "10.40.1.1");
    assert.equal(await allocate(world, joiner!, prefix("10.40.1.0/24")), "10.40.1.192");
    assert.ok(blocksOf(joiner!).includes("10.40.1.192/26"));
  }));

test("a node that has used up its block gets another", () =>
  worldOf(2, { block: 30 }, async (world, [, joiner]) => {
    await world.startAll();
    const given = new Set<string>();
    for (let i = 0; i < 10; i++) given.add(await allocate(world, joiner!, range, `owner-${i}`));
    assert.equal(given.size, 10);
    assert.equal(blocksOf(joiner!).filter((text) => text.endsWith("/30")).length, 3);
  }));

test("when nobody has anything to spare an allocation ends at once", () =>
  worldOf(3, { ranges: ["10.32.0.0/29"], block: 30 }, async (world, nodes) => {
    await world.startAll();
    const given: string[] = [];
    let refused = 0;
    for (let i = 0; i < 12; i++) {
      try {
        given.push(await allocate(world, nodes[i % 3]!, prefix("10.32.0.0/29"), `owner-${i}`));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "POOL_EXHAUSTED");
        refused++;
      }
    }
    assert.ok(given.length >= 4 && refused >= 6);
    assert.equal(new Set(given).size, given.length);
    assert.ok(world.clock.now() < 20_000);
  }));

test("a free address in another's range can be claimed and is a range of its own from then on", () =>
  worldOf(3, {}, async (world, [founder, joiner, third]) => {
    await world.startAll();
    await world.clock.advance(1000);
    const lease = await world.clock.complete(joiner!.ipam.claim("web", address("10.32.0.50"), forever));
    assert.deepEqual([lease.bits, lease.owner], [12, "web"]);
    await world.clock.advance(1000);
    for (const node of [founder!, third!]) assert.ok(blocksOf(node, joiner).includes("10.32.0.50/32"));
    await assert.rejects(
      world.clock.complete(third!.ipam.claim("db", address("10.32.0.50"), forever)),
      { code: "ADDRESS_TAKEN", message: /the owner of its range says so/ },
    );
  }));

test("an address that its range's owner uses cannot be claimed from it", () =>
  worldOf(2, {}, async (world, [founder, joiner]) => {
    await world.startAll();
    assert.equal(await allocate(world, founder!), "10.32.0.1");
    await world.clock.advance(1000);
    const claim = joiner!.ipam.claim("web", address("10.32.0.1"), forever);
    await assert.rejects(world.clock.complete(claim), { code: "ADDRESS_TAKEN" });
    assert.equal(blocksOf(joiner!).length, 2);
  }));

test("an address whose range's owner is away cannot be claimed", () =>
  worldOf(2, {}, async (world, [founder, joiner]) => {
    await world.startAll();
    await world.clock.advance(1000);
    founder!.kill();
    const claim = joiner!.ipam.claim("web", address("10.32.0.50"), forever);
    await assert.rejects(claim, { code: "UNREACHABLE", message: /which is not connected/ });
    await founder!.start();
  }));

test("routes travel in a handshake, ahead of everything else", () =>
  worldOf(3, {}, async (world, [, joiner, stranger]) => {
    world.partition([2]);
    await world.startAll();
    await world.clock.advance(1000);
    const credentials = joiner!.ipam.routes.credentials();
    assert.ok(credentials.length < 600);
    assert.equal(stranger!.ipam.routes.learn(joiner!.self.id, credentials), true);
    assert.deepEqual(blocksOf(stranger!, joiner), blocksOf(joiner!));
    assert.equal(stranger!.ipam.routes.learn(joiner!.self.id, credentials), false);
    const none = encodeMessage({ kind: "none", request: 1 });
    assert.equal(stranger!.ipam.routes.learn(joiner!.self.id, none), false);
  }));

test("credentials stay short however much a node owns, and hold its largest blocks with what they rest on", () =>
  worldOf(2, { block: 30 }, async (world, [founder, joiner]) => {
    await world.startAll();
    for (let i = 0; i < 20; i++) await allocate(world, joiner!, range, `owner-${i}`);
    const message = decodeMessage(joiner!.ipam.routes.credentials());
    assert.ok(message?.kind === "grants" && message.records.length === 3);
    const own = message.records.map((record) => openGrant(record, world.facts.id));
    assert.ok(own.every((grant) => grant?.owner === joiner!.self.id && grant.from === founder!.self.id));
    assert.deepEqual(own.map((grant) => grant?.prefix.address.family), [4, 6, 4]);
  }));

test("who joins a network whose founder has nothing left gets space from another, whose grant it has yet to learn", () =>
  worldOf(3, { ranges: ["10.32.0.0/28"], block: 29 }, async (world, [founder, donor, joiner]) => {
    const subnet = prefix("10.32.0.0/28");
    await founder!.start();
    await donor!.start();
    await world.clock.advance(1000);
    assert.deepEqual(blocksOf(donor!), ["10.32.0.8/30"]);
    for (let i = 0; i < 10; i++) await allocate(world, founder!, subnet, `owner-${i}`);
    // It hears nothing but answers, so it does not know the donor as an owner when the founder says no.
    world.intercept = (from, to, message, channel) =>
      channel === "ring" && (to !== joiner || from !== founder || kindOf(message) === "none");
    await joiner!.start();
    await allocate(world, joiner!, subnet);
    const own = [...joiner!.ipam.routes.routes()].find(({ owner }) => owner === joiner!.self.id);
    assert.equal(own?.grantedBy, donor!.self.id);
  }));

test("a node that has stopped answers nobody", () =>
  worldOf(2, {}, async (world, [founder, joiner]) => {
    await world.startAll();
    await world.clock.advance(1000);
    await founder!.ipam[Symbol.asyncDispose]();
    let answers = 0;
    world.intercept = (from, _to, _message, channel) => {
      if (from === founder && channel === "ring") answers++;
      return true;
    };
    const need = encodeMessage({ kind: "need", request: 1, within: range, held: 2 });
    founder!.hear(joiner!.self.id, need);
    await world.clock.advance(10_000);
    assert.equal(answers, 0);
  }));

test("what others own is stored again after a disk was full", () =>
  worldOf(3, {}, async (world, [, joiner, third]) => {
    await third!.start();
    third!.isDiskFull = true;
    await world.startAll();
    await world.clock.advance(3000);
    assert.equal(blocksOf(third!, joiner).length, 2);
    assert.deepEqual([...third!.disk.image.entries("ring/grant/")], []);
    third!.isDiskFull = false;
    await world.clock.advance(6000);
    assert.equal([...third!.disk.image.entries("ring/grant/")].length, 4);
  }));

test("whoever was given two blocks and uses none of them shares them, and signs no grant that is not valid", () =>
  worldOf(3, { ranges: ["10.32.0.0/24"], block: 28 }, async (world, [founder, donor, joiner]) => {
    for (const node of [founder!, donor!]) await node.start();
    await world.clock.advance(5000);
    await allocate(world, donor!, prefix("10.32.0.64/27"), "short-lived");
    await donor!.ipam.release("short-lived");
    await world.clock.advance(70_000);
    assert.equal(blocksOf(donor!).length, 2);
    founder!.kill();
    await joiner!.start();
    await world.clock.advance(30_000);
    const { ring } = donor!.ipam.routes;
    const made = ring!.grants().filter(({ from }) => from === donor!.self.id);
    assert.deepEqual(made.map((grant) => [grant.version, ring!.isValid(grant)]), [[1, true]]);
    assert.equal(blocksOf(joiner!).length, 1);
  }));
