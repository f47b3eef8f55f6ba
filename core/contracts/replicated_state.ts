/**
 * State that all nodes share: a set of signed records that every member comes to hold.
 *
 * The plugin that owns a state says which records are valid and which of them supersede others; how they travel is the
 * node's affair. So the carriage may be a flood to everybody, as it is now, or gossip over a partial view, and no owner
 * of a state has to know.
 */
export interface ReplicatedState {
  /** For logs. The wire knows kinds alone: a record's kind is signed, so nobody can move it into another state. */
  readonly name: string;
  /**
   * The kinds of signed records that make up this state, for ever and of no other state; {@link merge} is given no other.
   * A later version may add some: nodes that do not know a kind keep such records of members, within bounds, and pass
   * them on. Where a member's records replace each other, a whole number `q` in the body that grows with each says
   * which of too many such nodes are to keep.
   */
  readonly kinds: readonly string[];
  /**
   * All records held, each at most 1,024 bytes, in an order that a newcomer can merge in one go if there is one. The
   * same array until something changes: two nodes are compared by a digest that is reckoned once per array.
   */
  records(): readonly Uint8Array[];
  /**
   * Takes what is valid and new; the result is what others need to come to the same state, which is held now and was
   * not before. Never throws.
   *
   * For EVERY input, also a hostile one: two replicas that were given the same records in whatever order, grouping and
   * number hold the same (commutative, associative, idempotent); what was held is held, or superseded by something that
   * wins in every order (monotone); and what is not valid changes nothing. Validity lies in the record, so who brought
   * it is not told. `testReplicatedState` of the conformance kits checks all of this.
   */
  merge(records: readonly Uint8Array[]): readonly Uint8Array[];
}

/** What the owner of a state calls. */
export interface Replication {
  /** To all peers: records that were made here, once they are on disk and in {@link ReplicatedState.records}. */
  spread(records: readonly Uint8Array[]): void;
}
