/**
 * The live wiring of a node: facts that the encapsulations state become sessions, records, packets and events; findings of
 * discovery become attempts. Decides nothing about the wire; owns the shells around machines and packets.
 */
import { Drop } from "../contracts/drop.ts";
import type {
  EncapsulationOutput,
  JoinAnswer,
  OverlayPacket,
  PathMeasuring,
} from "../contracts/encapsulation.ts";
import type { Finding } from "../contracts/discovery.ts";
import { errorCode } from "../contracts/errors.ts";
import type { PeerIdentity } from "../contracts/membership.ts";
import type { Endpoint, PeerId, PeerRecord } from "../contracts/values.ts";
import { isOwnAddress } from "../forwarding/forward.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import { broadcastFeature } from "../wire/broadcast_header.ts";
import { GreProtocol } from "../wire/gre.ts";
import { Admissions } from "./admissions.ts";
import { Broadcasts } from "./broadcasts.ts";
import { EncapsulationDriver, type EncapsulationFact } from "./encapsulation_driver.ts";
import { Forwarder } from "./forwarder.ts";
import { DeviceLinks } from "./device_links.ts";
import { defaultStanding, Dialling, introduction, target } from "./dialling.ts";
import { MeshRoutes } from "./devices.ts";
import { MeshBridges } from "./mesh_bridges.ts";
import { MeshDatapath } from "./mesh_datapath.ts";
import { Introductions } from "./introductions.ts";
import { Joining } from "./joining.ts";
import { NameClashAlerts } from "./name_clashes.ts";
import type { NodeContext } from "./node_context.ts";
import { carriesNotes } from "./note_carrier.ts";
import type { NodeParts } from "./node_parts.ts";
import { ownAddresses } from "./own_endpoint.ts";
import { Turns } from "./turns.ts";
import type { Voting } from "./voting.ts";

type Fact<T extends EncapsulationOutput["type"]> = Extract<EncapsulationOutput, { type: T }>;

export class Mesh {
  readonly driver: EncapsulationDriver<NodeParts["encapsulation"]>;
  readonly forwarder: Forwarder;
  readonly introductions: Introductions;
  readonly admissions: Admissions;
  readonly joining = new Joining();
  readonly bridges: MeshBridges;
  readonly broadcasts: Broadcasts;
  readonly datapath: MeshDatapath;
  readonly #context: NodeContext;
  readonly #parts: NodeParts;
  readonly #devices: DeviceLinks;
  readonly #dialling: Dialling;
  readonly #exclusions = new Turns();
  readonly #nameClashes: NameClashAlerts;
  /** Where clones of peers were seen. */
  readonly #clones = new Map<PeerId, readonly string[]>();
  /** From the start on: before it there may be no network. */
  voting: Voting | undefined;

  constructor(context: NodeContext, parts: NodeParts, standingSessions?: number) {
    this.#context = context;
    this.#parts = parts;
    const { platform, drops, channels, state } = context;
    this.#nameClashes = new NameClashAlerts(context.alerts);
    this.driver = new EncapsulationDriver({
      machine: parts.encapsulation,
      datagrams: parts.datagrams,
      clock: platform.clock,
      drops,
      log: platform.log.child("mesh"),
      onFact: (fact) => this.#handle(fact),
      onDrained: () => this.datapath.update(),
    });
    if (measuresPaths(parts.encapsulation)) parts.encapsulation.measurePaths();
    this.#devices = new DeviceLinks(context, parts.beside, {
      forward: (from, packet) => this.forwarder.fromMesh(from, packet),
      isOurs: (address) => isOwnAddress(address, this.forwarder),
    });
    this.introductions = new Introductions({
      self: state.self.id,
      channel: channels.open("mesh"),
      replicator: context.replicator,
      book: state,
      clock: platform.clock,
      log: platform.log.child("mesh"),
    });
    const fixed = new MeshRoutes(parts.ipam.routes, this.#devices.devices, () => state.network()?.ranges);
    this.bridges = new MeshBridges(context, parts, fixed);
    this.broadcasts = broadcastsOf(context);
    this.forwarder = new Forwarder({
      self: state.self.id,
      port: parts.port,
      routes: this.bridges,
      foreign: this.bridges.foreign,
      looped: (mac) => this.bridges.bridges.looped(mac),
      policy: parts.policy,
      drops,
      clock: platform.clock,
      log: platform.log.child("mesh"),
      broadcasts: this.broadcasts,
      pathMtu: (peer) => context.connections.connection(peer)?.pathMtu,
      seal: (peer, packet) => this.#seal(peer, packet),
      hold: (peer, packet) => this.#dialling.demand.hold(peer, packet),
      tally: context.connections,
      judged: (flow, allow) => this.datapath.judged(flow, allow),
    });
    this.datapath = new MeshDatapath(context, parts, this.bridges, (step) => {
      this.driver.call((_, now) => step(now));
    });
    this.#dialling = new Dialling(context, parts.datagrams, {
      standing: standingSessions ?? defaultStanding,
      call: (step) => this.driver.call(step),
      send: (peer, packet) => this.forwarder.resend(peer, packet),
      datapath: this.datapath,
      named: () => parts.discovery.flatMap((each) => each.targets().map(({ endpoint }) => endpoint)),
    });
    this.admissions = new Admissions({ platform, state, spread: (news) => this.introductions.spread(news) });
    this.#listen();
  }

  #listen(): void {
    const { encapsulation } = this.#parts;
    if (carriesNotes(encapsulation)) {
      this.#context.notes.carryOver(encapsulation, (step) => this.driver.call((_, now) => step(now)));
    }
    this.#context.channels.carryOver((peer, packet) => this.driver.seal(peer, packet));
    for (const plugin of this.#parts.discovery) plugin.watch((finding) => this.#find(finding));
    this.#context.state.onMembersChanged((peers, removed) => this.#membersChanged(peers, removed));
    this.introductions.onStaleKey(() => void this.#renewKey());
    this.introductions.onOutspoken(() => {
      this.voting?.suspect();
      this.announce().catch((error) =>
        this.#context.platform.log.log("error", "Cannot announce this node anew", { error })
      );
    });
    this.introductions.onCloneSeen((_, places) => this.#raiseOwnClone(places));
  }

  /** Sets out for every member this node has known, so that a restart returns without waiting for introductions. */
  start(): void {
    const { state } = this.#context;
    this.#judgeSelf();
    this.voting = this.#context.voters.begin();
    this.introductions.start();
    this.voting.start();
    this.#nameClashes.update(state.trust());
    this.#dialling.fill();
    this.#devices.start();
    this.datapath.start();
  }

  stop(): void {
    this.voting?.stop();
    this.introductions.stop();
    this.#dialling.stop();
    // Whoever is behind a relay came after it, and hears of this through it.
    for (const peer of this.#context.connections.peers().toReversed()) {
      this.driver.call((machine, now) => machine.disconnect(peer, now));
    }
    this.driver.close();
    this.#devices.stop();
    this.datapath.stop();
  }

  #seal(peer: PeerId, packet: OverlayPacket): Drop {
    return this.#devices.seal(peer, packet) ?? this.driver.seal(peer, packet);
  }

  /**
   * Shuts out what the records name, and tells all: those who are meant have no session any more when the new key is
   * spread. One exclusion after the other: the key of the later one must not be of the same epoch.
   */
  async exclude(records: readonly Uint8Array[]): Promise<void> {
    await this.#exclusions.take(() => this.#context.state.exclude(records));
    this.introductions.spread(records);
    this.introductions.spreadKey();
  }

  /**
   * Tells all where this node is and which addresses it has itself, when that is new. Those of containers are not told:
   * a record is bounded, and the ranges say where they are. Rejects when it cannot be kept.
   */
  async announce(): Promise<void> {
    const { datagrams, port } = this.#parts;
    const record = await this.#context.state.announce(datagrams.localEndpoints(), ownAddresses(port));
    if (record !== undefined) this.introductions.spread([record]);
  }

  /** Never rejects: while the key is stale it is tried again. */
  async #renewKey(): Promise<void> {
    try {
      await this.exclude([]);
    } catch (error) {
      this.#context.platform.log.log("error", "Cannot replace the network key; it is tried again", { error });
    }
  }

  /** Tries an endpoint until it answers; at once when it is already being tried. */
  reach(endpoint: Endpoint, source: string, peer?: PeerRecord): void {
    this.#dialling.reach(endpoint, source, peer);
  }

  /** Stops trying an endpoint and shows it no more; a session that exists stays. */
  forget(endpoint: Endpoint): void {
    this.driver.call((machine, now) => machine.forget(endpoint, now));
    this.#context.connections.forget(endpoint);
  }

  #find(finding: Finding): void {
    if (finding.type === "endpoint") this.reach(finding.endpoint, target);
    if (finding.type === "peer") this.#dialling.reachPeer(finding.peer);
    if (finding.type === "alive") this.#dialling.returned(finding.peer);
    if (finding.type === "dead") this.#dialling.gone(finding.peer);
  }

  #membersChanged(learned: readonly PeerIdentity[], removed: readonly PeerId[]): void {
    const { connections, events, alerts, state, replicator, members } = this.#context;
    replicator.membersChanged();
    this.voting?.membersChanged();
    members.changed(learned, removed);
    this.#nameClashes.update(state.trust());
    this.#judgeSelf();
    for (const peer of removed) {
      events.emit("peer:revoked", { peer });
      connections.forgetPeer(peer);
      if (this.#clones.delete(peer)) alerts.clear(cloneAlert(peer));
      if (peer === state.self.id) continue;
      this.introductions.tell(peer);
      this.driver.call((machine, now) => machine.disconnect(peer, now));
      for (const streams of this.#parts.streams) streams.disconnect(peer);
    }
    for (const peer of learned) {
      connections.keepPlaces(peer.id, peer.endpoints, introduction);
      this.#dialling.reachPeer(peer);
    }
  }

  /**
   * A node is out when it was revoked, and also when the one that had admitted it was, by somebody who had not heard of
   * the admission: then it is a stranger to all, itself included, until a member admits it anew.
   */
  #judgeSelf(): void {
    const { alerts, state } = this.#context;
    if (state.trust().standing(state.self.publicKey).state === "admitted") return alerts.clear("revoked");
    alerts.raise(
      "revoked",
      "this node was shut out of its network; reset it, and join anew with a new token",
    );
  }

  #handle(fact: EncapsulationFact): void {
    const { connections, members } = this.#context;
    if (fact.type === "packet") members.heard(fact.from);
    if (fact.type === "round-trip") members.heard(fact.peer);
    switch (fact.type) {
      case "packet":
        return this.#receive(fact);
      case "session-up":
        return this.#sessionUp(fact);
      case "session-down":
        return this.#sessionDown(fact);
      case "roamed":
        connections.roamed(fact);
        return this.#context.events.emit("peer:roamed", { peer: fact.peer, endpoint: fact.endpoint });
      case "plain":
        connections.plain(fact);
        return this.#context.events.emit("peer:encryption", { peer: fact.peer, encrypted: !fact.isPlain });
      case "round-trip":
        return connections.roundTrip(fact);
      case "note":
        return this.#context.notes.arrived(fact);
      case "path-mtu":
        return connections.pathMtu(fact);
      case "attempt-failed":
        return this.#attemptFailed(fact);
      case "target-found":
        return connections.targetFound(fact);
      case "clone-detected":
        return this.#cloned(fact);
      case "join-requested":
        return this.#admit(fact);
      case "join-answered":
      case "join-failed":
        return this.joining.settle(fact);
    }
  }

  #receive({ from, packet }: Fact<"packet">): void {
    if (packet.protocol !== GreProtocol.control) {
      this.forwarder.fromMesh(from, packet);
      return;
    }
    this.#context.drops.count(
      packet.forwarded ? Drop.malformed : this.#context.channels.dispatch(from, packet.payload),
    );
  }

  #sessionUp(fact: Fact<"session-up">): void {
    const { connections, state, events, platform } = this.#context;
    connections.sessionUp(fact);
    const routes = state.learnCredentials(fact.credentials);
    if (routes !== undefined) this.#parts.ipam.routes.learn(fact.peer.id, routes);
    const { id: peer, name } = fact.peer;
    const { endpoint } = fact.session;
    platform.log.log("info", "Peer is up", { peer, name, endpoint: formatEndpoint(endpoint) });
    events.emit("peer:up", { peer, name, endpoint });
    this.introductions.greet(peer);
    const places = this.#clones.get(peer);
    if (places !== undefined) this.introductions.tellClone(peer, places);
    this.#dialling.sessionUp(peer);
  }

  #sessionDown(fact: Fact<"session-down">): void {
    const { connections, events, platform } = this.#context;
    const connection = connections.sessionDown(fact);
    if (connection === undefined) return;
    const { id: peer, name } = connection.identity;
    platform.log.log("info", "Peer is down", { peer, name, reason: fact.reason });
    events.emit("peer:down", { peer, name, reason: fact.reason });
    this.#dialling.demand.sessionDown(peer);
    this.#dialling.fill();
  }

  #attemptFailed(fact: Fact<"attempt-failed">): void {
    const { connections, events } = this.#context;
    connections.attemptFailed(fact);
    events.emit("target:failed", { endpoint: fact.target.endpoint, code: fact.code, reason: fact.reason });
    this.#dialling.fill();
  }

  /**
   * Both are told: the newer one over the session that it is about to lose, which still stands when this is said, and
   * the older one when it is back.
   */
  #cloned({ peer, endpoints }: Fact<"clone-detected">): void {
    const { state } = this.#context;
    const places = endpoints.map(formatEndpoint);
    if (peer === state.self.id) return this.#raiseOwnClone(places);
    const name = state.peerName(peer) ?? peer;
    this.#clones.set(peer, places);
    this.#raiseClone(
      peer,
      `${name} runs twice with one identity, at ${places.join(" and ")}; reset one of them`,
    );
    this.introductions.tellClone(peer, places);
  }

  #raiseOwnClone(places: readonly string[]): void {
    const { self } = this.#context.state;
    const where = places.length === 0 ? "" : ` (seen at ${places.join(" and ")})`;
    this.#raiseClone(
      self.id,
      `another node runs with this node's identity${where}; stop one of the two and reset it`,
    );
  }

  #raiseClone(peer: PeerId, detail: string): void {
    this.#context.alerts.raise(cloneAlert(peer), detail);
  }

  #admit(request: Fact<"join-requested">): void {
    void this.#judge(request).then((answer) =>
      this.driver.call((machine, now) => machine.answerJoin(request.request, answer, now))
    );
  }

  /** Never rejects: a joiner hears of every outcome. */
  async #judge(request: Fact<"join-requested">): Promise<JoinAnswer> {
    const { events, platform } = this.#context;
    try {
      const { answer, admitted } = await this.admissions.admit(request);
      if (admitted !== undefined) events.emit("peer:admitted", admitted);
      return answer;
    } catch (error) {
      platform.log.log("error", "Cannot admit a node", { endpoint: formatEndpoint(request.from), error });
      return { refused: errorCode(error), reason: "the admitting member could not write its state" };
    }
  }
}

function broadcastsOf({ platform, state, connections, drops, tags }: NodeContext): Broadcasts {
  return new Broadcasts({
    self: state.self.id,
    clock: platform.clock,
    drops,
    peers: () => connections.peers(),
    takesHeaders: (peer) => connections.connection(peer)?.features.includes(broadcastFeature) === true,
    memberOf: (tag) => tags.memberOf(tag),
  });
}

function measuresPaths(encapsulation: object): encapsulation is PathMeasuring {
  return "measurePaths" in encapsulation;
}

function cloneAlert(peer: PeerId): string {
  return `identity-cloned:${peer}`;
}
