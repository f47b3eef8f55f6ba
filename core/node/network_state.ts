/**
 * Who this node is and what it knows of its network: identity, founding record, keys, trust and announcements, loaded
 * from the store at start and written back with every change. Answers as {@link Membership} to the encapsulation and as
 * {@link RecordBook} to the introductions.
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
import { exclusionsOf, type Network, networkChange, nextKey, openNetwork } from "./network.ts";
import { sameFacts } from "./own_announcement.ts";
import { PeerBook } from "./peer_book.ts";
import type { Platform } from "./platform.ts";
import { recordsDigest } from "../identity/records_digest.ts";
import { readNetwork, readSequence, recordChange, storeKeys } from "./state_records.ts";

export interface StateParts {
  readonly platform: Platform;
  readonly store: Store;
  /** For a node that is new; one that has joined keeps the name it was admitted under. */
  readonly name: string;
}

/** What a network starts with on this node. */
export interface NewNetwork {
  readonly founding: Uint8Array;
  readonly key: EpochKey;
  readonly passwordKey: Secret | undefined;
  readonly records: readonly Uint8Array[];
  readonly announcements: readonly Uint8Array[];
}

type MembersListener = (learned: readonly PeerIdentity[], removed: readonly PeerId[]) => void;

export class NetworkState implements Membership, RecordBook {
  #self: Self;
  readonly #parts: StateParts;
  readonly #secrets: IdentitySecrets;
  readonly #book = new PeerBook();
  #network: Network | undefined;
  #sequence: number;
  #announcement: Uint8Array | undefined;
  /** Digest of all revocations, while it holds: to find them again costs a signature check each. */
  #exclusions: Uint8Array | undefined;
  #routes: () => Uint8Array = () => new Uint8Array();
  #changed: MembersListener = () => {};

  /** Throws `STATE_CORRUPT` or `UNSUPPORTED` for what cannot be read. */
  constructor(parts: StateParts) {
    const { store, platform } = parts;
    const identity = store.get(storeKeys.identity);
    const name = store.get(storeKeys.name);
    this.#parts = parts;
    this.#secrets = identity === undefined ? createIdentity(platform.random) : decodeIdentity(identity);
    this.#self = openSelf(this.#secrets, name === undefined ? parts.name : new TextDecoder().decode(name));
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
    const network = openNetwork(entered.founding, [entered.key], entered.passwordKey);
    for (const record of entered.records) network.trust.merge(record);
    const { state, name = this.self.name } = network.trust.standing(this.self.publicKey);
    if (state !== "admitted") {
      throw new MeshError(
        "NOT_ADMITTED",
        "Cannot join: the welcome holds no valid admission of this node; try another member",
      );
    }
    // With where the others are: a node that resumes and knows nobody could not be found either.
    const peers = entered.announcements.flatMap((record) => {
      const peer = this.#learnAnnouncement(record, network.trust);
      return peer === undefined ? [] : [{ peer, change: { key: storeKeys.peers + peer.id, value: record } }];
    });
    await this.#parts.store.commit([
      this.#identityChange(),
      { key: storeKeys.name, value: new TextEncoder().encode(name) },
      networkChange(network),
      ...network.trust.records().map(recordChange),
      ...peers.map(({ change }) => change),
    ]);
    this.#self = openSelf(this.#secrets, name);
    this.#network = network;
    this.#changed(peers.map(({ peer }) => peer), []);
  }

  /**
   * To be done before this node knocks: a member may admit it without the answer coming through, and who knocks again
   * under another key would find its own name taken.
   */
  async keepIdentity(): Promise<void> {
    await this.#parts.store.commit([this.#identityChange()]);
  }

  /** Signs and keeps a new announcement when endpoints or addresses have changed; the record to spread, if any. */
  async announce(
    endpoints: readonly Endpoint[],
    addresses: readonly Address[],
  ): Promise<Uint8Array | undefined> {
    const sequence = this.#sequence + 1;
    const facts = { bindingNumber: this.#secrets.bindingNumber, endpoints, addresses };
    const current = this.#announcement && openAnnouncement(this.#announcement);
    if (current !== undefined && sameFacts(current, facts)) return undefined;
    const record = signAnnouncement(this.self, { ...facts, sequence });
    await this.#parts.store.commit([
      { key: storeKeys.sequence, value: new TextEncoder().encode(String(sequence)) },
      { key: storeKeys.peers + this.self.id, value: record },
    ]);
    this.#sequence = sequence;
    this.#announcement = record;
    return record;
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
    const { facts, keys, trust, passwordKey } = this.#network;
    if (passwordKey !== undefined && equalBytes(passwordTokenReference(facts.name).id, token.id)) {
      return [passwordKey.reveal()];
    }
    if (isExpired(token, this.#parts.platform.clock.wall()) || trust.isTokenRevoked(token.id)) return [];
    return [deriveTokenKey(keys.keys()[0]!, token)];
  }

  credentials(): Uint8Array {
    const { trust } = this.#member();
    const announcement = this.#announcement ?? this.#firstAnnouncement();
    return encodeCredentials({
      announcement,
      chain: trust.chain(this.self.publicKey),
      routes: this.#routes(),
    });
  }

  check(credentials: Uint8Array, noiseKey: Uint8Array): PeerIdentity | Refusal {
    const checked = checkCredentials(credentials, noiseKey, this.#member().trust);
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

  /** Admissions and revocations first: an announcement is believed of an admitted peer only. */
  records(): readonly Uint8Array[] {
    const own = this.#announcement === undefined ? [] : [this.#announcement];
    return [...this.#member().trust.records(), ...own, ...this.#book.records()];
  }

  digest(): Uint8Array {
    return recordsDigest(this.records());
  }

  exclusionsDigest(): Uint8Array {
    return this.#exclusions ??= exclusionsOf(this.#member().trust.records());
  }

  isKeyStale(): boolean {
    const { exclusions } = this.newestKey();
    return exclusions !== undefined && !equalBytes(exclusions, this.exclusionsDigest());
  }

  /** `areKept`: the records are on disk already. */
  learn(records: readonly Uint8Array[], areKept = false): readonly Uint8Array[] {
    const { trust } = this.#member();
    const fresh: Uint8Array[] = [];
    const changes: StoreChange[] = [];
    const peers: PeerIdentity[] = [];
    const before = admittedIds(trust);
    for (const record of records) {
      if (trust.merge(record) === "new") {
        this.#exclusions = undefined;
        fresh.push(record);
        if (!areKept) changes.push(recordChange(record));
      }
      const peer = this.#learnAnnouncement(record, trust);
      if (peer === undefined) continue;
      peers.push(peer);
      before.add(peer.id); // one of these very records may shut it out
      fresh.push(record);
      changes.push({ key: storeKeys.peers + peer.id, value: record });
    }
    const after = admittedIds(trust);
    const removed = [...before].filter((id) => !after.has(id));
    for (const peer of removed) {
      if (this.#book.forget(peer)) changes.push({ key: storeKeys.peers + peer, value: undefined });
    }
    this.#commitLater(changes);
    const learned = peers.filter(({ id }) => after.has(id));
    if (learned.length > 0 || removed.length > 0) this.#changed(learned, removed);
    return fresh;
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
    this.#commitLater([networkChange(network)]);
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
    this.#commitLater([networkChange(network)]);
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
    return this.#member().trust;
  }

  /** Other members that have said where they are. */
  knownPeers(): readonly PeerIdentity[] {
    return this.#book.peers();
  }

  announcements(): readonly Uint8Array[] {
    return [...(this.#announcement === undefined ? [] : [this.#announcement]), ...this.#book.records()];
  }

  peerName(id: PeerId): string | undefined {
    return id === this.self.id ? this.self.name : this.#network?.trust.member(id)?.name;
  }

  peerAddresses(id: PeerId): readonly Address[] {
    return this.#book.get(id)?.addresses ?? [];
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

  #learnAnnouncement(record: Uint8Array, trust: Trust): PeerIdentity | undefined {
    if (this.#announcement !== undefined && equalBytes(record, this.#announcement)) return undefined;
    const believes = ({ id, publicKey }: PeerIdentity) =>
      id !== this.self.id && trust.standing(publicKey).state === "admitted";
    return this.#book.learn(record, believes)?.peer;
  }

  /** Before the sockets are open nothing is known but the identity; handshakes come after, so this is for joining. */
  #firstAnnouncement(): Uint8Array {
    const { bindingNumber } = this.#secrets;
    return signAnnouncement(this.self, { bindingNumber, endpoints: [], sequence: this.#sequence });
  }

  #identityChange(): StoreChange {
    return { key: storeKeys.identity, value: encodeIdentity(this.#secrets) };
  }

  #commitLater(changes: readonly StoreChange[]): void {
    if (changes.length === 0) return;
    this.#parts.store.commit(changes).catch((error) =>
      this.#parts.platform.log.log("error", "Cannot keep what was learned; it will be learned again", {
        error,
      })
    );
  }

  #load(): void {
    const { store } = this.#parts;
    const stored = readNetwork(store);
    if (stored === undefined) return;
    const passwordKey = stored.passwordKey && new Secret(stored.passwordKey);
    const network = openNetwork(stored.founding, stored.keys, passwordKey);
    for (const [, record] of store.entries(storeKeys.records)) network.trust.merge(record);
    this.#network = network;
    for (const [key, record] of store.entries(storeKeys.peers)) {
      if (key === storeKeys.peers + this.self.id) this.#announcement = record;
      else this.#learnAnnouncement(record, network.trust);
    }
  }
}

function admittedIds(trust: Trust): Set<PeerId> {
  return new Set(trust.members().filter(({ state }) => state === "admitted").map(({ id }) => id));
}
