/** Machines that meet in floods: all of one network, with the keys of the test rig. */
import type { EncapsulationOutput } from "../../core/contracts/encapsulation.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { generateKeyPair, type KeyPair, type X25519 } from "../../core/noise/dh.ts";
import { NoiseMachine } from "../../plugins/noise/machine.ts";
import {
  aes,
  chacha,
  FakeMembership,
  type SeededRandom,
  token,
  tokenKey,
} from "../../plugins/noise/testing_rig.ts";

/** `curve`: a faster X25519 than a node has, where its time is not what is measured. */
export function floodMachine(
  name: string,
  keys: KeyPair,
  random: SeededRandom,
  curve?: X25519,
): NoiseMachine {
  const self = { id: name as PeerId, noise: keys };
  return new NoiseMachine({
    self,
    membership: new FakeMembership(name),
    random,
    curve,
    aeads: [chacha, aes],
  });
}

export interface Attacked {
  readonly noiseKey: Uint8Array;
  readonly endpoint: Endpoint;
}

/** Lets a member call the node under attack, or a stranger knock at it; the first message waits in `poll`. */
export function setOut(
  machine: NoiseMachine,
  as: "member" | "stranger",
  { noiseKey, endpoint }: Attacked,
  now: Millis,
): void {
  const application = new Uint8Array(100);
  if (as === "member") machine.connect({ endpoint, peer: { id: "attacked" as PeerId, noiseKey } }, now);
  else machine.join({ token, tokenKey, endpoints: [endpoint], application, deadline: now + 5_000 }, now);
  machine.handleTimeout(now);
}

/** True for the output that means that {@link setOut} has led to something. */
export function hasArrived({ type }: EncapsulationOutput): boolean {
  return type === "session-up" || type === "join-answered";
}

/** Genuine first messages of others to the node under attack, which an attacker has recorded. */
export function recordFirstMessages(
  attacked: Attacked,
  random: SeededRandom,
  count: number,
): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const machine = floodMachine(`recorded ${i}`, generateKeyPair(random), random);
    setOut(machine, i % 2 === 0 ? "member" : "stranger", attacked, 0);
    const output = machine.poll();
    if (output?.type !== "transmit") throw new Error("no first message was made");
    return output.datagram;
  });
}
