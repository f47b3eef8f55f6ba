import { Drop, type DropName, dropNames } from "../../core/contracts/drop.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Clock, Random } from "../../core/contracts/host.ts";
import type { PingReply, PingRequest } from "../../core/contracts/port.ts";
import type { Address, Millis } from "../../core/contracts/values.ts";
import { formatAddress, sameAddress } from "../../core/wire/address.ts";
import { copyBytes, equalBytes } from "../../core/wire/bytes.ts";
import { readU16 } from "../../core/wire/field.ts";
import { encodeEcho, type IcmpEcho, type IcmpError, icmpProtocol } from "../../core/wire/icmp.ts";
import type { Quote } from "../../core/wire/icmp_quote.ts";
import type { IpPacket } from "../../core/wire/ip.ts";
import { explainError } from "./icmp_words.ts";

/** Echo requests that wait for their answer. */
const mostPending = 1024;

interface Pending {
  readonly request: PingRequest;
  readonly data: Uint8Array;
  readonly sent: Millis;
  readonly resolve: (reply: PingReply) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Echo requests of this host and their answers. Each carries the identifier of this host, a number of its own and
 * random data; an answer counts only if all three, and both addresses, come back unchanged.
 */
export class Pings {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #identifier: number;
  readonly #pending = new Map<number, Pending>();
  #sequence = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#identifier = readU16(random.fill(new Uint8Array(2)), 0);
  }

  /** Rejects `TIMEOUT`, `UNREACHABLE`, `POOL_EXHAUSTED`, and with the signal's reason when it aborts. */
  async send(
    request: PingRequest,
    signal: AbortSignal,
    transmit: (packet: Uint8Array) => Drop,
  ): Promise<PingReply> {
    signal.throwIfAborted();
    const sequence = this.#nextSequence(request);
    const { promise, resolve, reject } = Promise.withResolvers<PingReply>();
    const abort = () => reject(signal.reason);
    const sent = this.#clock.now();
    const timer = this.#clock.timer(sent + request.timeout, () => reject(timedOut(request)));
    signal.addEventListener("abort", abort);
    try {
      const data = copyBytes(this.#random.fill(new Uint8Array(request.size)));
      this.#pending.set(sequence, { request, data, sent, resolve, reject });
      const drop = transmit(this.#encode(request, sequence, data));
      if (drop !== Drop.none) reject(notSent(request, drop));
      return await promise;
    } finally {
      this.#pending.delete(sequence);
      timer.cancel();
      signal.removeEventListener("abort", abort);
    }
  }

  /** An echo reply arrived. */
  answered(packet: IpPacket, echo: IcmpEcho): Drop {
    const pending = this.#find(echo.identifier, echo.sequence, packet.source, packet.destination);
    if (pending === undefined || !equalBytes(echo.data, pending.data)) return Drop.noListener;
    const rtt = this.#clock.now() - pending.sent;
    pending.resolve({ from: packet.source, rtt, hopLimit: packet.hopLimit, size: echo.data.length });
    return Drop.none;
  }

  /** An ICMP error arrived that quotes an echo message. */
  failed(error: IcmpError, quote: Quote, speaker: Address): Drop {
    const { payload, source, destination } = quote;
    const isRequest = payload[0] === (source.family === 4 ? 8 : 128);
    const pending = this.#find(readU16(payload, 4), readU16(payload, 6), destination, source);
    if (pending === undefined || !isRequest) return Drop.noListener;
    const reason = `${explainError(error, source.family)}, says ${formatAddress(speaker)}`;
    pending.reject(unreachable(pending.request, reason, { icmp: error.kind, code: error.code }));
    return Drop.none;
  }

  /** The endpoint that sent these is gone. */
  abandon(holds: (from: Address) => boolean): void {
    for (const { request, reject } of this.#pending.values()) {
      if (holds(request.from)) reject(unreachable(request, "the endpoint that sent it was detached", {}));
    }
  }

  #find(identifier: number, sequence: number, remote: Address, local: Address): Pending | undefined {
    const pending = identifier === this.#identifier ? this.#pending.get(sequence) : undefined;
    if (pending === undefined) return undefined;
    const { to, from } = pending.request;
    return sameAddress(to, remote) && sameAddress(from, local) ? pending : undefined;
  }

  #nextSequence({ to }: PingRequest): number {
    if (this.#pending.size >= mostPending) {
      const message = `Cannot ping ${
        formatAddress(to)
      }: ${mostPending} pings are under way; wait for some to end`;
      throw new MeshError("POOL_EXHAUSTED", message);
    }
    do this.#sequence = (this.#sequence + 1) & 0xffff; while (this.#pending.has(this.#sequence));
    return this.#sequence;
  }

  #encode({ from, to }: PingRequest, sequence: number, data: Uint8Array): Uint8Array {
    const echo: IcmpEcho = { kind: "echoRequest", identifier: this.#identifier, sequence, data };
    return encodeEcho({ source: from, destination: to }, echo);
  }
}

/** Whether the quote is of an echo message, so that {@link Pings.failed} is to hear of the error. */
export function quotesEcho(quote: Quote): boolean {
  return quote.protocol === icmpProtocol(quote.source.family);
}

function timedOut({ to, timeout }: PingRequest): MeshError {
  return new MeshError(
    "TIMEOUT",
    `Cannot ping ${
      formatAddress(to)
    }: no answer within ${timeout} ms; its host may be down, or a policy drops ICMP`,
  );
}

/** Of what can stop a packet on this node, in the words of a person who pings. */
const explanations: Partial<Record<DropName, string>> = {
  noRoute: "no peer owns the address",
  noSession: "there is no session with the peer that owns the address",
  noListener: "nobody holds the address",
  denied: "policy denies it, or has not answered yet",
  tooBig: "it is larger than the path takes; give a smaller size",
  queueFull: "this node is overloaded; try again later",
};

function notSent(request: PingRequest, drop: Drop): MeshError {
  const name = dropNames[drop]!;
  return unreachable(request, explanations[name] ?? `this node dropped it (${name})`, { drop: name });
}

function unreachable({ to }: PingRequest, reason: string, details: Record<string, unknown>): MeshError {
  return new MeshError("UNREACHABLE", `Cannot ping ${formatAddress(to)}: ${reason}`, { details });
}
