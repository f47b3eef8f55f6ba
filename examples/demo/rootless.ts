/**
 * Three nodes in three processes on this machine, rootless. Founds a network, joins it twice with a token, pings between
 * all pairs over both families, echoes a datagram, kills a node without warning, sees it noticed, restarts it and checks
 * that it is the same node at the same address.
 */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { DemoHost } from "./child.ts";
import type { Narrator } from "./narrator.ts";

const names = ["selvage-a", "selvage-b", "selvage-c"] as const;
/** Three unanswered keepalives of five seconds, and as much again for a loaded machine. */
const noticeWithinMillis = 40_000;
const settleWithinMillis = 15_000;
const askEveryMillis = 100;

export class RootlessDemo {
  readonly #say: Narrator;
  readonly #root = mkdtempSync(join(tmpdir(), "selvage-demo-"));
  readonly #hosts = new Map<string, DemoHost>();

  constructor(say: Narrator) {
    this.#say = say;
  }

  async run(): Promise<void> {
    await this.#found();
    await this.#settle();
    await this.#showStatus();
    await this.#pingAll();
    await this.#echo();
    await this.#killAndReturn();
    this.#say.proved([
      "three processes, three identities, one network joined by token",
      "every pair reached the other over IPv4 and IPv6 through Noise sessions",
      "a killed node was noticed, came back with its own address, and was reached again",
    ]);
  }

  /** Nothing that it has started or written is left. */
  async stop(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host.stop()));
    await rm(this.#root, { recursive: true, force: true });
  }

  async #found(): Promise<void> {
    this.#say.step("Starting three nodes on loopback UDP, without privileges");
    const founder = await this.#start(names[0], {});
    const token = founder.ready.join;
    this.#say.detail(`${founder.name} founded the network and printed a token: ${token.slice(0, 24)}…`);
    for (const name of names.slice(1)) {
      const host = await this.#start(name, { token });
      this.#say.detail(
        `${name} joined (pid ${host.pid}) and answers at ${host.ready.addresses.join(" and ")}`,
      );
    }
  }

  async #start(name: string, how: { token?: string; resume?: boolean }): Promise<DemoHost> {
    const host = await DemoHost.start({ name, directory: join(this.#root, name), ...how });
    this.#hosts.set(name, host);
    return host;
  }

  /** Waits until every node has a session with both others. */
  async #settle(): Promise<void> {
    this.#say.step("Waiting for the full mesh");
    for (const { name, admin } of this.#hosts.values()) {
      const isMeshed = async () => (await admin.status()).connections.established === names.length - 1;
      await eventually(`the full mesh of ${name}`, settleWithinMillis, isMeshed);
    }
  }

  async #showStatus(): Promise<void> {
    this.#say.step(`status of ${names[1]}`);
    const { admin } = this.#host(names[1]);
    this.#say.status(await admin.status(), await admin.connections());
  }

  async #pingAll(): Promise<void> {
    this.#say.step("Pings between all pairs, inside the overlay");
    for (const from of this.#hosts.values()) {
      for (const to of this.#hosts.values()) {
        if (from !== to) await this.#ping(from, to);
      }
    }
  }

  async #ping(from: DemoHost, to: DemoHost): Promise<void> {
    for (const address of to.ready.addresses) {
      const reply = await from.admin.ping(address);
      this.#say.detail(`${from.name} → ${to.name}  ${address.padEnd(26)} ${reply.rttMillis.toFixed(2)} ms`);
    }
  }

  async #echo(): Promise<void> {
    this.#say.step("A UDP datagram to an echo service and back");
    const [from, to] = [this.#host(names[2]), this.#host(names[0])];
    const text = "hello through the overlay";
    const echoed = await from.echo(to.ready.addresses[0]!, text);
    if (echoed.text !== text) throw new Error(`the echo came back as "${echoed.text}"`);
    this.#say.detail(`${from.name} → ${to.name} [${echoed.from}]:7 → “${echoed.text}”`);
  }

  async #killAndReturn(): Promise<void> {
    const [witness, victim] = [this.#host(names[0]), this.#host(names[1])];
    this.#say.step(`Killing ${victim.name} (pid ${victim.pid}) without warning`);
    const killed = performance.now();
    await victim.kill();
    await this.#noticed(witness, victim);
    this.#say.detail(`${witness.name} noticed after ${seconds(performance.now() - killed)}`);

    this.#say.step(`Restarting ${victim.name} from its state directory`);
    const restarted = performance.now();
    const returned = await this.#start(victim.name, { resume: true });
    const [before, after] = [victim.ready.addresses.join(), returned.ready.addresses.join()];
    if (before !== after) throw new Error(`${victim.name} had ${before} and came back with ${after}`);
    await this.#settle();
    this.#say.detail(`same addresses, sessions back after ${seconds(performance.now() - restarted)}`);
    await this.#ping(witness, returned);
  }

  async #noticed(witness: DemoHost, victim: DemoHost): Promise<void> {
    await eventually(`noticing that ${victim.name} is gone`, noticeWithinMillis, async () => {
      const peers = await witness.admin.peers();
      return peers.some(({ name, state }) => name === victim.name && state === "down");
    });
  }

  #host(name: string): DemoHost {
    return this.#hosts.get(name)!;
  }
}

/** Asks again and again, as a person would, until it holds. */
async function eventually(what: string, millis: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + millis;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`${what} took longer than ${seconds(millis)}`);
    await setTimeout(askEveryMillis);
  }
}

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(1)} s`;
}
