/** Which relays this node names in what it says of itself, as its sessions come and go: the shell around `NamedRelays`. */
import type { Timer } from "../contracts/host.ts";
import type { RelayWillingness } from "../contracts/topology.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import type { ToldLink } from "../topology/link_record.ts";
import { type LinkTag, tagOf } from "../topology/link_tag.ts";
import { NamedRelays, relaysFromBytes, relaysToBytes } from "../topology/named_relays.ts";
import { willingnessIn } from "../wire/relay_features.ts";
import type { NodeContext } from "./node_context.ts";

/** Round trips are measured all the time, and a relay that is lost is missed by others no sooner than they try it. */
const looksEvery: Millis = 5_000;

export class RelayNaming {
  readonly #context: NodeContext;
  /** Sessions that no relay carries. */
  readonly #links: () => readonly ToldLink[];
  #machine: NamedRelays | undefined;
  #timer: Timer | undefined;
  #announce: () => void = () => {};

  constructor(context: NodeContext, links: () => readonly ToldLink[]) {
    this.#context = context;
    this.#links = links;
  }

  /** Called when what this node names has changed. */
  onNamed(announce: () => void): void {
    this.#announce = announce;
  }

  /** As an announcement has them; those that it has had last, unless this node looks for others. */
  get named(): Uint8Array {
    const { state } = this.#context;
    return this.#machine ? relaysToBytes(this.#machine.named) : state.announcedRelays(state.self.id);
  }

  /** Those that a member names, nearest first. */
  namedBy(peer: PeerId): readonly LinkTag[] {
    return relaysFromBytes(this.#context.state.announcedRelays(peer));
  }

  /** From now on. What this node has named before, maybe in another life, it goes on naming until there is better. */
  begin(): void {
    if (this.#machine !== undefined) return;
    const { state, platform } = this.#context;
    const { id } = state.self;
    this.#machine = new NamedRelays(tagOf(id), this.namedBy(id), platform.clock.now());
    this.#look();
  }

  stop(): void {
    this.#machine = undefined;
    this.#timer?.cancel();
  }

  #look(): void {
    const { clock } = this.#context.platform;
    const neighbours = this.#links().map((link) => ({ ...link, willingness: this.#willingnessOf(link) }));
    if (this.#machine?.judge(neighbours, clock.now())) this.#announce();
    this.#timer = clock.timer(clock.now() + looksEvery, () => this.#look());
  }

  /** By the handshake: nobody's links are told where this is asked. */
  #willingnessOf({ tag }: ToldLink): RelayWillingness {
    const { connections, tags } = this.#context;
    const peer = tags.memberOf(tag);
    return willingnessIn((peer && connections.connection(peer)?.features) ?? []);
  }
}
