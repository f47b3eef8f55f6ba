/**
 * The network namespace that holds the bridge, the TAP device and the node's ends of all pairs. It is apart from the
 * host's, so that no firewall, flush or sysctl of other tools reaches what is in it, and removing it removes all.
 *
 *     /run/netns/selvage
 *     ┌────────────────────────────────────────────┐
 *     │ tap0 ── mesh (bridge, no address) ── port1 │──── mesh0 in the namespace of a container
 *     │  │                                ── port2 │──── selvage0 in the host's
 *     └──│─────────────────────────────────────────┘
 *        └ this process
 *
 * The bridge learns nothing. What a container sends to a MAC of no container here goes to the TAP device and to nowhere
 * else, and to the containers goes only what the table of static entries names, and broadcast and multicast.
 *
 * Whose it is stands in the kernel: the alias of its loopback interface and that of the bridge begin with "selvage:".
 */
import type { Datapath } from "../../core/contracts/datapath.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import { namespaceAt } from "../../core/runtime/network_namespace.ts";
import { openTap, type TapDevice } from "../../core/runtime/tap_device.ts";
import { tableRules } from "./ingress_rules.ts";
import { type Link, parseLinks } from "./links.ts";
import { exitCodeOf, fed, runScript } from "./script.ts";

export const bridgeName = "mesh";
export const tapName = "tap0";
const namespaceMark = "selvage:1";
const bridgeMark = "selvage:bridge";

/** Programs that the scripts call, and what installs them. */
const programs = "ip bridge nft nsenter";
const packages = "iproute2, nftables and util-linux";

/** Where the namespace would be is something else. */
const takenExit = 40;

export interface RunOptions {
  /** `$1` and on of the script. */
  readonly args?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was made, newest first, to be unmade when a later step fails. */
type Undo = (() => Promise<unknown>)[];

export class BridgeNamespace {
  readonly path: string;
  readonly #name: string;
  readonly #datapath: Datapath | undefined;

  /** `datapath` reads the TAP device, where there is one. */
  constructor(name: string, datapath?: Datapath) {
    this.#name = name;
    this.#datapath = datapath;
    this.path = `/run/netns/${name}`;
  }

  /**
   * Makes what is missing and opens the TAP device. Idempotent; what fails half-way leaves what was there before.
   * Rejects `UNSUPPORTED` without programs, rights or FFI, `NAME_TAKEN` where a namespace or bridge of the name is
   * somebody else's, `ALREADY_RUNNING` while another node has the device open.
   */
  async raise(signal: AbortSignal): Promise<TapDevice> {
    await this.#requirePrograms(signal);
    const undo: Undo = [];
    try {
      return await this.#raise(signal, undo);
    } catch (error) {
      for (const step of undo.reverse()) await step().catch(() => {});
      throw error;
    }
  }

  async isThere(): Promise<boolean> {
    return await namespaceAt(this.path) !== undefined;
  }

  /** Interfaces in it, undefined when there is no such namespace. `NAME_TAKEN` when it is not ours. */
  async links(signal?: AbortSignal): Promise<readonly Link[] | undefined> {
    if (!await this.isThere()) return undefined;
    const links = parseLinks(await this.run("list interfaces", "ip -j -d link", { signal }));
    if (!isOurs(links)) throw this.#foreign("namespace");
    if (!links.every(isOursOrOther)) throw this.#foreign(`bridge "${bridgeName}" in the namespace`);
    return links;
  }

  /** Runs a script in it; see {@link runScript}. */
  async run(purpose: string, text: string, { args = [], signal }: RunOptions = {}): Promise<string> {
    return await runScript({ purpose, text, args, namespace: this.path }, signal);
  }

  /**
   * Removes it with all that is in it, if it is ours. True when there was one. Rejects `ALREADY_RUNNING` while a node has
   * the TAP device open.
   */
  async remove(): Promise<boolean> {
    const links = await this.links().catch(ignoreForeign);
    if (links === undefined) return false;
    await using _claim = await this.#openTap().catch(ignoreAllButRunning);
    // A namespace is taken down some time after its last name: what containers see goes at once, by hand.
    const args = links.map(({ ifname }) => ifname).filter((name) => name !== "lo");
    await this.run(`empty ${this.path}`, 'for name; do ip link del dev "$name" || true; done', { args });
    await this.#delete();
    return true;
  }

  async #raise(signal: AbortSignal, undo: Undo): Promise<TapDevice> {
    const found = await this.links(signal);
    if (found === undefined) await this.#create(undo, signal);
    const links = found ?? [];
    // First of all, for it is refused while another node is at work here.
    const tap = await this.#openTap();
    if (found !== undefined) undo.push(...this.#undoMissing(found));
    undo.push(() => Promise.resolve(tap[Symbol.asyncDispose]()));
    await this.#sweep(links, signal);
    await this.run("set up the bridge", setUp(!links.some(isBridge)), { signal });
    await this.run("set up the TAP device", enslaveTap, { signal });
    return tap;
  }

  async #create(undo: Undo, signal: AbortSignal): Promise<void> {
    // What is no namespace, or one whose name was never mounted: `ip netns add` refuses it, and it is not ours to remove.
    const text =
      `[ ! -e ${this.path} ] || exit ${takenExit}\nip netns add "$1"\nip -n "$1" link set dev lo alias ${namespaceMark}`;
    undo.push(() => this.#delete());
    try {
      await runScript(
        { purpose: `make the network namespace ${this.path}`, text, args: [this.#name] },
        signal,
      );
    } catch (error) {
      if (exitCodeOf(error) !== takenExit) throw error;
      undo.pop();
      throw this.#foreign("file");
    }
  }

  /** Pairs that a killed run had begun: an alias is the last thing that they get. */
  async #sweep(links: readonly Link[], signal: AbortSignal): Promise<void> {
    const begun = links.filter(({ ifname, ifalias }) => /^port[0-9]+$/.test(ifname) && ifalias === undefined);
    if (begun.length === 0) return;
    const text = begun.map(({ ifname }) => `ip link del dev ${ifname}`).join("\n");
    await this.run("remove what a killed node had begun", text, { signal });
  }

  #undoMissing(links: readonly Link[]): Undo {
    return [bridgeName, tapName]
      .filter((name) => !links.some(({ ifname }) => ifname === name))
      .map((name) => () => this.run(`remove ${name}`, `ip link del dev ${name}`));
  }

  async #openTap(): Promise<TapDevice> {
    try {
      return await openTap({ namespace: this.path, name: tapName, datapath: this.#datapath });
    } catch (error) {
      if ((error as MeshError).details?.["reason"] !== "EBUSY") throw error;
      const why = `another node uses ${this.path}; stop it, or give this one a namespace of its own`;
      throw new MeshError("ALREADY_RUNNING", `Cannot open the TAP device: ${why}`, { cause: error });
    }
  }

  async #delete(): Promise<void> {
    await runScript({ purpose: `remove ${this.path}`, text: 'ip netns del "$1"', args: [this.#name] });
  }

  async #requirePrograms(signal: AbortSignal): Promise<void> {
    const text = `for name in ${programs}; do command -v $name >/dev/null || echo $name; done`;
    const missing = (await runScript({ purpose: "look for programs", text }, signal)).split("\n").filter(
      Boolean,
    );
    if (missing.length === 0) return;
    const message = `Cannot work without ${
      missing.join(", ")
    }: not found on this machine; install ${packages}`;
    throw new MeshError("UNSUPPORTED", message, { details: { missing } });
  }

  #foreign(what: string): MeshError {
    const advice = "remove it, or choose another name with the option namespace";
    const message = `Cannot use ${this.path}: there is a ${what} that this program did not make; ${advice}`;
    return new MeshError("NAME_TAKEN", message, { details: { path: this.path } });
  }
}

function isOurs(links: readonly Link[]): boolean {
  return links.some(({ ifname, ifalias }) => ifname === "lo" && ifalias === namespaceMark);
}

function isBridge({ ifname }: Link): boolean {
  return ifname === bridgeName;
}

function isOursOrOther(link: Link): boolean {
  return !isBridge(link) || (link.ifalias === bridgeMark && link.linkinfo?.info_kind === "bridge");
}

/** Who is to go need not be whole: without FFI, say, or with another interface of the name. */
function ignoreAllButRunning(error: unknown): undefined {
  if ((error as MeshError).code === "ALREADY_RUNNING") throw error;
}

function ignoreForeign(error: unknown): undefined {
  if ((error as MeshError).code !== "NAME_TAKEN") throw error;
}

/**
 * IP is of no use here: IPv6 is off and IPv4 neither forwards nor answers ARP, so that the bridge is nothing but a
 * bridge: no firewall for IP looks at what passes it (bridge-nf-call). A kernel without multicast snooping has none to turn off. Name and mark of the bridge are given in one request.
 */
function setUp(makeBridge: boolean): string {
  const create = `ip link add name ${bridgeName} mtu 65535 type bridge stp_state 0 forward_delay 0
ip link set dev ${bridgeName} alias ${bridgeMark}`;
  return `
put() { [ ! -e "$1" ] || echo "$2" >"$1"; }
for name in all default; do
  put /proc/sys/net/ipv6/conf/$name/disable_ipv6 1
  put /proc/sys/net/ipv4/conf/$name/arp_ignore 8
done
put /proc/sys/net/ipv4/ip_forward 0
for family in arptables iptables ip6tables; do put /proc/sys/net/bridge/bridge-nf-call-$family 0; done
${makeBridge ? create : ""}
ip link set dev ${bridgeName} type bridge mcast_snooping 0 2>/dev/null || true
ip -batch - <<'END'
link set dev lo up
link set dev ${bridgeName} mtu 65535 arp off addrgenmode none up
END
${fed("nft -f -", tableRules())}`;
}

/** 65,521 is the most that Linux gives a TAP device: 65,535 bytes with the Ethernet header. */
const enslaveTap = `ip -batch - <<'END'
link set dev ${tapName} mtu 65521 addrgenmode none master ${bridgeName}
link set dev ${tapName} type bridge_slave learning off flood on mcast_flood on bcast_flood on
link set dev ${tapName} up
END
`;
