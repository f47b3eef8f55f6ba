/** Which address of this host the sockets of the data path answer from. */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "../../tests/harness.ts";
import type { Datapath } from "../contracts/datapath.ts";
import type { Endpoint } from "../contracts/values.ts";
import { SessionCells } from "../datapath/session_cells.ts";
import { parseAddress } from "../wire/address.ts";
import { openingOf, sealed, ThreadBench, until } from "./datapath_thread_fixture.ts";
import { encodeSockaddr, SOCKADDR_LENGTH } from "./socket_address.ts";
import { underlayDatagrams } from "./underlay_datagrams.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";
/** Each is this machine's, as all of 127.0.0.0/8. */
const hosts = ["127.0.0.1", "127.0.0.5", "127.0.0.7"];
/** A GRE packet that is not finished by a worker without routes. */
const plain = Uint8Array.of(0, 0, 8, 0, 69);

function sockaddrOf(endpoint: Endpoint, family: 4 | 6): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_LENGTH);
  return bytes.subarray(0, encodeSockaddr(endpoint, family, bytes, 0));
}

/** As each would be written for a socket of that family. */
const written = (host: string, family: 4 | 6) => family === 6 ? `::ffff:${host}` : host;

for (const [wildcard, family] of [["::", 6], ["0.0.0.0", 4]] as const) {
  test(
    `a socket of ${wildcard} answers from the address that was asked, whichever of its workers heard it`,
    async () => {
      await using bench = await new ThreadBench().start({ workers: 2 });
      const { port } = await bench.listen({ host: wildcard, port: 0 });
      const { backend } = bench;
      backend.receive((datagram, from) => backend.sendNow!(datagram, written(from.host, family), from.port));
      const senders = await bench.senders(6);
      const heard: [number, string][] = [];
      for (const sender of senders) sender.receive(([asked], from) => void heard.push([asked!, from.host]));
      for (const sender of senders) {
        for (const [asked, host] of hosts.entries()) sender.send(Uint8Array.of(asked), { host, port });
      }
      await until(() => heard.length === senders.length * hosts.length);
      for (const [asked, host] of heard) assert.equal(host, hosts[asked]);
    },
    { skip },
  );

  test(
    `a socket of ${wildcard} says by itself what it says from where the newest message of a session came to`,
    async () => {
      await using bench = await new ThreadBench().start();
      const { port } = await bench.listen({ host: wildcard, port: 0 });
      const { backend, thread } = bench;
      const slot = new SessionCells(thread.memory.cells).open();
      let opened = 0;
      const moved: Uint8Array[] = [];
      thread.onOpened(() => void opened++);
      thread.onSource((sockaddr) => void moved.push(sockaddr));
      thread.tell(openingOf(slot));
      const [sender] = await bench.senders(1);
      const heard: string[] = [];
      sender!.receive((_, from) => void heard.push(from.host));
      const say = async (counter: number, host: string) => {
        const before = opened;
        sender!.send(sealed(counter, plain), { host, port });
        await until(() => opened > before);
        await backend.send(Uint8Array.of(1), written("127.0.0.1", family), sender!.local.port);
      };
      await say(5, "127.0.0.5");
      await say(4, "127.0.0.7");
      await say(6, "127.0.0.5");
      await say(7, "127.0.0.7");
      await until(() => heard.length === 4);
      assert.deepEqual(heard, ["127.0.0.5", "127.0.0.5", "127.0.0.5", "127.0.0.7"]);
      assert.equal(moved.length, 2);
      const there = sockaddrOf(sender!.local, family);
      const source = parseAddress("::ffff:127.0.0.7")!.bytes;
      assert.deepEqual(thread.sourceOf(there), source);
      await backend.close();
      assert.equal(thread.sourceOf(there), undefined);
    },
    { skip },
  );
}

/** A data path that knows an address to answer from, for all. */
class OneSource implements Datapath {
  forgotten = 0;
  readonly #source: Uint8Array;

  constructor(source: string) {
    this.#source = parseAddress(source)!.bytes;
  }

  takeSocket(): boolean {
    return true;
  }

  takeTap(): boolean {
    return false;
  }

  sourceOf(): Uint8Array {
    return this.#source;
  }

  forgetSource(): void {
    this.forgotten++;
  }

  async release(): Promise<void> {}
}

for (const [wildcard, family] of [["::", 6], ["0.0.0.0", 4]] as const) {
  test(
    `what a socket of ${wildcard} sends leaves without an address that this host has no more, which is forgotten`,
    async () => {
      const datapath = new OneSource("::ffff:192.0.2.99");
      const backend = await underlayDatagrams(datapath)({ host: wildcard, port: 0 }, () => {});
      const heard: string[] = [];
      await using bench = new ThreadBench();
      const [receiver] = await bench.senders(1);
      receiver!.receive((_, from) => void heard.push(from.host));
      backend.sendNow!(Uint8Array.of(1), written("127.0.0.1", family), receiver!.local.port);
      await until(() => heard.length === 1);
      assert.deepEqual([heard, datapath.forgotten], [["127.0.0.1"], 1]);
      // Of this one it is not the source that is wrong.
      assert.throws(() => backend.sendNow!(Uint8Array.of(1), written("127.0.0.1", family), 0), {
        code: "EINVAL",
      });
      assert.equal(datapath.forgotten, 1);
      await backend.close();
    },
    { skip },
  );
}

test("a socket of one address has no other to answer from, and remembers none", async () => {
  await using bench = await new ThreadBench().start();
  const to = await bench.listen();
  const [sender] = await bench.senders(1);
  sender!.send(Uint8Array.of(3), to);
  await until(() => bench.returned.length === 1);
  assert.equal(bench.thread.sourceOf(sockaddrOf(sender!.local, 4)), undefined);
}, { skip });
