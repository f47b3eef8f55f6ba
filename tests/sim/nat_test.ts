import assert from "node:assert/strict";
import type { Endpoint } from "../../core/contracts/values.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import type { MemoryBinding } from "../../plugins/memory_transport/memory_network.ts";
import { test } from "../harness.ts";
import { SimClock } from "./clock.ts";
import type { Filtering, SimNat } from "./nat.ts";
import { SimNetwork } from "./network.ts";
import { SimRandom } from "./random.ts";

const outside = "203.0.113.1";
const home: Endpoint = { host: "192.168.0.2", port: 6783 };
const neighbour: Endpoint = { host: "192.168.0.3", port: 6783 };
const server: Endpoint = { host: "192.0.2.1", port: 6783 };
const otherPort: Endpoint = { host: "192.0.2.1", port: 9 };
const stranger: Endpoint = { host: "192.0.2.2", port: 6783 };

/** Two hosts behind one NAT, and three endpoints on the outside. */
class Bed {
  readonly clock = new SimClock();
  readonly network = new SimNetwork({ clock: this.clock, random: new SimRandom(1) });
  readonly nat: SimNat;
  readonly #bindings = new Map<Endpoint, MemoryBinding>();
  readonly #heard: string[] = [];

  constructor(filtering: Filtering, timeout = 30_000, mapping: "endpoint" | "destination" = "endpoint") {
    this.nat = this.network.addNat([home.host, neighbour.host], { outside, filtering, timeout, mapping });
    for (const each of [home, neighbour, server, otherPort, stranger]) {
      const hear = (_: Uint8Array, from: Endpoint) =>
        void this.#heard.push(`${formatEndpoint(from)} to ${formatEndpoint(each)}`);
      this.#bindings.set(each, this.network.bind(each, hear));
    }
  }

  /** What arrives anywhere of one datagram. */
  async send(from: Endpoint, to: Endpoint): Promise<readonly string[]> {
    this.#bindings.get(from)!.send(Uint8Array.of(1), to);
    await this.clock.advance(5);
    return this.#heard.splice(0);
  }
}

const mapped: Endpoint = { host: outside, port: 40_000 };

test("a host behind a NAT has one outside endpoint, whomever it sends to, and is answered there", async () => {
  const bed = new Bed("port");
  assert.deepEqual(await bed.send(home, server), ["203.0.113.1:40000 to 192.0.2.1:6783"]);
  assert.deepEqual(await bed.send(home, stranger), ["203.0.113.1:40000 to 192.0.2.2:6783"]);
  assert.deepEqual(await bed.send(neighbour, server), ["203.0.113.1:40001 to 192.0.2.1:6783"]);
  assert.deepEqual(await bed.send(server, mapped), ["192.0.2.1:6783 to 192.168.0.2:6783"]);
});

test("filtering lets in anybody, hosts that were sent to, or their exact endpoints", async () => {
  const heard: number[][] = [];
  for (const filtering of ["none", "address", "port"] as const) {
    const bed = new Bed(filtering);
    await bed.send(home, server);
    const counts = [];
    for (const from of [server, otherPort, stranger]) counts.push((await bed.send(from, mapped)).length);
    heard.push(counts);
    assert.equal(bed.network.counts.filtered, counts.filter((count) => count === 0).length);
  }
  assert.deepEqual(heard, [[1, 1, 1], [1, 1, 0], [1, 0, 0]]);
});

test("a mapping ends after its timeout, and only what leaves keeps it", async () => {
  const bed = new Bed("none", 30_000);
  await bed.send(home, server);
  await bed.clock.advance(29_000);
  await bed.send(home, server);
  await bed.clock.advance(20_000);
  assert.equal((await bed.send(server, mapped)).length, 1);
  await bed.clock.advance(10_000);
  assert.deepEqual(await bed.send(server, mapped), [], "coming in did not refresh it");
  assert.deepEqual(await bed.send(home, server), ["203.0.113.1:40001 to 192.0.2.1:6783"]);
});

test("after a rebinding the old outside endpoint is dead and the next datagram comes from a new one", async () => {
  const bed = new Bed("none");
  await bed.send(home, server);
  bed.nat.rebind();
  assert.deepEqual(await bed.send(server, mapped), []);
  assert.deepEqual(await bed.send(home, server), ["203.0.113.1:40001 to 192.0.2.1:6783"]);
});

test("inside hosts reach each other directly, not through the outside, and are not reached by inside names", async () => {
  const bed = new Bed("none");
  await bed.send(home, server);
  assert.deepEqual(await bed.send(neighbour, home), ["192.168.0.3:6783 to 192.168.0.2:6783"]);
  assert.deepEqual(await bed.send(neighbour, mapped), [], "no hairpin");
  assert.deepEqual(await bed.send(server, home), []);
  assert.equal(bed.network.counts.filtered, 2);
});

test("cuts and partitions mean the hosts inside, whatever they are called outside", async () => {
  const bed = new Bed("none");
  await bed.send(home, server);
  bed.network.cut(server.host, home.host);
  assert.deepEqual(await bed.send(server, mapped), []);
  assert.equal((await bed.send(home, server)).length, 1, "one way only");
  bed.network.heal();
  bed.network.partition([home.host]);
  assert.deepEqual([...await bed.send(home, server), ...await bed.send(server, mapped)], []);
  assert.equal(bed.network.counts.cut, 3);
});

test("a mapping of the destination has another port for each endpoint that is sent to, and lets in that one alone", async () => {
  const bed = new Bed("port", 30_000, "destination");
  assert.deepEqual(await bed.send(home, server), ["203.0.113.1:40000 to 192.0.2.1:6783"]);
  assert.deepEqual(await bed.send(home, stranger), ["203.0.113.1:40001 to 192.0.2.2:6783"]);
  assert.deepEqual(await bed.send(home, server), ["203.0.113.1:40000 to 192.0.2.1:6783"]);
  assert.equal((await bed.send(server, mapped)).length, 1);
  assert.deepEqual(await bed.send(stranger, mapped), []);
});

test("behind two NATs a host is seen by the outside of the outer one, and answered through both", async () => {
  const bed = new Bed("port");
  bed.network.addNat([outside], { outside: "198.51.100.1" });
  assert.deepEqual(await bed.send(home, server), ["198.51.100.1:40000 to 192.0.2.1:6783"]);
  assert.deepEqual(await bed.send(server, { host: "198.51.100.1", port: 40_000 }), [
    "192.0.2.1:6783 to 192.168.0.2:6783",
  ]);
  assert.deepEqual(await bed.send(server, mapped), [], "the middle means nothing outside");
  assert.deepEqual(await bed.send(neighbour, home), ["192.168.0.3:6783 to 192.168.0.2:6783"]);
});

test("a host that is closed to datagrams neither sends nor gets any", async () => {
  const bed = new Bed("none");
  await bed.send(home, server);
  bed.network.closeTo(home.host);
  assert.deepEqual([...await bed.send(home, server), ...await bed.send(server, mapped)], []);
});
