/**
 * Named channels inside the sessions. A control message is an overlay packet of EtherType 0x88B5:
 *
 *      0             1               2
 *     +-------------+---------------+------------------------+---------------------+
 *     | version 1   | name length n | name, n bytes of ASCII | message             |
 *     +-------------+---------------+------------------------+---------------------+
 *
 * The version is of this header; what a channel's messages mean, each says with a version of its own. A message of another
 * version, or of a channel that nobody here has opened, comes from a newer node and is counted as unsupported.
 */
import { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import { type Channel, type Logger, maxChannelMessage } from "../contracts/host.ts";
import type { PeerId } from "../contracts/values.ts";
import { GreProtocol } from "../wire/gre.ts";

type Handler = (from: PeerId, message: Uint8Array) => void;

const version = 1;
/** Before the name. */
const headerBytes = 2;

type Seal = (peer: PeerId, packet: OverlayPacket) => Drop;

export class Channels {
  readonly #handlers = new Map<string, Handler>();
  readonly #log: Logger;
  readonly #peers: () => readonly PeerId[];
  #seal: Seal = () => Drop.noSession;

  constructor(log: Logger, peers: () => readonly PeerId[]) {
    this.#log = log;
    this.#peers = peers;
  }

  /** Plugins open channels before there is an encapsulation to carry them: until this call nothing is sent. */
  carryOver(seal: Seal): void {
    this.#seal = seal;
  }

  open(name: string): Channel {
    const header = headerOf(name);
    return {
      send: (to, message) => this.#send(to, header, message),
      receive: (handler) => {
        this.#handlers.set(name, handler);
      },
      peers: this.#peers,
    };
  }

  /** The payload of a control packet from an authenticated peer. */
  dispatch(from: PeerId, payload: Uint8Array): Drop {
    const [writtenBy = 0, nameLength = 0] = payload;
    if (writtenBy > version) return Drop.unsupported;
    const end = headerBytes + nameLength;
    if (writtenBy === 0 || nameLength === 0 || payload.length < end) return Drop.malformed;
    const handler = this.#handlers.get(asciiOf(payload.subarray(headerBytes, end)));
    if (handler === undefined) return Drop.unsupported;
    try {
      handler(from, payload.slice(end));
      return Drop.none;
    } catch (error) {
      this.#log.log("error", "A channel handler failed", { peer: from, error });
      return Drop.malformed;
    }
  }

  #send(to: PeerId, header: Uint8Array, message: Uint8Array): boolean {
    if (message.length > maxChannelMessage) {
      throw new RangeError(`a channel message has ${message.length} bytes, at most ${maxChannelMessage} fit`);
    }
    const payload = new Uint8Array(header.length + message.length);
    payload.set(header);
    payload.set(message, header.length);
    return this.#seal(to, { protocol: GreProtocol.control, payload, forwarded: false }) === Drop.none;
  }
}

function headerOf(name: string): Uint8Array {
  if (!/^[a-z][a-z0-9_-]{0,31}$/.test(name)) throw new RangeError(`"${name}" is not a channel name`);
  return Uint8Array.from([version, name.length, ...new TextEncoder().encode(name)]);
}

function asciiOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
