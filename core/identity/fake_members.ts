/** For tests: members, a network and records that are the same in every run. */
import type { Random, Self } from "../contracts/host.ts";
import type { Prefix } from "../contracts/values.ts";
import { copyBytes } from "../wire/bytes.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { type Admission, signAdmission } from "./admission.ts";
import { domainHash } from "./domain.ts";
import { type Founding, openFounding, signFounding } from "./founding.ts";
import { createIdentity, openSelf } from "./identity.ts";
import { signRevocation } from "./revocation.ts";

export const fakeWall = 1_800_000_000_000;

/** BLAKE2s in counter mode. */
export function seededRandom(seed: string): Random {
  let counter = 0;
  const block = () => domainHash("test", 32, new TextEncoder().encode(`${seed} ${counter++}`));
  return {
    fill(bytes) {
      for (let offset = 0; offset < bytes.length; offset += 32) {
        bytes.set(block().subarray(0, bytes.length - offset), offset);
      }
      return bytes;
    },
  };
}

/** The node of this name; the same keys for the same name. */
export function fakeSelf(name: string): Self {
  return openSelf(createIdentity(seededRandom(name)), name);
}

export interface FakeNetwork {
  readonly record: Uint8Array;
  readonly founding: Founding;
}

export function fakeNetwork(founder: Self, networkName = "loom"): FakeNetwork {
  const ranges: readonly Prefix[] = [parsePrefix("10.32.0.0/12")!];
  const random = seededRandom(networkName);
  const record = signFounding(founder, { networkName, ranges, random, wall: fakeWall });
  return { record, founding: openFounding(record)! };
}

/** An admission of `subject` by `by` one second after the founding, or as `changes` say. */
export function admit(
  network: FakeNetwork,
  by: Self,
  subject: Self,
  changes: Partial<Admission> = {},
): Uint8Array {
  return signAdmission(by, {
    networkId: network.founding.networkId,
    subject: subject.publicKey,
    name: subject.name,
    tokenId: new Uint8Array(16).fill(7),
    epoch: 1,
    wall: fakeWall + 1000,
    ...changes,
  });
}

/** A revocation of `subject` by `by` under which only `standing` admissions stand. */
export function revoke(
  network: FakeNetwork,
  by: Self,
  subject: Self,
  standing: readonly Uint8Array[] = [],
): Uint8Array {
  return signRevocation(by, {
    networkId: network.founding.networkId,
    epoch: 1,
    wall: fakeWall + 2000,
    target: { type: "member", publicKey: subject.publicKey, standing },
  });
}

/** `bytes` once per byte of it, each time with another bit flipped. */
export function* flipEachByte(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let i = 0; i < bytes.length; i++) {
    const flipped = copyBytes(bytes);
    flipped[i] = flipped[i]! ^ (1 << (i % 8));
    yield flipped;
  }
}
