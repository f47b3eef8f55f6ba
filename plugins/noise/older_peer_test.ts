/**
 * A peer of before paths were measured: its handshakes name no features. Written by hand from what the README says of
 * handshakes, and with the session of this build.
 */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { HandshakeState, type TransportKeys } from "../../core/noise/handshake_state.ts";
import { parseProtocolName } from "../../core/noise/protocol_name.ts";
import { encodeGre, GreProtocol } from "../../core/wire/gre.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import { directOverhead, protocol } from "./constants.ts";
import { memberKeys, memberMacKey, signHandshake } from "./mac.ts";
import { memberPrologue, receiveInitiation } from "./member_handshake.ts";
import { decodeChoice, encodeChoice, encodeOffer } from "./payload.ts";
import { empty, Session } from "./session.ts";
import { chacha, networkId, networkKey, Rig, type RigNode } from "./testing_rig.ts";
import { decodeReply, encodeInitiation, encodeReply, MessageType } from "./wire.ts";

const key = networkKey(1);
const localIndex = 0x01d;

/** Rig node `a` measures paths, and trusts the network of the other, which other has a place and keys; what it says is up to the test. */
class Scene {
  readonly rig = new Rig();
  readonly a = this.rig.add("a", { options: { trustedSubnets: [parsePrefix("192.0.2.0/24")!] } });
  readonly older: RigNode = this.rig.add("older");
  readonly introduction = {
    stamp: 1,
    features: [] as readonly string[],
    instance: new Uint8Array(8),
    credentials: this.older.membership.credentials(),
  };

  constructor() {
    this.a.machine.measurePaths();
    this.rig.remove(this.older);
  }

  get last(): Uint8Array {
    return this.rig.log.at(-1)!.datagram;
  }

  give(datagram: Uint8Array): Drop {
    return this.rig.inject(this.a, datagram, this.older.endpoint);
  }

  session(keys: TransportKeys, remoteIndex: number, initiator: boolean): Session {
    return new Session({ localIndex, remoteIndex, initiator, suite: chacha, keys, now: this.rig.now });
  }
}

/** The older node calls. */
function called(scene: Scene): Session {
  const { a, older, introduction } = scene;
  const handshake = new HandshakeState({
    protocol: parseProtocolName(protocol.memberHandshake),
    role: "initiator",
    random: scene.rig.random,
    prologue: memberPrologue(networkId, key.id),
    staticKeys: older.keys,
    remoteStatic: a.keys.publicKey,
    psks: [key.secret],
  });
  const offer = encodeOffer({ ...introduction, versions: [1, 1], aeads: ["chacha20-poly1305"] }, 1_100);
  const initiation = encodeInitiation({
    sender: localIndex,
    keyId: key.id,
    noise: handshake.writeMessage(offer),
  });
  signHandshake(initiation, memberKeys(key.secret, a.keys.publicKey).mac1);
  assert.equal(scene.give(initiation), Drop.none);
  const reply = decodeReply(scene.last)!;
  const choice = decodeChoice(handshake.readMessage(reply.noise)!)!;
  assert.deepEqual(choice.features, [
    "paths",
    "broadcast_tree",
    "broadcast_gossip",
    "relayed",
    "relay",
    "trusted",
  ]);
  const session = scene.session(handshake.split(), reply.sender, true);
  assert.equal(scene.give(session.seal(MessageType.keepalive, empty, scene.rig.now)!), Drop.none);
  return session;
}

/** The older node is called. */
function answered(scene: Scene): Session {
  const { rig, a, older, introduction } = scene;
  rig.connect(a, older);
  rig.run(0);
  const received = receiveInitiation(older.machine.local, scene.last, a.endpoint, rig.now);
  assert.ok(typeof received === "object");
  const choice = encodeChoice({ ...introduction, version: 1, aead: "chacha20-poly1305" });
  const { handshake, sender: receiver } = received;
  const response = encodeReply(MessageType.response, {
    sender: localIndex,
    receiver,
    noise: handshake.writeMessage(choice),
  });
  signHandshake(response, memberMacKey(key.secret, a.keys.publicKey));
  assert.equal(scene.give(response), Drop.none);
  return scene.session(handshake.split(), receiver, false);
}

for (const [name, begin] of [["calls", called], ["is called", answered]] as const) {
  test(`a peer without the feature that ${name} is sent no probe and no part, whatever the size`, () => {
    const scene = new Scene();
    const { rig, a, older } = scene;
    const session = begin(scene);
    assert.deepEqual(a.edges(), ["+older"]);
    for (const size of [100, 1_400, 5_000]) {
      const from = rig.log.length;
      assert.equal(rig.send(a, older, "x".repeat(size)), Drop.none);
      const sent = rig.log.slice(from);
      assert.deepEqual(sent.map(({ datagram }) => datagram[0]), [MessageType.data]);
      assert.ok(session.open(sent[0]!.datagram, rig.now) instanceof Uint8Array);
    }
    for (let second = 0; second < 15; second++) {
      const gre = encodeGre({ protocol: GreProtocol.ipv4 }, Uint8Array.of(second));
      assert.equal(scene.give(session.seal(MessageType.data, gre, rig.now)!), Drop.none);
      rig.run(1_000);
    }
    assert.deepEqual([a.of("path-mtu"), a.of("packet").length], [[], 15]);
    const types: readonly number[] = [MessageType.probe, MessageType.part];
    assert.ok(rig.types().every((type) => !types.includes(type)));
  });

  test(`packets without room for a key are taken from a peer that ${name}, 4 bytes longer than are sent to it`, () => {
    const scene = new Scene();
    const session = begin(scene);
    const before = { 4: 64, 6: 84 } as const;
    const sizes = ([4, 6] as const).map((family) => 1_500 - before[family]);
    assert.deepEqual(sizes, [1_500 - directOverhead[4] + 4, 1_500 - directOverhead[6] + 4]);
    for (const size of sizes) {
      const gre = encodeGre({ protocol: GreProtocol.ipv4 }, new Uint8Array(size).fill(1));
      assert.equal(scene.give(session.seal(MessageType.data, gre, scene.rig.now)!), Drop.none);
    }
    assert.deepEqual(scene.a.of("packet").map(({ packet }) => packet.payload.length), [1_436, 1_416]);
  });
}
