/** Who carries what: the thread of the data path, or the main thread, and that nobody can tell from what arrives. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Container } from "../../examples/lab/container.ts";
import { isInstalled } from "../../examples/lab/lab.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { test } from "../harness.ts";
import { inLab, limit, skip } from "./lab_fixture.ts";

const transferBytes = 3_000_000;
/** Share of a processor, in percent, that a node with nothing to do may take: goal 0. */
const mostIdlePercent = 5;
/** Of which most is for a machine that is busy. */
const longestStopMillis = 3_000;
/** Of `/proc/<pid>/stat`, wherever Linux runs: USER_HZ. */
const ticksPerSecond = 100;

async function countersOf(host: LabHost) {
  const { datapath, traffic } = await host.admin.status();
  return { ...datapath.counters!, packetsOut: traffic.packetsOut };
}

async function crossAll(from: Container, to: Container): Promise<void> {
  for (const address of [to.address4, to.address6]) {
    assert.ok(from.namespace.pings(address), `ping ${address}`);
    assert.equal((await from.transfer(address, 2, transferBytes)).intact, 2, `TCP to ${address}`);
    assert.equal(await from.echo(address, 5, 1_200), 5, `UDP to ${address}`);
    assert.ok(await from.echo(address, 5, 60_000) > 0, `UDP in fragments to ${address}`);
  }
}

/** A UDP datagram without a checksum (RFC 768), which Node cannot send, comes back as it was. */
function echoBare(from: Container, to: Container): void {
  const SO_NO_CHECK = 11;
  const program = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, ${SO_NO_CHECK}, 1)
s.settimeout(5)
s.sendto(b"bare" * 300, (sys.argv[1], 7000))
print(s.recv(2000) == b"bare" * 300)
`;
  assert.equal(from.namespace.run("python3", "-c", program, to.address4).trim(), "True");
}

/** Seconds of processor time that the node has taken. */
function secondsOf(host: LabHost): number {
  const fields = readFileSync(`/proc/${host.pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function busyPercent(host: LabHost): Promise<number> {
  const [before, at] = [secondsOf(host), performance.now()];
  // No event ends this wait: what is measured is time in which nothing happens, and to ask for anything would be work.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  return 100 * (secondsOf(host) - before) / ((performance.now() - at) / 1000);
}

/** A container comes and goes while others transfer; each time it is reached at once, and they do not notice. */
async function storm(from: Container, to: Container, host: LabHost): Promise<void> {
  const guest = await host.bare();
  const transfer = from.transfer(to.address4, 2, 4 * transferBytes);
  for (let round = 0; round < 3; round++) {
    await host.attach(guest);
    assert.ok(from.namespace.pings(guest.address4), `round ${round}`);
    assert.ok(await from.echo(guest.address6, 5, 1_200) > 0, `UDP in round ${round}`);
    await host.admin.detach({ netns: guest.name });
  }
  assert.equal((await transfer).intact, 2);
}

/** The thread, its descriptors and its memory go in an order that nothing waits for. */
async function stopUnderLoad(from: Container, to: Container, host: LabHost): Promise<void> {
  const before = await countersOf(host);
  // It is cut off, and what becomes of it then is TCP's business.
  from.transfer(to.address4, 4, 2_000_000_000).catch(() => {});
  while ((await countersOf(host)).datagramsIn - before.datagramsIn < 10_000);
  const started = performance.now();
  await host.stop();
  const millis = performance.now() - started;
  assert.ok(millis < longestStopMillis, `${millis} ms`);
}

test(
  "what containers of two hosts say to each other passes by the main thread; what is for nodes does not",
  () =>
    inLab(async (lab) => {
      const [a, b] = await lab.network("a", "b");
      const [from, to] = await Promise.all([a!.container(), b!.container()]);
      const { datapath } = await a!.admin.status();
      assert.deepEqual([datapath.path, datapath.reason, datapath.restarts], ["worker", null, 0]);
      assert.ok(datapath.ffi !== null && datapath.ciphers.length > 0);
      const before = await countersOf(a!);
      await crossAll(from, to);
      const after = await countersOf(a!);
      const sent = after.packetsOut - before.packetsOut;
      assert.ok(sent > 4 * transferBytes / 65_536, `${sent} packets`);
      assert.ok(after.datagramsOut - before.datagramsOut > 0.9 * sent, "the thread has sent them");
      assert.ok(after.left - before.left < 0.1 * sent, `${after.left - before.left} of ${sent} were left`);
      assert.deepEqual([after.leftLost, after.commandsRefused, after.tablesRefused], [0, 0, 0]);

      for (const address of (await b!.admin.status()).addresses) {
        const literal = address.split("/")[0]!;
        assert.ok(from.namespace.pings(literal), `a container to the node at ${literal}`);
        assert.ok((await a!.admin.ping(literal)).rttMillis > 0, `node to node at ${literal}`);
      }
      assert.ok((await b!.admin.ping(from.address6)).rttMillis > 0, "a node to a container");
      await storm(from, to, b!);
      if (isInstalled("python3")) echoBare(from, to);
      let busy = 100;
      for (let i = 0; i < 3 && busy >= mostIdlePercent; i++) busy = await busyPercent(a!);
      assert.ok(busy < mostIdlePercent, `${busy} % of a processor with nothing to do`);
      await stopUnderLoad(from, to, b!);
    }),
  { skip, limit },
);
