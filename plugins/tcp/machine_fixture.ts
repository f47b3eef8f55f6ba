/** For tests: two machines back to back, without sockets. */
import type { Membership } from "../../core/contracts/membership.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { seededRandom } from "../../core/identity/fake_members.ts";
import { generateKeyPair } from "../../core/noise/dh.ts";
import type { Local, StreamPeer } from "./handshake.ts";
import { answeringMachine, dialMachine, type StreamEvent, type StreamMachine } from "./machine.ts";
import { Remembered } from "./remembered.ts";

export const maxFrame = 100_000;
export const networkKey = { id: new Uint8Array(8).fill(1), secret: new Uint8Array(32).fill(1) };
const networkId = new Uint8Array(16).fill(9);

export interface Member {
  readonly local: Local;
  /** As others know it. */
  readonly peer: StreamPeer;
}

/** The member of this name, with the same keys in every run, ephemeral ones too. */
export function member(name: string, isInNetwork = true): Member {
  const id = name as PeerId;
  const random = seededRandom(name);
  const self = { id, noise: { ...generateKeyPair(random) } };
  const membership = membershipOf(name, isInNetwork);
  const local = { self, membership, random, maxFrame, remembered: new Remembered(16) };
  return { local, peer: { id, noiseKey: self.noise.publicKey } };
}

/** Credentials are a name in clear, and everybody belongs. */
function membershipOf(name: string, isInNetwork: boolean): Membership {
  return {
    networkId: () => isInNetwork ? networkId : undefined,
    network: () => undefined,
    networkKeys: () => [networkKey],
    tokenKeys: () => [],
    credentials: () => new TextEncoder().encode(name),
    check: (credentials, noiseKey) => {
      const id = new TextDecoder().decode(credentials) as PeerId;
      return { id, name: id, noiseKey, endpoints: [], publicKey: new Uint8Array(32), bindingNumber: 1 };
    },
  };
}

export interface Call {
  readonly dialler: StreamMachine;
  readonly listener: StreamMachine;
  readonly initiation: Uint8Array;
}

export function call(from: Member, to: Member, rekeyRecords?: number): Call {
  const dialled = dialMachine(from.local, to.peer, networkKey, rekeyRecords);
  if (!("machine" in dialled)) throw new Error(dialled.reason);
  const listener = answeringMachine(to.local, () => true, rekeyRecords);
  return { dialler: dialled.machine, listener, initiation: dialled.bytes };
}

/** Both past the handshake. */
export function openCall(
  from: Member = member("near"),
  to: Member = member("far"),
  rekeyRecords?: number,
): Call {
  const made = call(from, to, rekeyRecords);
  const ready = written(made.dialler.receive(written(made.listener.receive(made.initiation))));
  const [opened] = made.listener.receive(ready);
  if (opened?.type !== "opened") throw new Error("the listener did not take the proof");
  return made;
}

/** What a machine wants written, which must be one piece. */
export function written(events: readonly StreamEvent[]): Uint8Array {
  const pieces = events.flatMap((event) => event.type === "write" ? [event.bytes] : []);
  if (pieces.length !== 1) throw new Error(`expected one write, got ${JSON.stringify(events)}`);
  return pieces[0]!;
}

export function sealed(machine: StreamMachine, frame: Uint8Array): Uint8Array {
  return Uint8Array.from([...machine.frame(frame)].flatMap((record) => [...record]));
}

/** The events in short: lengths of frames, reasons of failures. */
export function brief(events: readonly StreamEvent[]): readonly unknown[] {
  return events.map((event) => {
    if (event.type === "frame") return event.frame.length;
    return event.type === "failed" ? event.fault : event.type;
  });
}
