/** Targets that are DNS names: what is tried for them, and when they are looked up again. */
import assert from "node:assert/strict";
import type { Finding } from "../../core/contracts/discovery.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { parseNamedEndpoint } from "../../core/wire/named_endpoint.ts";
import { testHost } from "../../tests/conformance/test_host.ts";
import { test } from "../../tests/harness.ts";
import { MemoryDisk } from "../memory_store/mod.ts";
import { StaticSeeds } from "./static_seeds.ts";

const name = "mesh.example.net:6783";
const minutes = 60_000;

/** A list on a disk, with name servers that a test sets. */
class Bench {
  readonly disk = new MemoryDisk();
  readonly host = testHost({ disk: this.disk });
  /** By name; what is not here nobody knows. */
  readonly zone = new Map<string, readonly string[]>();
  readonly asked: string[] = [];
  /** `+` for found, `-` for withdrawn. */
  readonly findings: string[] = [];

  async start(seeds: readonly string[], given?: readonly string[]): Promise<StaticSeeds> {
    const parse = (text: string) => parseNamedEndpoint(text)!;
    const host = { ...this.host, resolve: (host: string) => this.#resolve(host) };
    const list = new StaticSeeds(seeds.map(parse), host, given?.map(parse));
    list.watch((finding) => this.findings.push(shown(finding)));
    await list.start();
    await this.pass(0);
    return list;
  }

  /** Lets time pass, and whoever was asked answer. */
  pass(millis: number): Promise<void> {
    return this.host.clock.advance(millis);
  }

  /** What was found since the last time. */
  news(): readonly string[] {
    return this.findings.splice(0);
  }

  fails(place: string): void {
    const { host, port } = parseNamedEndpoint(place)!;
    const endpoint: Endpoint = { host, port };
    this.host.events.emit("target:failed", { endpoint, code: "TIMEOUT", reason: "no answer" });
  }

  #resolve(host: string): Promise<readonly string[]> {
    this.asked.push(host);
    const found = this.zone.get(host);
    return found === undefined
      ? Promise.reject(new MeshError("UNREACHABLE", `Cannot resolve "${host}": no such name`))
      : Promise.resolve(found);
  }
}

function shown(finding: Finding): string {
  if (finding.type === "endpoint") return `+${formatEndpoint(finding.endpoint)}`;
  return finding.type === "withdrawn" ? `-${formatEndpoint(finding.endpoint)}` : finding.type;
}

test("all addresses of a name are tried, of both families, each once", async () => {
  const bench = new Bench();
  bench.zone.set("mesh.example.net", ["192.0.2.1", "2001:DB8::1", "192.0.2.1", "::ffff:192.0.2.1"]);
  const list = await bench.start([name]);
  assert.deepEqual(bench.news(), ["+192.0.2.1:6783", "+[2001:db8::1]:6783"]);
  const [target] = list.targets();
  assert.deepEqual(target?.endpoint, { host: "mesh.example.net", port: 6783 });
  assert.deepEqual(target?.name?.places.map(formatEndpoint), ["192.0.2.1:6783", "[2001:db8::1]:6783"]);
  await list[Symbol.asyncDispose]();
  assert.equal(bench.host.clock.pending, 0);
});

test("a name that nobody knows is a target with a reason, asked for ever less often, and tried once it is known", async () => {
  const bench = new Bench();
  await using list = await bench.start([name]);
  assert.match(list.targets()[0]?.name?.reason ?? "", /^Cannot resolve "mesh\.example\.net"/);
  await bench.pass(60 * minutes);
  assert.ok(
    bench.asked.length >= 10 && bench.asked.length <= 25,
    `${bench.asked.length} questions in an hour`,
  );
  assert.deepEqual(bench.news(), []);
  assert.equal(bench.host.logged.length, 1);
  bench.zone.set("mesh.example.net", ["192.0.2.1"]);
  await bench.pass(8 * minutes);
  assert.deepEqual(bench.news(), ["+192.0.2.1:6783"]);
  assert.equal(list.targets()[0]?.name?.reason, undefined);
});

test("a name that moves is followed within minutes, and one whose place does not answer within seconds", async () => {
  const bench = new Bench();
  bench.zone.set("mesh.example.net", ["192.0.2.1", "192.0.2.2"]);
  await using _ = await bench.start([name]);
  bench.news();
  bench.zone.set("mesh.example.net", ["192.0.2.2", "192.0.2.3"]);
  await bench.pass(7 * minutes);
  assert.deepEqual(bench.news(), ["+192.0.2.3:6783", "-192.0.2.1:6783"]);
  bench.zone.set("mesh.example.net", ["192.0.2.4"]);
  await bench.pass(30_000);
  bench.fails("192.0.2.3:6783");
  await bench.pass(1_000);
  assert.deepEqual(bench.news(), ["+192.0.2.4:6783", "-192.0.2.2:6783", "-192.0.2.3:6783"]);
});

test("of a name with more addresses than are tried the same ones are, however the servers turn their list", async () => {
  const bench = new Bench();
  const all = Array.from({ length: 40 }, (_, index) => `192.0.2.${index + 1}`);
  bench.zone.set("mesh.example.net", all);
  await using list = await bench.start([name]);
  const first = bench.news();
  assert.equal(first.length, 16);
  bench.zone.set("mesh.example.net", [...all.slice(20), ...all.slice(0, 20)]);
  await bench.pass(7 * minutes);
  assert.deepEqual([bench.asked.length, bench.news()], [2, []]);
  bench.zone.set("mesh.example.net", all.slice(1));
  await bench.pass(7 * minutes);
  assert.deepEqual(bench.news(), ["+192.0.2.17:6783", "-192.0.2.1:6783"]);
  assert.equal(list.targets()[0]?.name?.places.length, 16);
});

test("places that never answer do not make a name looked up without end", async () => {
  const bench = new Bench();
  bench.zone.set("mesh.example.net", ["192.0.2.1"]);
  await using _ = await bench.start([name]);
  for (let round = 0; round < 144; round++) {
    bench.fails("192.0.2.1:6783");
    bench.fails("192.0.2.77:6783");
    await bench.pass(25_000);
  }
  assert.ok(bench.asked.length <= 25, `${bench.asked.length} questions in an hour`);
});

test("what the last answer was stays when name servers cannot be asked", async () => {
  const bench = new Bench();
  bench.zone.set("mesh.example.net", ["192.0.2.1"]);
  await using list = await bench.start([name]);
  bench.zone.clear();
  await bench.pass(10 * minutes);
  assert.deepEqual(bench.news(), ["+192.0.2.1:6783"]);
  const resolved = list.targets()[0]?.name;
  assert.deepEqual([resolved?.places.length, resolved?.reason?.slice(0, 14)], [1, "Cannot resolve"]);
});

test("connecting again tries all places at once and asks for the name at once", async () => {
  const bench = new Bench();
  bench.zone.set("mesh.example.net", ["192.0.2.1"]);
  await using list = await bench.start([name]);
  bench.news();
  bench.zone.set("mesh.example.net", ["192.0.2.2"]);
  await list.addTargets([{ host: "Mesh.Example.net", port: 6783 }]);
  await bench.pass(0);
  assert.deepEqual(bench.news(), ["+192.0.2.1:6783", "+192.0.2.2:6783", "-192.0.2.1:6783"]);
  assert.equal(list.targets().length, 1);
});

test("a name that is forgotten is asked for no more, and its places are given up but for what another target names", async () => {
  const bench = new Bench();
  bench.zone.set("mesh.example.net", ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  bench.zone.set("two.example.net", ["192.0.2.2"]);
  await using list = await bench.start([name, "two.example.net:6783", "192.0.2.3:6783"]);
  bench.news();
  await list.removeTargets([{ host: "mesh.example.net", port: 6783 }]);
  assert.deepEqual(bench.news(), ["-192.0.2.1:6783"]);
  bench.asked.length = 0;
  await bench.pass(7 * minutes);
  assert.deepEqual(new Set(bench.asked), new Set(["two.example.net"]));
});

test("an answer that comes after its name was forgotten, or after the end, changes nothing", async () => {
  const bench = new Bench();
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const host = { ...bench.host, resolve: () => promise };
  const list = new StaticSeeds([parseNamedEndpoint(name)!, parseNamedEndpoint("two:1")!], host);
  list.watch((finding) => bench.findings.push(shown(finding)));
  await list.start();
  await bench.pass(0);
  await list.removeTargets([{ host: "mesh.example.net", port: 6783 }]);
  await list[Symbol.asyncDispose]();
  resolve(["192.0.2.1"]);
  await bench.pass(0);
  assert.deepEqual([bench.news(), bench.host.clock.pending], [[], 0]);
});

test("a name takes 16 addresses, and no more than two names are looked up at a time", async () => {
  const bench = new Bench();
  const waiting: ((hosts: readonly string[]) => void)[] = [];
  const host = {
    ...bench.host,
    resolve: () => new Promise<readonly string[]>((resolve) => waiting.push(resolve)),
  };
  const seeds = Array.from({ length: 50 }, (_, index) => parseNamedEndpoint(`host-${index}.example.net:1`)!);
  await using list = new StaticSeeds(seeds, host);
  await list.start();
  await bench.pass(0);
  assert.equal(waiting.length, 2);
  waiting[0]!(Array.from({ length: 100 }, (_, index) => `192.0.2.${index}`));
  await bench.pass(0);
  assert.equal(waiting.length, 3);
  assert.equal(list.targets()[0]?.name?.places.length, 16);
});

test("the same list at the next start is a restart, another one is a new list, and none is that of before", async () => {
  const bench = new Bench();
  const texts = (list: StaticSeeds) => list.targets().map(({ endpoint }) => formatEndpoint(endpoint));
  const [one, two] = ["192.0.2.1:6783", "192.0.2.2:6783"];
  const first = await bench.start([], [one, two]);
  await first.addTargets([{ host: "192.0.2.3", port: 6783 }]);
  await first.removeTargets([{ host: "192.0.2.1", port: 6783 }]);
  assert.deepEqual(texts(await bench.start([], [two, one])), [two, "192.0.2.3:6783"]);
  assert.deepEqual(texts(await bench.start([])), [two, "192.0.2.3:6783"]);
  const replaced = await bench.start(["192.0.2.9:6783"], ["192.0.2.4:6783"]);
  assert.deepEqual(texts(replaced), ["192.0.2.9:6783", "192.0.2.4:6783"]);
  assert.deepEqual(replaced.targets().map(({ source }) => source), ["static_seeds", "launch"]);
  assert.deepEqual(texts(await bench.start([])), ["192.0.2.4:6783"]);
});
