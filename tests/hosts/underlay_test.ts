/** What the network below sees, and what becomes of containers' traffic when it is bad. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseAddress } from "../../core/wire/address.ts";
import { until } from "../../examples/lab/lab.ts";
import { Capture } from "../../examples/lab/underlay.ts";
import { test } from "../harness.ts";
import { inLab, limit, skip, skipCapture } from "./lab_fixture.ts";

/** From the start of a silence to its end, at any stream. */
const longestStallMillis = 5000;

/** To find that large packets are lost takes several of them that stay without an answer (RFC 8899 §4.3). */
const longestShrinkMillis = 30_000;

test("the underlay sees no word of what containers say", () =>
  inLab(async (lab) => {
    const [a, b] = await lab.network("a", "b");
    const [from, to] = await Promise.all([a!.container(), b!.container()]);
    const [capture, inside] = await Promise.all([
      Capture.start(lab.underlay.namespace, a!.cable.port, join(lab.directory, "cable")),
      Capture.start(to.namespace, "mesh0", join(lab.directory, "inside")),
    ]);
    const secret = "the goose is on the loose";
    const words = Buffer.from(secret).toString("hex");
    for (const address of [to.address4, to.address6]) {
      from.namespace.run("ping", "-c", "3", "-i", "0.2", "-p", words.slice(0, 32), address);
    }
    const sent = Buffer.from(secret.slice(0, 16));
    const [seen, arrived] = (await Promise.all([capture.end(), inside.end()])).map((bytes) =>
      Buffer.from(bytes)
    );
    assert.ok(arrived!.includes(sent), "it arrived in clear");
    assert.ok(seen!.length > 1000 && seen!.includes(Buffer.from([0x1a, 0x7f])), "packets passed the cable");
    assert.ok(!seen!.includes(sent));
    for (const address of [from, to].flatMap(({ address4, address6 }) => [address4, address6])) {
      assert.ok(!seen!.includes(parseAddress(address)!.bytes), address);
    }
  }), { skip: skipCapture, limit });

test(
  "with one packet of twenty lost, every byte arrives and no stream stands still for five seconds",
  () =>
    inLab(async (lab) => {
      const [a, b] = await lab.network("a", "b");
      const [from, to] = await Promise.all([a!.container(), b!.container()]);
      lab.underlay.lose(5);
      const result = await from.transfer(to.address4, 4, 120_000);
      assert.equal(result.intact, 4);
      assert.ok(result.longestStallMillis < longestStallMillis, `${result.longestStallMillis} ms`);
      const returned = await from.echo(to.address6, 60, 500);
      assert.ok(returned > 30 && returned < 60, `${returned} of 60 came back`);
    }),
  { skip, limit },
);

test("traffic goes on within a second after a cable was out for three", () =>
  inLab(async (lab) => {
    const [a, b] = await lab.network("a", "b");
    const [from, to] = await Promise.all([a!.container(), b!.container()]);
    await from.order("watch", { to: to.address4, port: 7000 });
    lab.underlay.cut(b!.cable);
    // The time without a cable is what is tested: less than a session lasts, more than a keepalive takes to be missed.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const mended = Date.now();
    lab.underlay.mend(b!.cable);
    assert.ok(from.namespace.pings(to.address4, 5));
    const silence = await from.order("watched", {});
    assert.ok(silence.from < mended && silence.to - mended < 1000, `${silence.to - mended} ms after`);
  }), { skip, limit });

test(
  "a host whose underlay address changes is reached again before anybody asks",
  () =>
    inLab(async (lab) => {
      const [a, b] = await lab.network("a", "b");
      const [from, to] = await Promise.all([a!.container(), b!.container()]);
      await from.order("watch", { to: to.address4, port: 7000 });
      const { address4 } = a!.cable;
      a!.namespace.ip(`addr del ${address4}/24 dev eth0`, "addr add 198.51.100.99/24 dev eth0");
      await until(async () =>
        (await b!.admin.connections()).some(({ endpoint }) => endpoint === "198.51.100.99:6783")
      );
      assert.ok(from.namespace.pings(to.address6));
      const { from: last, to: first } = await from.order("watched", {});
      assert.ok(first - last < 1000, `${first - last} ms`);
    }),
  { skip, limit },
);

test(
  "a path that shrinks to 700 bytes in the middle of a transfer, and tells nobody, is found out and crossed",
  () =>
    inLab(async (lab) => {
      const [a, b] = await lab.network("a", "b");
      const [from, to] = await Promise.all([a!.container(), b!.container()]);
      const started = Date.now();
      const transfer = from.transfer(to.address4, 1, 4_000_000);
      // What is sent in a moment is a part of it only: neither side of the mesh carries so much so fast.
      await until(async () => (await a!.admin.status()).traffic.packetsOut > 100);
      lab.underlay.narrow(700);
      assert.equal((await transfer).intact, 1);
      assert.ok(Date.now() - started < longestShrinkMillis, `${Date.now() - started} ms`);
      // The way back had no large packets yet to find out with.
      for (const address of [to.address4, to.address6]) {
        await until(async () => await from.echo(address, 5, 1300) === 5);
      }
      assert.ok(Date.now() - started < 2 * longestShrinkMillis, `${Date.now() - started} ms`);
    }),
  { skip, limit },
);
