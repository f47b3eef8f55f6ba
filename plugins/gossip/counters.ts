/** What a machine refused, by reason, and what it had to give up for its limits. */
export class GossipCounters {
  /** Messages that are cut or have no form. */
  malformed = 0;
  /** Messages of a version, and sections of a kind, that a newer member speaks. */
  unknownVersion = 0;
  unknownKind = 0;
  /** Messages of those that are no members, and what was said of such. */
  stranger = 0;
  unknownMember = 0;
  /** States that were not believed as they were told, but looked into. */
  doubted = 0;
  /** Deaths and leaves told by who is no neighbour, or in the name of who cannot know. */
  unfounded = 0;
  /** Incarnations that are too far ahead to be believed of a third. */
  incarnationJump = 0;
  /** Accusations, errands and claims beyond what one member may cause or a node does at a time. */
  overLimit = 0;
  /** Records that are too long, and repairs beyond a round's budget. */
  oversized = 0;
  repairDropped = 0;
  /** Deaths that this node declared, and suspicions that it had and were wrong. */
  deaths = 0;
  falseSuspicions = 0;
  /** Times this node was found to have stood still. */
  pauses = 0;
}
