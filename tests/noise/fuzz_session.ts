/** Entry points for what comes from members: bytes that are sealed in a true session, and parts of records. */
import assert from "node:assert/strict";
import { dropNames } from "../../core/contracts/drop.ts";
import type { SessionKeys } from "../../core/contracts/encapsulation.ts";
import { writeU64 } from "../../core/wire/field.ts";
import { limits } from "../../plugins/noise/constants.ts";
import { decodePart, Reassembly } from "../../plugins/noise/part.ts";
import { aes, chacha, Rig, type RigNode } from "../../plugins/noise/testing_rig.ts";
import { ModelWorker } from "../../plugins/noise/testing_worker.ts";
import { MessageType, transportHeaderLength, writeTransportHeader } from "../../plugins/noise/wire.ts";
import { nativeX25519 } from "./native_x25519.ts";

const { data, keepalive, probe, probed, part } = MessageType;
const types = [part, probed, probe, data, keepalive] as const;

/** A member that has lost its mind: its session is true, and what it says in it is the fuzzer's. */
class Liar {
  readonly #rig = new Rig(1, nativeX25519);
  readonly #victim: RigNode;
  readonly #liar: RigNode;
  readonly #keys: SessionKeys;
  /** Far above what its own machine has used. */
  #counter = 1_000_000;

  constructor() {
    [this.#liar, this.#victim] = [this.#rig.add("liar"), this.#rig.add("victim")];
    for (const { machine } of [this.#liar, this.#victim]) machine.measurePaths();
    const { keys } = ModelWorker.of(this.#rig, this.#liar, { isRoomy: false });
    this.#rig.connect(this.#liar, this.#victim);
    this.#rig.run(200);
    this.#keys = keys.at(-1)!;
  }

  /** What the plaintext is said to be is in its first byte. */
  say(input: Uint8Array): void {
    const type = types[(input[0] ?? 0) % types.length]!;
    const drop = this.#rig.inject(this.#victim, this.#seal(type, input.subarray(1)), this.#liar.endpoint);
    assert.ok(dropNames[drop] !== undefined, `${drop} is no drop`);
    assert.deepEqual(this.#victim.edges(), ["+liar"]);
    const mtu = this.#victim.of("path-mtu").at(-1)?.mtu ?? 0;
    assert.ok(mtu <= 1_432, `the path is said to carry ${mtu}`);
    this.#victim.facts.splice(20);
  }

  /** True while its session lasts. */
  get isFresh(): boolean {
    return this.#counter < 1_100_000;
  }

  #seal(type: typeof types[number], plaintext: Uint8Array): Uint8Array {
    const { remoteIndex: receiver, aead, send } = this.#keys;
    const counter = this.#counter++;
    const header = new Uint8Array(transportHeaderLength);
    writeTransportHeader(header, { type, flags: 0, receiver, counter });
    const nonce = new Uint8Array(12);
    writeU64(nonce, 4, counter);
    if (aead === "chacha20-poly1305") nonce.subarray(4).reverse();
    const sealed = (aead === chacha.name ? chacha : aes).key(send).seal(nonce, header, plaintext);
    const datagram = new Uint8Array(header.length + sealed.length);
    datagram.set(header);
    datagram.set(sealed, header.length);
    return datagram;
  }
}

let liar: Liar | undefined;

function say(input: Uint8Array): void {
  if (liar?.isFresh !== true) liar = new Liar();
  liar.say(input);
}

/** The input is a row of parts, each behind its length in one byte. */
function reassemble(input: Uint8Array): void {
  const reassembly = new Reassembly(() => {});
  for (let at = 0; at < input.length; at += 1 + input[at]!) {
    const decoded = decodePart(input.subarray(at + 1, at + 1 + input[at]!));
    if (decoded === undefined) continue;
    const record = reassembly.add(decoded, at);
    if (typeof record === "object") {
      assert.ok(record.type === data || record.type === MessageType.initiation || record.type === 2);
      assert.ok(record.bytes.length >= 2 && record.bytes.length <= 65_535);
    }
    assert.ok(reassembly.bytes <= limits.partBytes);
  }
  reassembly.expire(Infinity);
  assert.deepEqual([reassembly.bytes, reassembly.deadline()], [0, undefined]);
}

export const sessionTargets = [
  { name: "noise: what a member says in its session", run: say },
  { name: "noise: parts of records", run: reassemble },
] as const;
