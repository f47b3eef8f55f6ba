/**
 * What a node of a great network has on its disk and hears from others, without the others: records of members that are
 * signed as members sign them. Signatures are the platform's, which makes thousands of them a matter of a second.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign as platformSign } from "node:crypto";
import type { Self } from "../../core/contracts/host.ts";
import type { StoreChange } from "../../core/contracts/store.ts";
import type { Address, PeerId, Prefix } from "../../core/contracts/values.ts";
import { signAdmission } from "../../core/identity/admission.ts";
import { signAnnouncement } from "../../core/identity/announcement.ts";
import { type Founding, networkFacts } from "../../core/identity/founding.ts";
import { peerIdOf } from "../../core/identity/identity.ts";
import { peerChange, recordChange } from "../../core/node/state_records.ts";
import { signLinks } from "../../core/topology/link_record.ts";
import { tagOf } from "../../core/topology/link_tag.ts";
import { addressFromBigInt, addressToBigInt } from "../../core/wire/address.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { signGrant } from "../../plugins/ring/grant.ts";
import { putGrant } from "../../plugins/ring/storage.ts";
import { SimRandom } from "../sim/random.ts";

/** PKCS #8 around a seed (RFC 8410 §7), and the length of SubjectPublicKeyInfo before the key. */
const pkcs8 = Uint8Array.fromHex("302e020100300506032b657004220420");
const spkiHeader = 12;
/** Members that admit others and give them space: a member may admit 4,096, and sign as many grants. */
const doors = 8;
const linksOfEach = 8;

export interface Crowd {
  /** For the store of one who belongs to the network already. */
  readonly changes: readonly StoreChange[];
  /** Records that are kept in memory alone. */
  readonly links: readonly Uint8Array[];
  readonly ids: readonly PeerId[];
  /** Of all records. */
  readonly bytes: number;
}

export interface CrowdOptions {
  /** Others beside the founder. */
  readonly members: number;
  readonly founder: Self;
  readonly founding: Founding;
  /** Whether links are told, as in a mesh that is not too large for it. */
  readonly tellsLinks: boolean;
}

/** Each was admitted, said where it is, and was granted a block of each family. */
export function crowdOf({ members, founder, founding, tellsLinks }: CrowdOptions): Crowd {
  const { networkId } = founding;
  const selves = Array.from({ length: members }, (_, i) => memberSelf(`node-${i + 1}`, i));
  const wall = founding.wall + 1000;
  const doorOf = (i: number) => i < doors ? undefined : selves[i % doors];
  const admissions = selves.map((self, i) =>
    signAdmission(doorOf(i) ?? founder, {
      networkId,
      subject: self.publicKey,
      name: self.name,
      tokenId: new Uint8Array(16).fill(7),
      epoch: 1,
      wall: wall + i,
    })
  );
  const [v4, v6] = networkFacts(founding).ranges as [Prefix, Prefix];
  const places = selves.map((_, i) => [blockOf(i, v4, [16, 27]), blockOf(i, v6, [52, 64])] as const);
  const announcements = selves.map((self, i) =>
    signAnnouncement(self, {
      bindingNumber: 1,
      endpoints: [{ host: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, port: 6783 }],
      addresses: places[i]!.map((place) => firstOf(place)),
      sequence: 1,
    })
  );
  const grants = selves.flatMap(({ id: owner }, i) =>
    places[i]!.map((prefix) =>
      signGrant(doorOf(i) ?? founder, networkId, { prefix, owner, version: 1, epoch: 1 })
    )
  );
  const links = tellsLinks ? selves.map((self, i) => linksOf(self, i, selves, networkId)) : [];
  const records = [...admissions, ...announcements, ...grants.map(({ record }) => record), ...links];
  return {
    changes: [
      ...admissions.map(recordChange),
      ...selves.map(({ id }, i) => peerChange(id, announcements[i])),
      { key: "ring/network", value: encodeCbor({ v: 1, i: networkId }) },
      ...grants.map(putGrant),
    ],
    links,
    ids: selves.map(({ id }) => id),
    bytes: records.reduce((sum, { length }) => sum + length, 0),
  };
}

/** The same member for the same number. */
function memberSelf(name: string, number: number): Self {
  const random = new SimRandom(number);
  const key = createPrivateKey({
    key: Buffer.concat([pkcs8, random.fill(new Uint8Array(32))]),
    format: "der",
    type: "pkcs8",
  });
  const publicKey = publicBytes(key);
  return {
    id: peerIdOf(publicKey),
    name,
    publicKey,
    noise: { publicKey: random.fill(new Uint8Array(32)), secretKey: new Uint8Array(32) },
    sign: (message) => new Uint8Array(platformSign(null, message, key)),
  };
}

function publicBytes(key: KeyObject): Uint8Array {
  const der = createPublicKey(key as never).export({ format: "der", type: "spki" });
  return new Uint8Array(der.subarray(spkiHeader));
}

/** A door's block of the range, or a block of a door's. */
function blockOf(member: number, range: Prefix, [ofDoor, ofOther]: readonly [number, number]): Prefix {
  const whole = block(range, ofDoor, member % doors);
  return member < doors ? whole : block(whole, ofOther, Math.floor(member / doors));
}

/** The `number`th block from the top of a range. */
function block(range: Prefix, bits: number, number: number): Prefix {
  const { family } = range.address;
  const width = family === 4 ? 32 : 128;
  const end = addressToBigInt(range.address) + (1n << BigInt(width - range.bits));
  return {
    address: addressFromBigInt(family, end - BigInt(number + 2) * (1n << BigInt(width - bits))),
    bits,
  };
}

function firstOf({ address }: Prefix): Address {
  return addressFromBigInt(address.family, addressToBigInt(address) + 1n);
}

function linksOf(self: Self, number: number, all: readonly Self[], networkId: Uint8Array): Uint8Array {
  const links = [];
  for (let step = 1; step <= linksOfEach / 2; step++) {
    for (const other of new Set([number + step, number - step + all.length])) {
      const neighbour = all[other % all.length]!;
      if (neighbour !== self) links.push({ tag: tagOf(neighbour.id), rttClass: 10 + step, flags: 0 });
    }
  }
  const told = [...new Map(links.map((link) => [link.tag, link])).values()];
  return signLinks(self, networkId, { links: told, willingness: "willing", sequence: 1 });
}
