/**
 * Three hosts made of network namespaces, with an underlay between them and two containers in each. Containers ping each
 * other, move a file, and hear one of them speak to a group; a node is killed while its containers talk on, a host is
 * rebooted; and a capture on the underlay shows that nothing of all this could be read there.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseAddress } from "../../mod.ts";
import type { Container } from "../lab/container.ts";
import { isInstalled, Lab, until } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab_host.ts";
import { Capture } from "../lab/underlay.ts";
import type { Narrator } from "./narrator.ts";
import { drawTopology } from "./topology.ts";

const names = ["alpha", "bravo", "carol"] as const;
const transferBytes = 16_000_000;
const group = "239.255.77.7";
const groupPort = 7777;
const phrase = "meet me at the selvage of the cloth";

export class HostsDemo {
  readonly #say: Narrator;
  readonly #lab = new Lab();
  #capture: Capture | undefined;

  constructor(say: Narrator) {
    this.#say = say;
  }

  async run(): Promise<void> {
    await this.#found();
    await this.#watchUnderlay();
    await this.#attach();
    this.#ping();
    await this.#transfer();
    await this.#speakToAll();
    await this.#killNode();
    await this.#reboot();
    const isSecret = await this.#readCapture();
    await this.#remove();
    this.#say.proved([
      "containers on three hosts are one flat network, over IPv4 and IPv6, with the kernel's own tools",
      "what one says to a group all others hear",
      "containers outlive their node, and a rebooted host is the same member",
      ...isSecret ? ["the underlay carried ciphertext only"] : [],
      "nothing is left on this machine",
    ]);
  }

  async stop(): Promise<void> {
    await this.#lab[Symbol.asyncDispose]();
  }

  async #found(): Promise<void> {
    this.#say.step("Making three hosts out of network namespaces, and a node in each");
    const hosts = await this.#lab.network(...names);
    for (const { name, cable, admin } of hosts) {
      const { peer, addresses } = await admin.status();
      this.#say.detail(
        `${name}  underlay ${cable.address4}  peer ${peer.slice(0, 12)}…  ${addresses.join(" and ")}`,
      );
    }
  }

  async #watchUnderlay(): Promise<void> {
    if (!isInstalled("dumpcap")) return;
    const { underlay, directory } = this.#lab;
    const { port } = this.#host("alpha").cable;
    this.#capture = await Capture.start(underlay.namespace, port, join(directory, "underlay"));
  }

  async #attach(): Promise<void> {
    this.#say.step("Attaching two containers on each host");
    await Promise.all(this.#lab.hosts.map((host) => this.#attachTwo(host)));
    const drawn = await Promise.all(this.#lab.hosts.map(async ({ name, cable, admin, containers }) => ({
      name,
      underlay: cable.address4,
      address: (await admin.status()).addresses[0]!,
      containers: containers.map(({ attached, address4 }) => ({ name: attached!.name!, address: address4 })),
    })));
    const title = "underlay 198.51.100.0/24 and 2001:db8::/64, UDP port 6783";
    for (const line of drawTopology(title, drawn)) this.#say.detail(line);
  }

  async #attachTwo(host: LabHost): Promise<void> {
    for (const number of [1, 2]) await host.container({ name: `${host.name}-${number}` });
  }

  #ping(): void {
    this.#say.step("Pings between containers of all hosts, with the system's own ping");
    for (const from of this.#lab.hosts) {
      for (const to of this.#lab.hosts) {
        const [source, target] = [from.containers[0]!, to.containers[1]!];
        const times = [target.address4, target.address6].map((address) => pingMillis(source, address));
        this.#say.detail(`${titleOf(source)} → ${titleOf(target)}  ${times.join("  ")}`);
      }
    }
  }

  async #transfer(): Promise<void> {
    this.#say.step("A TCP transfer from host to host");
    const [from, to] = [this.#host("alpha").containers[0]!, this.#host("carol").containers[0]!];
    for (const address of [to.address4, to.address6]) {
      const { intact, millis } = await from.transfer(address, 1, transferBytes);
      if (intact !== 1) throw new Error(`the bytes that ${titleOf(to)} got are not those that were sent`);
      const rate = (transferBytes / 1000 / millis).toFixed(1);
      this.#say.detail(
        `${titleOf(from)} → ${titleOf(to)}  ${transferBytes / 1e6} MB, ${rate} MB/s, SHA-256 is the same`,
      );
    }
  }

  async #speakToAll(): Promise<void> {
    this.#say.step(`One container speaks to the group ${group}`);
    const [speaker, ...others] = this.#lab.hosts.flatMap(({ containers }) => containers);
    const place = { group, port: groupPort, device: "mesh0" };
    await Promise.all(others.map((other) => other.order("hear", place)));
    await speaker!.order("say", { ...place, text: phrase });
    for (const other of others) {
      await until(async () => (await other.order("heard", {})).texts.some((text) => text.startsWith(phrase)));
    }
    this.#say.detail(`“${phrase}”: heard by ${others.map(titleOf).join(", ")}`);
  }

  async #killNode(): Promise<void> {
    const host = this.#host("bravo");
    this.#say.step(`Killing the node of ${host.name} without warning`);
    const [one, two] = host.containers;
    const far = this.#host("alpha").containers[0]!;
    await far.order("watch", { to: one!.address4, port: 7000 });
    await host.kill();
    this.#say.detail(`its containers go on among themselves: ${pingMillis(one!, two!.address4)}`);
    await host.launch();
    await until(() => far.namespace.pings(one!.address4, 1));
    const { to } = await far.order("watched", {});
    const millis = to - host.started;
    this.#say.detail(
      `started again: ${titleOf(far)} reaches ${titleOf(one!)} ${(millis / 1000).toFixed(1)} s later`,
    );
  }

  async #reboot(): Promise<void> {
    const host = this.#host("carol");
    this.#say.step(`Rebooting ${host.name}: node, bridge and containers are gone, the disk is not`);
    const before = await host.admin.status();
    await host.powerCut();
    await host.launch();
    await this.#lab.meshed();
    const after = await host.admin.status();
    if (before.peer !== after.peer || before.addresses.join() !== after.addresses.join()) {
      throw new Error(`${host.name} came back as ${after.peer} at ${after.addresses.join()}`);
    }
    this.#say.detail(`the same member ${after.peer.slice(0, 12)}… at ${after.addresses.join(" and ")}`);
    await this.#attachTwo(host);
    const [fresh, far] = [host.containers[0]!, this.#host("alpha").containers[1]!];
    this.#say.detail(`${titleOf(far)} → its new ${titleOf(fresh)}: ${pingMillis(far, fresh.address4)}`);
  }

  /** False when nothing could be captured. */
  async #readCapture(): Promise<boolean> {
    this.#say.step("Reading what passed the underlay");
    if (this.#capture === undefined) {
      this.#say.detail("not captured: there is no dumpcap, which comes with tshark");
      return false;
    }
    const seen = Buffer.from(await this.#capture.end());
    // Four bytes of an IPv4 address may stand in so much noise by chance.
    const addresses = this.#lab.hosts.flatMap(({ containers }) => containers)
      .map(({ address6 }) => parseAddress(address6)!.bytes);
    if (seen.length < transferBytes) throw new Error("the capture is shorter than what was transferred");
    if (seen.includes(phrase)) throw new Error("the underlay has read what was said to the group");
    if (addresses.some((address) => seen.includes(address))) {
      throw new Error("the underlay has read an address");
    }
    const size = (seen.length / 1e6).toFixed(0);
    this.#say.detail(`${size} MB: no word of “${phrase}” in it, and no address of a container`);
    return true;
  }

  async #remove(): Promise<void> {
    this.#say.step("Removing everything");
    for (const host of this.#lab.hosts) {
      await host.stop();
      const { code, words } = host.cli("reset", "--force");
      if (code !== 0) throw new Error(`selvage reset on ${host.name}: ${words}`);
      const left = host.containers.flatMap(({ namespace }) => namespace.interfaces());
      if (host.mesh.exists || left.some((device) => device !== "lo")) {
        throw new Error(`something is left on ${host.name}`);
      }
      this.#say.detail(`selvage reset on ${host.name}: no interface, namespace or rule is left`);
    }
    await this.stop();
    const left = readdirSync("/run/netns").filter((name) => name.startsWith(this.#lab.prefix));
    if (left.length > 0) throw new Error(`left: ${left.join(", ")}`);
  }

  #host(name: typeof names[number]): LabHost {
    return this.#lab.hosts.find((host) => host.name === name)!;
  }
}

function titleOf({ attached }: Container): string {
  return attached!.name!;
}

/** `10.32.0.3 0.41 ms`. Throws when nothing comes back. */
function pingMillis({ namespace }: Container, address: string): string {
  const out = namespace.run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "3", address);
  const times = [...out.matchAll(/time=([\d.]+) ms/g)];
  return `${address} ${times.at(-1)![1]} ms`;
}
