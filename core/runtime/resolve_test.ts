import assert from "node:assert/strict";
import { isIP } from "node:net";
import { setImmediate } from "node:timers";
import { test } from "../../tests/harness.ts";
import { mostLookups, NameService, resolveHost, systemLookup } from "./resolve.ts";

test("an IP literal stands for itself", async () => {
  assert.deepEqual(await resolveHost("192.0.2.7"), ["192.0.2.7"]);
  assert.deepEqual(await resolveHost("2001:db8::7"), ["2001:db8::7"]);
});

test("localhost resolves to loopback literals without repeats", async () => {
  const hosts = await resolveHost("localhost");
  assert.ok(hosts.length > 0 && hosts.every((host) => isIP(host) !== 0));
  assert.ok(hosts.includes("127.0.0.1") || hosts.includes("::1"));
  assert.equal(new Set(hosts).size, hosts.length);
});

test("a name that cannot be resolved is UNREACHABLE and named in the message", async () => {
  const expected = { code: "UNREACHABLE", message: /^Cannot resolve "bad\.\.name": .+IP address$/ };
  await assert.rejects(resolveHost("bad..name"), expected);
});

test("name servers that do not answer are given up, after five seconds where nothing else is said", async () => {
  assert.equal(systemLookup.millis, 5_000);
  const silent = new NameService({ ask: () => new Promise<never>(() => {}), millis: 1 });
  const expected = { code: "UNREACHABLE", message: /do not answer \(TIMEOUT\)/ };
  await assert.rejects(resolveHost("black-hole.example.net", silent), expected);
});

/** Lookups that end when the test says so. */
function slowLookups(millis: number) {
  const asked: { readonly host: string; readonly answer: (...addresses: readonly string[]) => void }[] = [];
  const service = new NameService({
    millis,
    ask: (host) => {
      const { promise, resolve } = Promise.withResolvers<readonly { readonly address: string }[]>();
      asked.push({ host, answer: (...addresses) => resolve(addresses.map((address) => ({ address }))) });
      return promise;
    },
  });
  return { service, asked };
}

test("a name is looked up once at a time, and what comes too late answers the next question", async () => {
  const { service, asked } = slowLookups(1);
  for (let n = 0; n < 3; n++) await assert.rejects(resolveHost("seed.example.net", service));
  assert.equal(asked.length, 1, "those who asked have given up, and the system has not");
  asked[0]!.answer("192.0.2.7", "192.0.2.7");
  await new Promise(setImmediate);
  assert.deepEqual(await resolveHost("seed.example.net", service), ["192.0.2.7"]);
  assert.equal(asked.length, 1);
  await assert.rejects(resolveHost("seed.example.net", service));
  assert.equal(asked.length, 2, "an old answer counts once");
});

test("names that nobody answers take no more than four lookups, and the others wait for their turn", async () => {
  const { service, asked } = slowLookups(60_000);
  const names = Array.from({ length: mostLookups + 2 }, (_, n) => `n${n}`);
  const found = Promise.all(names.map((name) => resolveHost(name, service)));
  assert.equal(asked.length, mostLookups);
  asked[0]!.answer("192.0.2.0");
  await new Promise(setImmediate);
  assert.equal(asked.length, mostLookups + 1);
  for (let n = 1; n < names.length; n++) {
    asked[n]!.answer(`192.0.2.${n}`);
    await new Promise(setImmediate);
  }
  assert.deepEqual(await found, names.map((_, n) => [`192.0.2.${n}`]));
});

test("who has given up waiting for its turn is never looked up", async () => {
  const { service, asked } = slowLookups(1);
  const names = Array.from({ length: mostLookups + 2 }, (_, n) => `n${n}`);
  await Promise.allSettled(names.map((name) => resolveHost(name, service)));
  for (const { answer } of asked) answer("192.0.2.0");
  await new Promise(setImmediate);
  assert.equal(asked.length, mostLookups);
});
