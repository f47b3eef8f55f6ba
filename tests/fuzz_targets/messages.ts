/** Fuzz targets of what members say to each other inside their sessions. */
import assert from "node:assert/strict";
import { type Clock, maxChannelMessage, type Timer } from "../../core/contracts/host.ts";
import { Drop } from "../../core/contracts/drop.ts";
import { fakeSelf } from "../../core/identity/fake_members.ts";
import { maxRecordBytes } from "../../core/identity/signed.ts";
import { Channels } from "../../core/node/channels.ts";
import { Introductions, type RecordBook } from "../../core/node/introductions.ts";
import { ForeignRecords } from "../../core/node/foreign_records.ts";
import { FakeChannel } from "../../core/node/node_fixture.ts";
import { Replicator } from "../../core/node/replicator.ts";
import { silentLogger } from "../../core/node/silent_logger.ts";
import { mostDeviceAddresses } from "../../core/forwarding/foreign_devices.ts";
import { isDeviceMac, isHostAddress } from "../../core/forwarding/foreign_sighting.ts";
import { decodeForeign, encodeForeign } from "../../core/node/foreign_message.ts";
import {
  decodeStateMessage,
  encodeDigests,
  encodeParts,
  encodeRecords,
  encodeWants,
} from "../../core/node/state_message.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { decodeMessage, encodeMessage } from "../../plugins/ring/message.ts";
import { openGrant, signGrant } from "../../plugins/ring/grant.ts";
import { decodeTakeover, encodeTakeover } from "../../plugins/ring/takeover.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { asBytes, assertOwned, isSampled } from "./promises.ts";

const peer = fakeSelf("peer").id;
const other = fakeSelf("other").id;
const self = fakeSelf("self");
const networkId = new Uint8Array(16).fill(1);
const grant = signGrant(self, networkId, {
  prefix: parsePrefix("10.40.0.0/20")!,
  owner: peer,
  version: 1,
  epoch: 1,
});

/** A message as it leaves a node. */
function framed(name: string, text: string): Uint8Array {
  let packet = new Uint8Array();
  const channels = new Channels(silentLogger, () => []);
  channels.carryOver((_peer, { payload }) => {
    packet = new Uint8Array(payload);
    return Drop.none;
  });
  channels.open(name).send(peer, asBytes(text));
  return packet;
}

/** A control packet is taken for exactly one channel, and the handler gets what follows the name. */
const channelTarget: FuzzTarget = {
  name: "channel",
  seeds: [framed("ring", "hello"), framed("ring", ""), framed("other", "x")],
  words: ["\x04ring", "\x00", "\x01"].map(asBytes),
  run(input) {
    let handled: Uint8Array | undefined;
    const channels = new Channels(silentLogger, () => []);
    channels.open("ring").receive((_from, message) => void (handled = message));
    const drop = channels.dispatch(peer, input);
    assert.ok(drop === Drop.none || drop === Drop.unsupported || drop === Drop.malformed);
    assert.equal(drop === Drop.none, handled !== undefined);
    if (handled === undefined) return false;
    assert.ok(
      equalBytes(handled, input.subarray(input.length - handled.length)),
      "not what follows the name",
    );
    assert.ok(handled.length === 0 || handled.buffer !== input.buffer, "the handler got a view");
    return true;
  },
};

const ringTarget: FuzzTarget = {
  name: "ring-message",
  seeds: [
    encodeMessage({ kind: "need", request: 7, within: parsePrefix("10.32.0.0/12")!, held: 3 }),
    encodeMessage({ kind: "none", request: 2 ** 32 - 1 }),
    encodeMessage({ kind: "grants", records: [grant.record, grant.record] }),
    encodeMessage({ kind: "leaving", heir: grant.owner }),
    encodeMessage({ kind: "mine", digest: new Uint8Array(16) }),
  ],
  run(input) {
    const message = decodeMessage(input);
    if (message === undefined) return false;
    assert.deepEqual(decodeMessage(encodeMessage(message)), message);
    if (isSampled(input, 8)) assertOwned(decodeMessage, input);
    return true;
  },
};

const takeoverTarget: FuzzTarget = {
  name: "takeover",
  seeds: [encodeTakeover({ dead: grant.from, heir: grant.owner, prefixes: [grant.prefix] })],
  run(input) {
    const terms = decodeTakeover(input);
    if (terms === undefined) return false;
    assert.deepEqual(decodeTakeover(encodeTakeover(terms)), terms);
    return true;
  },
};

const grantTarget: FuzzTarget = {
  name: "grant",
  seeds: [grant.record],
  maxBytes: 400,
  run: (input) => openGrant(input, networkId) !== undefined,
};

/** Timers are counted and never run: a message may owe an answer later, but not one more for each message. */
class CountingClock implements Clock {
  pending = 0;
  now(): number {
    return 0;
  }
  wall(): number {
    return 0;
  }
  timer(): Timer {
    this.pending++;
    return { cancel: () => void this.pending-- };
  }
}

/** A node's ends of the two channels that carry what nodes share, with everything it sends and owes counted. */
class SharingRig {
  readonly clock = new CountingClock();
  readonly mesh = new FakeChannel();
  readonly state = new FakeChannel();
  learned = 0;

  constructor() {
    this.mesh.connected = this.state.connected = [peer, other];
    const foreign = new ForeignRecords(() => true);
    const replicator = new Replicator({
      self: self.id,
      channel: this.state,
      clock: this.clock,
      log: silentLogger,
      foreign,
    });
    const book = bookOf((count) => this.learned += count);
    new Introductions({
      self: self.id,
      channel: this.mesh,
      replicator,
      book,
      clock: this.clock,
      log: silentLogger,
    });
  }

  /** One message must not cause many, nor a timer each: a liar would have the node work for him. */
  judge(): boolean {
    const sent = this.mesh.sent.length + this.state.sent.length;
    assert.ok(
      this.clock.pending <= 4 && sent <= 16,
      `${this.clock.pending} timers, ${sent} messages sent for one`,
    );
    for (const { message } of [...this.mesh.sent, ...this.state.sent]) {
      assert.ok(message.length <= maxChannelMessage);
    }
    return this.learned > 0 || sent > 0;
  }
}

const introductionsTarget: FuzzTarget = {
  name: "introductions",
  seeds: [
    ["key", [2, new Uint8Array(32), new Uint8Array(16), new Uint8Array(16)]],
    ["key", [1, new Uint8Array(32), new Uint8Array(16).fill(1), null]],
    ["clone", ["192.0.2.1:6783", "[2001:db8::1]:6783"]],
  ].map(([kind, content]) => encodeCbor([1, kind, content])),
  words: ["ckey", "eclone"].map(asBytes),
  run(input) {
    const rig = new SharingRig();
    rig.mesh.hear(peer, input);
    return rig.judge();
  },
};

const stateSeeds = [
  encodeRecords([grant.record, new Uint8Array(60)]),
  ...encodeDigests("digests", [["grant", new Uint8Array(16)], ["peer", new Uint8Array(16)]]),
  ...encodeDigests("differ", [["admission", new Uint8Array(16).fill(3)]]),
  ...encodeDigests("roots", [["peer", new Uint8Array(16)], ["grant", new Uint8Array(16)]], 3),
  ...encodeParts("peer", [
    { prefix: "", isList: false, content: new Uint8Array(256) },
    { prefix: "a0", isList: true, content: new Uint8Array(32) },
  ]),
  ...encodeWants("grant", [new Uint8Array(16)]),
];

const stateMessageTarget: FuzzTarget = {
  name: "state-message",
  seeds: stateSeeds,
  words: ["grecords", "gdigests", "fdiffer", "eroots", "dtree", "dwant", "dpeer"].map(asBytes),
  run(input) {
    const message = decodeStateMessage(input);
    if (message === undefined) return false;
    if (isSampled(input, 8)) assertOwned(decodeStateMessage, input);
    return true;
  },
};

/** Opens the records that it is given, so it belongs to the dear ones. */
const replicatorTarget: FuzzTarget = {
  name: "replicator",
  seeds: stateSeeds,
  words: ["dpeer", "egrant"].map(asBytes),
  run(input) {
    const rig = new SharingRig();
    rig.state.hear(peer, input);
    return rig.judge();
  },
};

function bookOf(learn: (count: number) => void): RecordBook {
  return {
    name: "members",
    kinds: ["peer", "admission"],
    records: () => [],
    merge: (records) => {
      learn(records.length);
      for (const record of records) {
        assert.ok(record instanceof Uint8Array && record.length <= maxRecordBytes);
      }
      return [];
    },
    exclusionsDigest: () => new Uint8Array(16),
    newestKey: () => ({ epoch: 1, secret: new Uint8Array(32) }),
    isKeyStale: () => false,
    isOutspoken: () => false,
    rewrite: () => {},
    learnKey: ({ epoch, secret, exclusions }) => {
      assert.ok(Number.isSafeInteger(epoch) && secret.length === 32);
      assert.ok(exclusions === undefined || exclusions.length === 16);
      learn(1);
      return false;
    },
  };
}

const device = {
  mac: Uint8Array.of(0x52, 0x54, 0, 0, 0, 1),
  since: 1_764_000_000_000,
  addresses: [parsePrefix("192.168.50.1/32")!.address, parsePrefix("2001:db8::1/128")!.address],
};

/** Whatever a member says of devices, what is read of it can be said again, and stays within its bounds. */
const foreignTarget: FuzzTarget = {
  name: "foreign-devices",
  seeds: [
    ...encodeForeign({ devices: [device, { ...device, addresses: [] }], gone: [device.mac] }),
    ...encodeForeign({ sought: device.addresses }),
  ],
  words: ["ad", "ag", "aq", "av\x01"].map(asBytes),
  run(input) {
    const message = decodeForeign(input);
    if (message === undefined) return false;
    for (const { mac, since, addresses } of message.devices) {
      assert.ok(isDeviceMac(mac) && Number.isSafeInteger(since) && since >= 0);
      assert.ok(addresses.length <= mostDeviceAddresses && addresses.every(isHostAddress));
    }
    assert.ok(message.gone.every(isDeviceMac) && message.sought.length <= 16);
    const again = [...encodeForeign(message)].map((bytes) => decodeForeign(bytes)!);
    assert.deepEqual(again.flatMap(({ devices }) => devices), message.devices);
    assert.deepEqual(again.flatMap(({ sought }) => sought), message.sought);
    if (isSampled(input, 8)) assertOwned(decodeForeign, input);
    return true;
  },
};

export const messageTargets: readonly FuzzTarget[] = [
  foreignTarget,
  channelTarget,
  ringTarget,
  takeoverTarget,
  introductionsTarget,
  stateMessageTarget,
];

/** These check signatures: see `recordTargets` of identity.ts. */
export const signedMessageTargets: readonly FuzzTarget[] = [grantTarget, replicatorTarget].map((target) => ({
  ...target,
  garbageBytes: 16 * 1024 * 1024,
}));
