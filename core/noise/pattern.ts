/**
 * Handshake patterns as data (Noise revision 34): the one-way patterns of §7.4, the fundamental interactive
 * ones of §7.5, the deferred ones of §7.6 and §18.1, and the psk modifiers of §9.4 on top of any of them.
 *
 * The table is written in the specification's own notation, so that it can be read side by side with it. Its
 * test does that too: it derives every pattern anew by the rules of §18.3 and checks the validity rules of
 * §7.3 and §9.3. Rejected: deriving the table at run time (cleverer, and the part that must be seen to be
 * right would be out of sight); patterns given by a caller (validity would have to be proved on each use);
 * the `fallback` modifier of §10.2 (only compound protocols need it).
 */

export type Role = "initiator" | "responder";
export type DhToken = "ee" | "es" | "se" | "ss";
export type Token = "e" | "s" | "psk" | DhToken;

/** One pattern with its modifiers applied. */
export interface HandshakePattern {
  /** As in the protocol name: `IKpsk2`, `XXpsk0+psk3`. */
  readonly name: string;
  /** Whose static key the other side must know before the first message, and is hashed first (§7.1). */
  readonly preMessages: Readonly<Record<Role, boolean>>;
  /** Tokens of each message; the initiator sends the first, then they alternate. */
  readonly messages: readonly (readonly Token[])[];
  /** One message, after which only the initiator may send (§7.4). */
  readonly oneWay: boolean;
  /** How many `psk` tokens there are, each with a key of its own. */
  readonly psks: number;
}

const notation = `
  N:    <- s                ...  -> e, es
  K:    -> s  <- s          ...  -> e, es, ss
  X:    <- s                ...  -> e, es, s, ss

  NN:                            -> e           <- e, ee
  NK:   <- s                ...  -> e, es       <- e, ee
  NX:                            -> e           <- e, ee, s, es
  KN:   -> s                ...  -> e           <- e, ee, se
  KK:   -> s  <- s          ...  -> e, es, ss   <- e, ee, se
  KX:   -> s                ...  -> e           <- e, ee, se, s, es
  XN:                            -> e           <- e, ee              -> s, se
  XK:   <- s                ...  -> e, es       <- e, ee              -> s, se
  XX:                            -> e           <- e, ee, s, es       -> s, se
  IN:                            -> e, s        <- e, ee, se
  IK:   <- s                ...  -> e, es, s, ss  <- e, ee, se
  IX:                            -> e, s        <- e, ee, se, s, es

  NK1:  <- s                ...  -> e           <- e, ee, es
  NX1:                           -> e           <- e, ee, s           -> es
  X1N:                           -> e           <- e, ee              -> s          <- se
  X1K:  <- s                ...  -> e, es       <- e, ee              -> s          <- se
  XK1:  <- s                ...  -> e           <- e, ee, es          -> s, se
  X1K1: <- s                ...  -> e           <- e, ee, es          -> s          <- se
  X1X:                           -> e           <- e, ee, s, es       -> s          <- se
  XX1:                           -> e           <- e, ee, s           -> es, s, se
  X1X1:                          -> e           <- e, ee, s           -> es, s      <- se
  K1N:  -> s                ...  -> e           <- e, ee              -> se
  K1K:  -> s  <- s          ...  -> e, es       <- e, ee              -> se
  KK1:  -> s  <- s          ...  -> e           <- e, ee, se, es
  K1K1: -> s  <- s          ...  -> e           <- e, ee, es          -> se
  K1X:  -> s                ...  -> e           <- e, ee, s, es       -> se
  KX1:  -> s                ...  -> e           <- e, ee, se, s       -> es
  K1X1: -> s                ...  -> e           <- e, ee, s           -> se, es
  I1N:                           -> e, s        <- e, ee              -> se
  I1K:  <- s                ...  -> e, es, s    <- e, ee              -> se
  IK1:  <- s                ...  -> e, s        <- e, ee, se, es
  I1K1: <- s                ...  -> e, s        <- e, ee, es          -> se
  I1X:                           -> e, s        <- e, ee, s, es       -> se
  IX1:                           -> e, s        <- e, ee, se, s       -> es
  I1X1:                          -> e, s        <- e, ee, s           -> se, es
`;

const patterns: ReadonlyMap<string, HandshakePattern> = new Map(
  notation.split("\n").filter((line) => line.trim() !== "").map(parseLine),
);

/** Names of all patterns without modifiers. */
export const patternNames: readonly string[] = [...patterns.keys()];

/** A pattern by its name without modifiers, or undefined. */
export function findPattern(name: string): HandshakePattern | undefined {
  return patterns.get(name);
}

/**
 * The pattern with a `psk` token per position (§9.4): 0 is before the first message's tokens, n behind those
 * of the n-th message. Undefined unless the positions ascend (§8.1 wants sorted modifiers) and there is such
 * a message.
 */
export function withPsks(
  pattern: HandshakePattern,
  positions: readonly number[],
): HandshakePattern | undefined {
  const messages = pattern.messages.map((tokens) => [...tokens]);
  let last = -1;
  for (const position of positions) {
    const message = messages[Math.max(position - 1, 0)];
    if (message === undefined || position <= last) return undefined;
    if (position === 0) message.unshift("psk");
    else message.push("psk");
    last = position;
  }
  const name = pattern.name + positions.map((position) => `psk${position}`).join("+");
  return { ...pattern, name, messages, psks: positions.length };
}

/** Who sends the message of this number, counted from 0. */
export function senderOf(message: number): Role {
  return message % 2 === 0 ? "initiator" : "responder";
}

/** Whether this side sends its static key in a message, as against having it known before or having none. */
export function sendsStatic(pattern: HandshakePattern, role: Role): boolean {
  return pattern.messages.some((tokens, message) => senderOf(message) === role && tokens.includes("s"));
}

/** `NAME: [-> s] [<- s] ... -> tokens <- tokens`, as one entry of the table. */
function parseLine(line: string): [string, HandshakePattern] {
  const [label, body] = line.split(":") as [string, string];
  const name = label.trim();
  const [before, after] = body.includes("...") ? body.split("...") as [string, string] : ["", body];
  const messages = after.split(/->|<-/).slice(1).map(parseTokens);
  return [name, {
    name,
    preMessages: { initiator: before.includes("->"), responder: before.includes("<-") },
    messages,
    oneWay: messages.length === 1,
    psks: 0,
  }];
}

function parseTokens(text: string): Token[] {
  return text.trim().split(", ") as Token[];
}
