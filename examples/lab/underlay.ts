/** The network below: a bridge in a namespace of its own, to which every host has one cable. It can be made worse. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Namespace } from "./namespace.ts";

const bridge = "under";
/** Time for a capturing program to write what it has: it says when it begins, and never how far it has come. */
const flushMillis = 300;

export interface Cable {
  /** Name of its end at the bridge. */
  readonly port: string;
  readonly address4: string;
  readonly address6: string;
}

/** What a host can be connected to. */
export interface Ground {
  /** By an interface `eth0` with an address of each family. */
  connect(host: Namespace): Cable;
}

export class Underlay implements Ground {
  readonly namespace: Namespace;
  #cables = 0;

  private constructor(namespace: Namespace) {
    this.namespace = namespace;
  }

  static make(name: string): Underlay {
    const namespace = Namespace.make(name);
    namespace.ip(`link add ${bridge} type bridge mcast_snooping 0`, `link set dev ${bridge} up`);
    return new Underlay(namespace);
  }

  connect(host: Namespace): Cable {
    const number = ++this.#cables;
    const cable: Cable = {
      port: `cable${number}`,
      address4: `198.51.100.${number}`,
      address6: `2001:db8::${number}`,
    };
    this.namespace.ip(
      `link add ${cable.port} type veth peer name eth0 netns ${host.name}`,
      `link set dev ${cable.port} master ${bridge} up`,
    );
    host.ip(
      `addr add ${cable.address4}/24 dev eth0`,
      `addr add ${cable.address6}/64 dev eth0 nodad`,
      "link set dev eth0 up",
    );
    return cable;
  }

  /** Loses that share of all packets that hosts send, by chance. */
  lose(percent: number): void {
    this.#filter([`numgen random mod 100 < ${percent} drop`]);
  }

  /** Loses everything larger in silence, as a path with a smaller link and no ICMP does. Bytes of the IP packet. */
  narrow(bytes: number): void {
    this.#filter([`ip length > ${bytes} drop`, `ip6 length > ${bytes - 40} drop`]);
  }

  cut({ port }: Cable): void {
    this.namespace.ip(`link set dev ${port} down`);
  }

  mend({ port }: Cable): void {
    this.namespace.ip(`link set dev ${port} up`);
  }

  /** Whatever `lose` and `narrow` did. */
  heal(): void {
    this.namespace.nft("add table netdev lab", "delete table netdev lab");
  }

  #filter(rules: readonly string[]): void {
    this.heal();
    this.namespace.nft("add table netdev lab");
    for (let number = 1; number <= this.#cables; number++) {
      const chain = `netdev lab cable${number}`;
      this.namespace.nft(
        `add chain ${chain} { type filter hook ingress device "cable${number}" priority 0; }`,
        ...rules.map((rule) => `add rule ${chain} ${rule}`),
      );
    }
  }
}

/** Everything that passes an interface of a namespace, in a file. */
export class Capture {
  readonly #file: string;
  readonly #child: ChildProcess;

  private constructor(file: string, child: ChildProcess) {
    this.#file = file;
    this.#child = child;
  }

  /** Resolves when packets are being captured. */
  static async start(namespace: Namespace, device: string, file: string): Promise<Capture> {
    const [program, ...args] = namespace.command("dumpcap", "-q", "-i", device, "-w", file);
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    const ended = once(child, "close").then(() => Promise.reject(new Error("dumpcap cannot capture")));
    const started = (async () => {
      let words = "";
      for await (const piece of child.stderr) if ((words += piece).includes("File: ")) break;
    })();
    await Promise.race([started, ended]);
    ended.catch(() => {});
    return new Capture(file, child);
  }

  /** Ends it; the bytes of the file. */
  async end(): Promise<Uint8Array> {
    await new Promise((resolve) => setTimeout(resolve, flushMillis));
    const exited = once(this.#child, "close");
    this.#child.kill("SIGINT");
    await exited;
    return readFileSync(this.#file);
  }
}
