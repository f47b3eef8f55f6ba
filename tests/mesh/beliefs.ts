/**
 * What every node thinks of every other, beside what is true. One byte for each pair; what is asked for after every event
 * (do all agree, who knows of this death) is kept as counts, since 10^8 pairs cannot be looked through.
 */
export const Belief = { alive: 0, suspect: 1, dead: 2, left: 3 } as const;
export type Belief = (typeof Belief)[keyof typeof Belief];

export class Beliefs {
  readonly nodes: number;
  readonly #pairs: Uint8Array;
  readonly #isGone: Uint8Array;
  /** Observers that run, and by member how many of them hold it for dead or left. */
  readonly #observes: Uint8Array;
  readonly #holdGone: Uint32Array;
  /** Who is no member, and of whom nobody is to hold that it is. */
  readonly #excluded: Uint8Array;
  #wrong = 0;

  constructor(nodes: number) {
    this.nodes = nodes;
    this.#pairs = new Uint8Array(nodes * nodes);
    this.#isGone = new Uint8Array(nodes);
    this.#observes = new Uint8Array(nodes).fill(1);
    this.#holdGone = new Uint32Array(nodes);
    this.#excluded = new Uint8Array(nodes);
  }

  /** Pairs of a running node and a member about which it is not right; a suspicion of one that runs counts. */
  get wrong(): number {
    return this.#wrong;
  }

  of(observer: number, member: number): Belief {
    return this.#pairs[observer * this.nodes + member] as Belief;
  }

  /** Running nodes that hold a member for dead or left. */
  knownGoneBy(member: number): number {
    return this.#holdGone[member]!;
  }

  learn(observer: number, member: number, belief: Belief): void {
    if (observer === member || this.#observes[observer] === 0) return;
    this.#count(observer, member, -1);
    this.#pairs[observer * this.nodes + member] = belief;
    this.#count(observer, member, 1);
  }

  /** A node stops: it observes no more, and is to be held for gone. */
  end(node: number): void {
    if (this.#observes[node] === 0) return;
    this.#countRow(node, -1);
    this.#observes[node] = 0;
    this.#turn(node, 1);
  }

  /** A node is no member yet, and nobody has heard of it. */
  exclude(node: number): void {
    this.expel(node);
    for (let observer = 0; observer < this.nodes; observer++) this.learn(observer, node, Belief.left);
  }

  /** A node is no member any more, and everybody is to learn of it. */
  expel(node: number): void {
    this.#excluded[node] = 1;
    this.end(node);
  }

  /** A node runs, maybe again, and takes all members for alive until it has heard otherwise. */
  begin(node: number): void {
    this.#excluded[node] = 0;
    this.#turn(node, 0);
    for (let member = 0; member < this.nodes; member++) {
      this.#pairs[node * this.nodes + member] = this.#excluded[member] === 1 ? Belief.left : Belief.alive;
    }
    this.#observes[node] = 1;
    this.#countRow(node, 1);
  }

  /** Some pairs that are wrong, for a failure's message. */
  *wrongPairs(): Generator<string> {
    for (let observer = 0; observer < this.nodes; observer++) {
      if (this.#observes[observer] === 0) continue;
      for (let member = 0; member < this.nodes; member++) {
        if (!this.#isWrong(observer, member)) continue;
        yield `${observer} holds ${member} for ${nameOf(this.of(observer, member))}`;
      }
    }
  }

  #turn(node: number, isGone: 0 | 1): void {
    for (const sign of [-1, 1]) {
      for (let observer = 0; observer < this.nodes; observer++) {
        if (this.#observes[observer] === 1 && observer !== node) this.#count(observer, node, sign);
      }
      this.#isGone[node] = isGone;
    }
  }

  #countRow(observer: number, sign: number): void {
    for (let member = 0; member < this.nodes; member++) {
      if (member !== observer) this.#count(observer, member, sign);
    }
  }

  #count(observer: number, member: number, sign: number): void {
    if (this.of(observer, member) >= Belief.dead) this.#holdGone[member]! += sign;
    if (this.#isWrong(observer, member)) this.#wrong += sign;
  }

  #isWrong(observer: number, member: number): boolean {
    if (observer === member) return false;
    const belief = this.of(observer, member);
    return this.#isGone[member] === 1 ? belief < Belief.dead : belief !== Belief.alive;
  }
}

function nameOf(belief: Belief): string {
  return Object.keys(Belief)[belief]!;
}
