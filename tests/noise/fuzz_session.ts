/** Entry points for what comes from members: bytes that are sealed in a true session, and parts of records. */
import assert from "node:assert/strict";
import { Drop, dropNames } from "../../core/contracts/drop.ts";
import type { SessionKeys } from "../../core/contracts/encapsulation.ts";
import { writeU64 } from "../../core/wire/field.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
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

const trusting = { options: { trustedSubnets: [parsePrefix("192.0.2.0/24")!] } };

/** What comes in plain to a node that trusts the network, from its peer's place or from one beside it. */
class Whisper {
  readonly #rig = new Rig(1, nativeX25519);
  readonly #victim: RigNode = this.#rig.add("victim", trusting);
  readonly #peer: RigNode = this.#rig.add("peer", trusting);

  constructor() {
    this.#rig.connect(this.#peer, this.#victim);
    this.#rig.run(200);
    assert.equal(this.#victim.of("plain").at(-1)?.isPlain, true);
  }

  /** The first byte says from where. */
  say(input: Uint8Array): void {
    const { host, port } = this.#peer.endpoint;
    const isBeside = (input[0] ?? 0) % 4 === 0;
    const datagram = input.slice(1);
    if (datagram.length > 0) datagram[0]! &= 0x20;
    // Most of what chance says is of no protocol at all.
    if (((input[0] ?? 0) & 8) !== 0 && datagram.length >= 4) datagram.set([0, 0x08, 0], 1);
    const from = isBeside ? { host, port: port + 100 } : { host, port };
    const before = this.#victim.of("packet").length;
    const sent = this.#rig.log.length;
    const drop = this.#rig.inject(this.#victim, datagram, from);
    const packets = this.#victim.of("packet").slice(before);
    assert.equal(packets.length, drop === Drop.none ? 1 : 0);
    assert.ok(dropNames[drop] !== undefined && (!isBeside || drop !== Drop.none), `${drop}`);
    for (const { packet } of packets) {
      assert.ok(packet.protocol === 0x0800 || packet.protocol === 0x86dd, `${packet.protocol}`);
      assert.equal(packet.forwarded, false);
    }
    assert.equal(this.#rig.log.length, sent, "nothing is answered");
    assert.deepEqual([this.#victim.edges(), this.#victim.of("roamed")], [["+peer"], []]);
    this.#victim.facts.splice(20);
  }
}

let whisper: Whisper | undefined;

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
  {
    name: "noise: what is said in plain in a trusted network",
    run: (input: Uint8Array) => (whisper ??= new Whisper()).say(input),
  },
  { name: "noise: what a member says in its session", run: say },
  { name: "noise: parts of records", run: reassemble },
] as const;
