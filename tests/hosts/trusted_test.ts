/** A network below that both hosts trust: packets cross as they are there, and nowhere else. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Lab, until } from "../../examples/lab/lab.ts";
import type { Container } from "../../examples/lab/container.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { Capture } from "../../examples/lab/underlay.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { test } from "../harness.ts";
import { inLab, limit, skipCapture } from "./lab_fixture.ts";

/** Both hosts at first, but not the address that one of them moves to. */
const environment = { SELVAGE_ENCAPSULATION__TRUSTED_SUBNETS: '["198.51.100.0/26","fd51:100::/112"]' };
const strangePlace = "198.51.100.99";

async function isEncrypted(host: LabHost): Promise<boolean | undefined> {
  return (await host.admin.connections())[0]?.encrypted;
}

async function settled(hosts: readonly LabHost[], encrypted: boolean): Promise<void> {
  for (const host of hosts) await until(async () => await isEncrypted(host) === encrypted);
}

/** Whether what is said between two containers, and their addresses, can be read on the cable of `host`. */
async function isReadable(lab: Lab, host: LabHost, from: Container, to: Container): Promise<boolean> {
  const words = randomBytes(16);
  const file = join(lab.directory, words.toString("hex"));
  const capture = await Capture.start(lab.underlay.namespace, host.cable.port, file);
  for (const address of [to.address4, to.address6]) {
    await until(() => from.namespace.pings(address));
    from.namespace.run("ping", "-c", "3", "-i", "0.2", "-p", words.toString("hex"), address);
  }
  const seen = Buffer.from(await capture.end());
  assert.ok(seen.length > 1000 && seen.includes(Buffer.from([0x1a, 0x7f])), "packets passed the cable");
  const told = [words, parseAddress(to.address4)!.bytes, parseAddress(to.address6)!.bytes]
    .map((each) => seen.includes(each));
  assert.ok(told.every((each) => each === told[0]), `${told}`);
  return told[0]!;
}

test(
  "packets between hosts that trust the network below can be read there, until one has moved or does not trust it any more",
  () =>
    inLab(async (lab) => {
      const [a, b] = [lab.host("a"), lab.host("b")];
      await a.launch({ environment });
      await b.join((await a.admin.createToken()).token, { environment });
      await lab.meshed();
      await settled([a, b], false);
      const [from, to] = await Promise.all([a.container(), b.container()]);
      assert.equal(await isReadable(lab, a, from, to), true);
      assert.equal((await from.transfer(to.address4, 2, 2_000_000)).intact, 2);
      assert.equal((await to.transfer(from.address6, 2, 2_000_000)).intact, 2);
      assert.equal(await from.echo(to.address4, 5, 6_000), 5, "in fragments");

      const { address4 } = b.cable;
      b.namespace.ip(`addr del ${address4}/24 dev eth0`, `addr add ${strangePlace}/24 dev eth0`);
      await until(async () =>
        (await a.admin.connections()).some(({ endpoint }) => endpoint === `${strangePlace}:6783`)
      );
      await settled([a, b], true);
      assert.equal(await isReadable(lab, a, from, to), false);

      b.namespace.ip(`addr del ${strangePlace}/24 dev eth0`, `addr add ${address4}/24 dev eth0`);
      await settled([a, b], false);
      await a.stop();
      await a.launch({});
      await lab.meshed();
      await settled([a, b], true);
      assert.equal(await isReadable(lab, a, from, to), false);
      assert.equal((await from.transfer(to.address4, 1, 100_000)).intact, 1);
    }),
  { skip: skipCapture, limit },
);
