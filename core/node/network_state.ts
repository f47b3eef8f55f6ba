/**
 * Who this node is and what it knows of its network: identity, founding record, keys, trust and announcements, loaded
 * from the store at start and written back with every change. Answers as {@link Membership} to the encapsulation, and to
 * the introductions as {@link RecordBook}, which is shared with all nodes.
 *
 * Nothing of a network is in the store before the network is founded or joined: then all of it is, in one batch.
 */
import { MeshError } from "../contracts/errors.ts";
import type { Self } from "../contracts/host.ts";
import type {
  Membership,
  NetworkFacts,
  NetworkKey,
  PeerIdentity,
  Refusal,
  TokenReference,
} from "../contracts/membership.ts";
import type { Store, StoreChange } from "../contracts/store.ts";
import type { Address, Endpoint, PeerId } from "../contracts/values.ts";
import { openAnnouncement, signAnnouncement } from "../identity/announcement.ts";
import { checkCredentials, decodeCredentials, encodeCredentials } from "../identity/credentials.ts";
import { signFounding } from "../identity/founding.ts";
import {
  createIdentity,
  decodeIdentity,
  encodeIdentity,
  type IdentitySecrets,
  openSelf,
} from "../identity/identity.ts";
import { deriveTokenKey } from "../identity/network_key.ts";
import { passwordTokenReference } from "../identity/password.ts";
import { Secret } from "../identity/secret.ts";
import { isExpired } from "../identity/token.ts";
import type { Trust } from "../identity/trust.ts";
import { equalBytes } from "../wire/bytes.ts";
import type { RecordBook } from "./introductions.ts";
import { type EpochKey, KeyRing } from "./key_ring.ts";
import { LateWrites } from "./late_writes.ts";
import { learnedChanges } from "./learned_changes.ts";
import { exclusionsOf, memberKinds } from "./member_records.ts";
import { type Network, networkChange, type NewNetwork, nextKey, openNetwork } from "./network.ts";
import { sameFacts } from "./own_announcement.ts";
import type { Platform } from "./platform.ts";
import {
  nameChange,
  peerChange,
  readName,
  readNetwork,
  readRecords,
  readSequence,
  recordChange,
  sequenceChange,
  storeKeys,
} from "./state_records.ts";

export interface StateParts {
  readonly platform: Platform;
  readonly store: Store;
  /** For a node that is new; one that has joined keeps the name it was admitted under. */
  readonly name: string;
}

type MembersListener = (learned: readonly PeerIdentity[], removed: readonly PeerId[]) => void;

export class NetworkState implements Membership, RecordBook {
  readonly name = "members";
  readonly kinds = memberKinds;
  #self: Self;
  readonly #parts: StateParts;
  readonly #late: LateWrites;
  readonly #secrets: IdentitySecrets;
  /** As stored: it is written once, so that nothing of it is ever lost. */
  readonly #identity: Uint8Array;
  #network: Network | undefined;
  #sequence: number;
  /** What this node has said of itself last, in this life as far as it knows. */
  #announcement: Uint8Array | undefined;
  #routes: () => Uint8Array = () => new Uint8Array();
  #changed: MembersListener = () => {};

  /** Throws `STATE_CORRUPT` or `UNSUPPORTED` for what cannot be read. */
  constructor(parts: StateParts) {
    const { store, platform } = parts;
    const identity = store.get(storeKeys.identity);
    this.#parts = parts;
    this.#late = new LateWrites(store, platform.log);
    this.#secrets = identity === undefined ? createIdentity(platform.random) : decodeIdentity(identity);
    this.#identity = identity ?? encodeIdentity(this.#secrets);
    this.#self = openSelf(this.#secrets, readName(store) ?? parts.name);
    this.#sequence = readSequence(store);
    this.#load();
  }

  get self(): Self {
    return this.#self;
  }

  /** True once this node has founded or joined a network. */
  isMember(): boolean {
    return this.#network !== undefined;
  }

  /** Founds a network of which this node is the first member. Resolves when it is on disk. */
  async found(
    networkName: string,
    ranges: NetworkFacts["ranges"],
    passwordKey: Secret | undefined,
  ): Promise<void> {
    const { random, clock } = this.#parts.platform;
    const founding = signFounding(this.self, { networkName, ranges, random, wall: clock.wall() });
    const key = new KeyRing([]).rotate(random, exclusionsOf([]));
    await this.enter({ founding, key, passwordKey, records: [], announcements: [] });
  }

  /**
   * Makes a network this node's own: identity, keys and records in one batch, then in memory. The name is the one that
   * the network knows this node by. Rejects `NOT_ADMITTED`, with nothing kept, when the records do not admit it.
   */
  async enter(entered: NewNetwork): Promise<void> {
    const network = openNetwork(entered.founding, [entered.key], entered);
    const { members } = network;
    // With where the others are: a node that resumes and knows nobody could not be found either.
    const { peers } = members.learn([...entered.records, ...entered.announcements]);
    const { state, name = this.self.name } = members.trust.standing(this.self.publicKey);
    if (state !== "admitted") {
      throw new MeshError(
        "NOT_ADMITTED",
        "Cannot join: the welcome holds no valid admission of this node; try another member",
      );
    }
    const others = peers.filter(({ id }) => id !== this.self.id);
    await this.#parts.store.commit([
      this.#identityChange(),
      nameChange(name),
      networkChange(network),
      ...members.trust.records().map(recordChange),
      ...others.map(({ id }) => peerChange(id, members.announcementRecord(id))),
    ]);
    this.#self = openSelf(this.#secrets, name);
    this.#network = network;
    this.#changed(others, []);
  }

  /**
   * To be done before this node knocks: a member may admit it without the answer coming through, and who knocks again
   * under another key would find its own name taken.
   */
  async keepIdentity(): Promise<void> {
    await this.#parts.store.commit([this.#identityChange()]);
  }

  /**
   * Signs and keeps a new announcement when what it says has changed; the record to spread, if any. Its number is above
   * all that the others have seen of this node, also when its disk was set back to an older copy.
   */
  async announce(
    endpoints: readonly Endpoint[],
    addresses: readonly Address[],
    relays = this.announcedRelays(this.self.id),
  ): Promise<Uint8Array | undefined> {
    const facts = { bindingNumber: this.#secrets.bindingNumber, endpoints, addresses, relays };
    const held = this.#ownRecord();
    const current = held && openAnnouncement(held);
    const isSaid = current !== undefined && sameFacts(current, facts);
    const sequence = Math.max(this.#sequence, current?.sequence ?? 0) + (isSaid ? 0 : 1);
    if (isSaid && this.#announcement === held) return undefined;
    const record = isSaid ? held! : signAnnouncement(this.self, { ...facts, sequence });
    const { store } = this.#parts;
    await store.commit([sequenceChange(store, sequence), peerChange(this.self.id, record)]);
    this.#sequence = sequence;
    this.#network?.members.learn([record]);
    const own = this.#ownRecord();
    this.#announcement = own !== undefined && equalBytes(own, record) ? own : record;
    return isSaid ? undefined : record;
  }

  /** The overlay addresses that this node has announced last. */
  announcedAddresses(): readonly Address[] {
    const own = this.#ownRecord();
    return (own && openAnnouncement(own)?.addresses) ?? [];
  }

  announcedRelays(peer: PeerId): Uint8Array {
    return this.#network?.members.announcement(peer)?.relays ?? new Uint8Array();
  }

  /** True while others hold an announcement of this node that it does not know of: from before its disk was set back. */
  isOutspoken(): boolean {
    return this.#announcement !== undefined && this.#ownRecord() !== this.#announcement;
  }

  /** Where the handshake's own ranges come from. */
  routesFrom(routes: () => Uint8Array): void {
    this.#routes = routes;
  }

  onMembersChanged(listener: MembersListener): void {
    this.#changed = listener;
  }

  // Membership -----------------------------------------------------------------------------------------------------

  networkId(): Uint8Array | undefined {
    return this.#network?.facts.id;
  }

  network(): NetworkFacts | undefined {
    return this.#network?.facts;
  }

  networkKeys(): readonly NetworkKey[] {
    return this.#network?.keys.keys() ?? [];
  }

  tokenKeys(token: TokenReference): readonly Uint8Array[] {
    if (this.#network === undefined) return [];
    const { facts, keys, members: { trust }, passwordKey } = this.#network;
    if (passwordKey !== undefined && equalBytes(passwordTokenReference(facts.name).id, token.id)) {
      return [passwordKey.reveal()];
    }
    if (isExpired(token, this.#parts.platform.clock.wall()) || trust.isTokenRevoked(token.id)) return [];
    return [deriveTokenKey(keys.keys()[0]!, token)];
  }

  credentials(): Uint8Array {
    return encodeCredentials({
      announcement: this.#ownRecord() ?? this.#firstAnnouncement(),
      chain: this.trust().chain(this.self.publicKey),
      routes: this.#routes(),
    });
  }

  check(credentials: Uint8Array, noiseKey: Uint8Array): PeerIdentity | Refusal {
    const checked = checkCredentials(credentials, noiseKey, this.trust());
    return "refused" in checked ? checked : checked.peer;
  }

  /** Keeps what a peer's checked credentials tell; the routes in them, for the ipam. */
  learnCredentials(credentials: Uint8Array): Uint8Array | undefined {
    const decoded = decodeCredentials(credentials);
    if (decoded === undefined) return undefined;
    this.learn([...decoded.chain.toReversed(), decoded.announcement]);
    return decoded.routes;
  }

  // Records --------------------------------------------------------------------------------------------------------

  /** None before there is a network. */
  records(): readonly Uint8Array[] {
    return this.#network?.members.records() ?? [];
  }

  exclusionsDigest(): Uint8Array {
    return this.#member().members.exclusionsDigest();
  }

  isKeyStale(): boolean {
    const { exclusions } = this.newestKey();
    return exclusions !== undefined && !equalBytes(exclusions, this.exclusionsDigest());
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    return this.#network === undefined ? [] : this.learn(records);
  }

  /** As {@link merge}. `areKept`: the records are on disk already. */
  learn(records: readonly Uint8Array[], areKept = false): readonly Uint8Array[] {
    const learned = this.#member().members.learn(records);
    this.#late.write(learnedChanges(learned, this.#member().members, { self: this.self.id, areKept }));
    const peers = learned.peers.filter(({ id }) => id !== this.self.id);
    if (peers.length + learned.removed.length > 0) this.#changed(peers, learned.removed);
    return [...learned.trust, ...learned.announcements];
  }

  rewrite(): void {
    this.#late.retry();
  }

  /** As {@link learn}, for records that this node itself has signed: they are on disk before they count. */
  async keepRecords(records: readonly Uint8Array[]): Promise<void> {
    await this.#parts.store.commit(records.map(recordChange));
    this.learn(records, true);
  }

  newestKey(): EpochKey {
    return this.#member().keys.newest()!;
  }

  learnKey(key: EpochKey): boolean {
    const network = this.#member();
    if (!network.keys.add(key)) return false;
    // Whoever was shut out knows the password too.
    network.passwordKey = undefined;
    this.#late.write([networkChange(network)]);
    return true;
  }

  /**
   * Keeps records that shut somebody out and a new network key in one batch, so that there is never one without the
   * other; then both count, and the keys are written once more with what was learned of others meanwhile. Password and
   * tokens of before are void.
   */
  async exclude(records: readonly Uint8Array[]): Promise<void> {
    const network = this.#member();
    const { key, change } = nextKey(network, records, this.#parts.platform.random);
    await this.#parts.store.commit([...records.map(recordChange), change]);
    this.learn(records, true);
    network.keys.add(key);
    network.passwordKey = undefined;
    this.#late.write([networkChange(network)]);
  }

  passwordKey(): Secret | undefined {
    return this.#member().passwordKey;
  }

  founding(): Uint8Array {
    return this.#member().record;
  }

  // Members --------------------------------------------------------------------------------------------------------

  /** Throws `NOT_ADMITTED` before there is a network. */
  trust(): Trust {
    return this.#member().members.trust;
  }

  /** Other members that have said where they are. */
  knownPeers(): readonly PeerIdentity[] {
    return this.#network?.members.peers().filter(({ id }) => id !== this.self.id) ?? [];
  }

  /** Of all members, this node first. */
  announcements(): readonly Uint8Array[] {
    const { members } = this.#member();
    const ids = [this.self.id, ...this.knownPeers().map(({ id }) => id)];
    return ids.map((id) => members.announcementRecord(id)).filter((record) => record !== undefined);
  }

  peerName(id: PeerId): string | undefined {
    return id === this.self.id ? this.self.name : this.#network?.members.trust.member(id)?.name;
  }

  peerAddresses(id: PeerId): readonly Address[] {
    return this.#network?.members.announcement(id)?.addresses ?? [];
  }

  bindingNumber(): number {
    return this.#secrets.bindingNumber;
  }

  #member(): Network {
    if (this.#network === undefined) {
      throw new MeshError(
        "NOT_ADMITTED",
        "This node belongs to no network yet; found one with launch, or join one",
      );
    }
    return this.#network;
  }

  /** The newest that anybody knows, when this node is in good standing. */
  #ownRecord(): Uint8Array | undefined {
    return this.#network?.members.announcementRecord(this.self.id) ?? this.#announcement;
  }

  /** Before the sockets are open nothing is known but the identity; handshakes come after, so this is for joining. */
  #firstAnnouncement(): Uint8Array {
    const { bindingNumber } = this.#secrets;
    return signAnnouncement(this.self, { bindingNumber, endpoints: [], sequence: this.#sequence });
  }

  #identityChange(): StoreChange {
    return { key: storeKeys.identity, value: this.#identity };
  }

  #load(): void {
    const { store } = this.#parts;
    const stored = readNetwork(store);
    if (stored === undefined) return;
    const network = openNetwork(stored.founding, stored.keys, {
      passwordKey: stored.passwordKey && new Secret(stored.passwordKey),
      unknown: stored.unknown,
    });
    network.members.restore(readRecords(store, storeKeys.records).map(([, record]) => record));
    network.members.learn(readRecords(store, storeKeys.peers).map(([, record]) => record));
    this.#network = network;
    this.#announcement = network.members.announcementRecord(this.self.id) ??
      store.get(storeKeys.peers + this.self.id);
  }
}
