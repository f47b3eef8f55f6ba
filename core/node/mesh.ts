/**
 * The live wiring of a node: facts that the encapsulations state become sessions, records, packets and events; findings of
 * discovery become attempts. Decides nothing about the wire; owns the shells around machines and packets.
 */
import { Drop } from "../contracts/drop.ts";
import type { EncapsulationOutput, OverlayPacket } from "../contracts/encapsulation.ts";
import type { Finding } from "../contracts/discovery.ts";
import type { PeerIdentity } from "../contracts/membership.ts";
import { carriesRumours } from "../contracts/rumours.ts";
import type { Endpoint, PeerId, PeerRecord } from "../contracts/values.ts";
import { isOwnAddress } from "../forwarding/forward.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import { GreProtocol } from "../wire/gre.ts";
import { relayedPlace } from "../wire/relay_endpoint.ts";
import { Admissions } from "./admissions.ts";
import { judgeJoin } from "./admitting.ts";
import type { Broadcasts } from "./broadcasts.ts";
import { Clones } from "./clones.ts";
import { EncapsulationDriver, type EncapsulationFact } from "./encapsulation_driver.ts";
import { Forwarder } from "./forwarder.ts";
import { DeviceLinks } from "./device_links.ts";
import { defaultStanding, type DialledMembers, Dialling, introduction, target } from "./dialling.ts";
import { MeshRoutes } from "./devices.ts";
import { MeshBridges } from "./mesh_bridges.ts";
import { MeshDatapath } from "./mesh_datapath.ts";
import { broadcastsOf, introductionsOf, isHeldForDead, measuresPaths, willingnessOf } from "./mesh_parts.ts";
import { MeshTopology } from "./mesh_topology.ts";
import type { Introductions } from "./introductions.ts";
import { Joining } from "./joining.ts";
import { NameClashAlerts } from "./name_clashes.ts";
import type { NodeContext } from "./node_context.ts";
import { carriesNotes } from "./note_carrier.ts";
import type { NodeParts } from "./node_parts.ts";
import { ownAddresses } from "./own_endpoint.ts";
import { type Traversal, traversalOf } from "./traversal.ts";
import { placesOf } from "./target_status.ts";
import { Turns } from "./turns.ts";
import type { Voting } from "./voting.ts";

type Fact<T extends EncapsulationOutput["type"]> = Extract<EncapsulationOutput, { type: T }>;

/** Of a mesh; see `NodeOptions`. */
export interface MeshOptions extends DialledMembers {
  readonly linkStateUpTo?: number;
}

export class Mesh {
  readonly driver: EncapsulationDriver<NodeParts["encapsulation"]>;
  readonly forwarder: Forwarder;
  readonly introductions: Introductions;
  readonly admissions: Admissions;
  readonly joining = new Joining();
  readonly bridges: MeshBridges;
  readonly broadcasts: Broadcasts;
  readonly datapath: MeshDatapath;
  readonly traversal: Traversal;
  readonly topology: MeshTopology;
  readonly #context: NodeContext;
  readonly #parts: NodeParts;
  readonly #devices: DeviceLinks;
  readonly #dialling: Dialling;
  readonly #exclusions = new Turns();
  readonly #nameClashes: NameClashAlerts;
  readonly #clones: Clones;
  /** From the start on: before it there may be no network. */
  voting: Voting | undefined;

  constructor(context: NodeContext, parts: NodeParts, options: MeshOptions = {}) {
    this.#context = context;
    this.#parts = parts;
    const { platform, drops, state } = context;
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
    this.introductions = introductionsOf(context);
    const fixed = new MeshRoutes(parts.ipam.routes, this.#devices.devices, () => state.network()?.ranges);
    this.bridges = new MeshBridges(context, parts, fixed);
    this.topology = new MeshTopology(context, {
      willingness: willingnessOf(parts.encapsulation),
      isGone: (peer) => isHeldForDead(parts.discovery, peer),
      linkStateUpTo: options.linkStateUpTo,
    });
    this.broadcasts = broadcastsOf(context);
    this.broadcasts.follow(this.topology.frames);
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
    this.traversal = traversalOf(context, parts, {
      call: (step) => this.driver.call((_, now) => step(now)),
      announce: () => this.#announceAnew(),
    });
    this.datapath = new MeshDatapath(context, parts, this.bridges, (step) => {
      this.driver.call((_, now) => step(now));
    });
    this.#dialling = this.#openDialling(options);
    this.#clones = new Clones({ ...context, introductions: this.introductions });
    this.admissions = new Admissions({ platform, state, spread: (news) => this.introductions.spread(news) });
    this.#listen();
  }

  #openDialling({ standingSessions = defaultStanding, onlyTargets = false }: DialledMembers): Dialling {
    const { datagrams, discovery } = this.#parts;
    return new Dialling(this.#context, datagrams, {
      standing: standingSessions,
      onlyNamed: onlyTargets,
      call: (step) => this.driver.call(step),
      send: (peer, packet) => this.forwarder.resend(peer, packet),
      datapath: this.datapath,
      ranked: (endpoints) => this.traversal.ranked(endpoints),
      relaysTo: (peer) => this.topology.relaysTo(peer),
      named: () => discovery.flatMap((each) => each.targets().flatMap(placesOf)),
    });
  }

  #announceAnew(): void {
    this.announce().catch((error) =>
      this.#context.platform.log.log("error", "Cannot announce this node anew", { error })
    );
  }

  #listen(): void {
    const { encapsulation } = this.#parts;
    if (carriesNotes(encapsulation)) {
      this.#context.notes.carryOver(encapsulation, (step) => this.driver.call((_, now) => step(now)));
      this.#context.notes.seekBehind((peer) => this.topology.relaysTo(peer));
    }
    this.#context.channels.carryOver((peer, packet) => this.driver.seal(peer, packet));
    for (const plugin of this.#parts.discovery) plugin.watch((finding) => this.#find(finding));
    const rumours = (this.#parts.discovery as readonly object[]).find(carriesRumours);
    if (rumours !== undefined) this.#context.replicator.carryOver(rumours);
    this.#context.state.onMembersChanged((peers, removed) => this.#membersChanged(peers, removed));
    this.topology.carryOver({
      knows: (origin, number) => this.broadcasts.knows(origin, number),
      send: (peer, packet) => this.forwarder.resend(peer, packet),
    });
    this.topology.onRerouted((peers) => this.#dialling.rerouted(peers));
    this.topology.naming.onNamed(() => this.#announceAnew());
    this.introductions.onStaleKey(() => void this.#renewKey());
    this.introductions.onOutspoken(() => {
      this.voting?.suspect();
      this.#announceAnew();
    });
    this.introductions.onCloneSeen((_, places) => this.#clones.raiseOwn(places));
  }

  /** Sets out for members that this node has known, so that a restart returns without waiting for introductions. */
  dial(): void {
    this.#dialling.fill();
  }

  /** Once all parts run. Whoever could not be set out for before, as they were known behind relays alone, is now. */
  start(): void {
    const { state } = this.#context;
    this.#judgeSelf();
    this.voting = this.#context.voters.begin();
    this.introductions.start();
    this.voting.start();
    this.topology.start();
    this.#nameClashes.update(state.trust());
    this.#dialling.fill();
    this.#devices.start();
    this.datapath.start();
  }

  stop(): void {
    this.voting?.stop();
    this.traversal.stop();
    this.introductions.stop();
    this.topology.stop();
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
    const { state } = this.#context;
    const held = ownAddresses(this.#parts.port);
    const addresses = held.length > 0 ? held : state.announcedAddresses();
    const record = await state.announce(this.traversal.endpoints(), addresses, this.topology.naming.named);
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
    this.#dialling.fill();
  }

  #find(finding: Finding): void {
    if (finding.type === "endpoint") this.reach(finding.endpoint, target);
    if (finding.type === "withdrawn") this.forget(finding.endpoint);
    if (finding.type === "peer") this.#dialling.reachPeer(finding.peer);
    if (finding.type === "alive") this.#dialling.returned(finding.peer);
    if (finding.type === "dead") this.#dialling.gone(finding.peer);
    if (finding.type === "alive" || finding.type === "dead") this.topology.livesChanged();
  }

  #membersChanged(learned: readonly PeerIdentity[], removed: readonly PeerId[]): void {
    const { connections, events, state, replicator, members } = this.#context;
    replicator.membersChanged();
    this.voting?.membersChanged();
    members.changed(learned, removed);
    this.topology.membersChanged(learned);
    this.#nameClashes.update(state.trust());
    this.#judgeSelf();
    for (const peer of removed) {
      events.emit("peer:revoked", { peer });
      connections.forgetPeer(peer);
      this.#clones.forget(peer);
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
        this.#placed(fact.peer);
        this.traversal.moved(fact.peer);
        return this.#context.events.emit("peer:roamed", {
          peer: fact.peer,
          endpoint: fact.endpoint,
          relay: relayedPlace(fact.endpoint)?.relay ?? null,
        });
      case "plain":
        connections.plain(fact);
        return this.#context.events.emit("peer:encryption", { peer: fact.peer, encrypted: !fact.isPlain });
      case "round-trip":
        this.topology.links.roundTrip(fact.peer, fact.rtt);
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
        return this.#clones.detected(fact.peer, fact.endpoints.map(formatEndpoint));
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
    this.#placed(fact.peer.id);
    const routes = state.learnCredentials(fact.credentials);
    if (routes !== undefined) this.#parts.ipam.routes.learn(fact.peer.id, routes);
    const { id: peer, name } = fact.peer;
    const { endpoint } = fact.session;
    platform.log.log("info", "Peer is up", { peer, name, endpoint: formatEndpoint(endpoint) });
    events.emit("peer:up", { peer, name, endpoint });
    this.introductions.greet(peer);
    this.traversal.moved(peer);
    this.#clones.greet(peer);
    this.#dialling.sessionUp(peer);
  }

  #placed(peer: PeerId): void {
    const connection = this.#context.connections.connection(peer);
    if (connection === undefined) return;
    this.topology.placed(peer, connection.endpoint, connection.session.initiator);
  }

  #sessionDown(fact: Fact<"session-down">): void {
    const { connections, events, platform } = this.#context;
    const connection = connections.sessionDown(fact);
    if (connection === undefined) return;
    this.traversal.sessionDown(fact.peer);
    const { id: peer, name } = connection.identity;
    this.topology.lost(peer);
    platform.log.log("info", "Peer is down", { peer, name, reason: fact.reason });
    events.emit("peer:down", { peer, name, reason: fact.reason });
    this.#dialling.demand.sessionDown(peer);
    this.#dialling.fill();
  }

  #attemptFailed(fact: Fact<"attempt-failed">): void {
    const { connections, events } = this.#context;
    connections.attemptFailed(fact);
    events.emit("target:failed", { endpoint: fact.target.endpoint, code: fact.code, reason: fact.reason });
    this.topology.unanswered(fact.target.peer?.id);
    this.#dialling.failed(fact.target.peer?.id);
  }

  #admit(wish: Fact<"join-requested">): void {
    void judgeJoin(this.#context, this.admissions, wish).then((answer) =>
      this.driver.call((machine, now) => machine.answerJoin(wish.request, answer, now))
    );
  }
}
