/** What all parts of one node share, and the {@link Host} that each plugin sees of it. */
import type { Host } from "../contracts/host.ts";
import type { Store } from "../contracts/store.ts";
import { Alerts } from "./alerts.ts";
import { Channels } from "./channels.ts";
import { ConnectionTable } from "./connection_table.ts";
import { DropCounts } from "./drop_counts.ts";
import { EventBus } from "./event_bus.ts";
import { ForeignRecords } from "./foreign_records.ts";
import { MemberNews } from "./member_news.ts";
import { MemberTags } from "./member_tags.ts";
import { NetworkState } from "./network_state.ts";
import { NewsLimits } from "./news_limits.ts";
import { NoteCarrier } from "./note_carrier.ts";
import type { Platform } from "./platform.ts";
import { Replicator, stateChannel } from "./replicator.ts";
import { VotersSeat } from "./voters_seat.ts";

export class NodeContext {
  readonly platform: Platform;
  readonly store: Store;
  readonly events: EventBus;
  readonly drops = new DropCounts();
  readonly alerts: Alerts;
  readonly connections = new ConnectionTable();
  readonly channels: Channels;
  readonly state: NetworkState;
  readonly replicator: Replicator;
  readonly voters: VotersSeat;
  readonly members: MemberNews;
  readonly tags: MemberTags;
  readonly notes: NoteCarrier;
  /** Aborts when the node stops: ends every loop and wait. */
  readonly signal: AbortSignal;

  /** The store has started: identity and network are read from it here. */
  constructor(platform: Platform, store: Store, name: string, signal: AbortSignal) {
    this.platform = platform;
    this.store = store;
    this.signal = signal;
    this.events = new EventBus(platform.log);
    this.alerts = new Alerts({ clock: platform.clock, events: this.events, log: platform.log }, signal);
    // Before anything is read: what cannot be may be so for the very reason that is told here.
    for (const { name, detail } of store.notices?.() ?? []) this.alerts.raise(name, detail);
    this.channels = new Channels(platform.log, () => this.connections.peers());
    this.state = new NetworkState({ platform, store, name });
    this.replicator = new Replicator({
      self: this.state.self.id,
      channel: this.channels.open(stateChannel),
      clock: platform.clock,
      log: platform.log.child("state"),
      foreign: new ForeignRecords((key) => this.#isAdmitted(key)),
      limits: new NewsLimits(this.drops, (key) => this.#isAdmitted(key)),
    });
    this.voters = new VotersSeat(this);
    const { clock } = platform;
    const log = platform.log.child("members");
    this.members = new MemberNews(
      () => this.state.knownPeers(),
      log,
      (name) => this.state.isMember() ? this.state.trust().nameOwner(name)?.id : undefined,
    );
    this.tags = memberTagsOf(this.state);
    this.notes = new NoteCarrier({
      clock,
      log,
      members: this.members,
      tags: this.tags,
      connections: this.connections,
      drops: this.drops,
    });
  }

  #isAdmitted(publicKey: Uint8Array): boolean {
    return this.state.isMember() && this.state.trust().standing(publicKey).state === "admitted";
  }

  hostFor(plugin: string): Host {
    const { clock, random, log, aeads, datapath } = this.platform;
    return {
      self: this.state.self,
      clock,
      random,
      log: log.child(plugin),
      events: this.events,
      drops: this.drops,
      membership: this.state,
      store: this.store,
      aeads,
      ...datapath === undefined ? {} : { datapath },
      notes: this.notes,
      members: this.members,
      resolve: this.platform.resolve,
      channel: (name) => this.channels.open(name),
      replicate: (state) => this.replicator.replicate(state),
      decisions: this.voters,
    };
  }
}

function memberTagsOf(state: NetworkState): MemberTags {
  return new MemberTags({
    edition: () => state.trust().edition,
    members: () =>
      state.trust().members().filter((member) => member.state === "admitted").map(({ id }) => id),
  });
}
