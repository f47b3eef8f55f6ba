/**
 * A process that serves handshakes on the loopback: prints its endpoint and key as one line of JSON, and what became of
 * all datagrams as another when its standard input ends.
 */
import process from "node:process";
import { type Drop, type DropName, dropNames } from "../../core/contracts/drop.ts";
import type { Clock } from "../../core/contracts/host.ts";
import { EncapsulationDriver } from "../../core/node/encapsulation_driver.ts";
import { silentLogger as log } from "../../core/node/silent_logger.ts";
import { generateKeyPair } from "../../core/noise/dh.ts";
import { systemClock } from "../../core/runtime/clock.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { SeededRandom } from "../../plugins/noise/testing_rig.ts";
import { udp } from "../../plugins/udp/mod.ts";
import type { UdpTransport } from "../../plugins/udp/udp_transport.ts";
import { floodMachine } from "./flood_parties.ts";

export interface TargetHello {
  readonly port: number;
  /** In hex. */
  readonly noiseKey: string;
}

export interface TargetReport {
  /** Datagrams by what became of them; the keys are names of drops. */
  readonly drops: Readonly<Partial<Record<DropName, number>>>;
  /** Processor time since it was ready. */
  readonly processorMillis: number;
}

const random = new SeededRandom(Number(process.argv[2]));
const keys = generateKeyPair(random);
const machine = floodMachine("attacked", keys, random);
const drops = new Uint32Array(dropNames.length);
const counters = { count: (drop: Drop) => void (drops[drop]! += 1) };
const transport = udp({ listen: "127.0.0.1:0" }).create({ drops: counters, log }) as UdpTransport;
const clock: Clock = systemClock();
const driver = new EncapsulationDriver({
  machine,
  datagrams: transport,
  clock,
  drops: counters,
  log,
  onFact: (fact) => {
    if (fact.type !== "join-requested") return;
    driver.call((machine, now) => machine.answerJoin(fact.request, { welcome: new Uint8Array(900) }, now));
  },
});
await transport.start();
const { port } = transport.localEndpoints()[0]!;
print({ port, noiseKey: encodeHex(keys.publicKey) } satisfies TargetHello);
const before = process.cpuUsage();
process.stdin.resume();
process.stdin.once("end", async () => {
  driver.close();
  await transport[Symbol.asyncDispose]();
  const { user, system } = process.cpuUsage(before);
  const counted = [...drops.entries()].filter(([, count]) => count > 0);
  print(
    {
      drops: Object.fromEntries(counted.map(([drop, count]) => [dropNames[drop]!, count])),
      processorMillis: (user + system) / 1_000,
    } satisfies TargetReport,
  );
});

function print(line: TargetHello | TargetReport): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
