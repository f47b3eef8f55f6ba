/** All proofs. The table in tests/README.md is made from this list: `npm run prove -- --table`. */
import { meshFiguresProof, meshProof } from "../mesh/mesh_proofs.ts";
import { hostileProof } from "../datapath/hostile_proof.ts";
import { killProof, rekeyProof } from "../datapath/session_proofs.ts";
import { superFrameProof } from "../datapath/super_frame_proof.ts";
import { transfersProof } from "../datapath/transfers/transfers_proof.ts";
import { fleetProof, rollProof } from "../fleet/fleet_proofs.ts";
import { natGridProof } from "../nat/nat_proof.ts";
import { soakProof } from "../soak/soak_proof.ts";
import { containersProof, fouProof } from "./foreign.ts";
import { fuzzProof } from "./fuzz/fuzz_proof.ts";
import {
  crashProof,
  floodLoadProof,
  floodProof,
  mac1Proof,
  ringProof,
  sessionProof,
  swizzleProof,
} from "./models.ts";
import type { FuzzTarget } from "./fuzz/target.ts";
import type { Proof } from "./proof.ts";

const million = 1_000_000;

const fuzzing: readonly Proof[] = [
  fuzzProof({
    name: "fuzz-gre",
    what: "GRE headers",
    ciFloor: million,
    ciBudgetSeconds: 12,
    targets: async () => (await import("../fuzz_targets/wire.ts")).greTargets,
  }),
  fuzzProof({
    name: "fuzz-ip",
    what: "IPv4, IPv6, UDP, ICMP, flows, quotes and the errors that answer them",
    ciFloor: million,
    ciBudgetSeconds: 40,
    targets: async () => (await import("../fuzz_targets/wire.ts")).ipTargets,
  }),
  fuzzProof({
    name: "fuzz-link",
    what:
      "Ethernet frames of links, of the mesh, of trees and of devices, ARP, neighbour discovery, IPv4 fragments",
    ciFloor: million,
    ciBudgetSeconds: 30,
    targets: async () => [
      ...(await import("../fuzz_targets/link.ts")).linkTargets,
      ...(await import("../fuzz_targets/device_frames.ts")).deviceFrameTargets,
      ...(await import("../fuzz_targets/broadcast.ts")).broadcastTargets,
    ],
  }),
  fuzzProof({
    name: "fuzz-gossip",
    what: "messages of gossip, read field by field, and a machine that is told them by a neighbour",
    ciFloor: 100_000,
    ciBudgetSeconds: 12,
    targets: async () => (await import("../fuzz_targets/gossip.ts")).gossipTargets,
  }),
  fuzzProof({
    name: "fuzz-super-frames",
    what: "super-frames of a TAP and packets for it, with absurd headers for offloads",
    ciFloor: 100_000,
    ciBudgetSeconds: 20,
    targets: async () => (await import("../fuzz_targets/super_frames.ts")).superFrameTargets,
  }),
  fuzzProof({
    name: "fuzz-cbor",
    what: "CBOR, scan and decoder",
    ciFloor: million,
    ciBudgetSeconds: 40,
    targets: async () => (await import("../fuzz_targets/wire.ts")).cborTargets,
  }),
  fuzzProof({
    name: "fuzz-control",
    what: "control messages: channels, introductions, ring, credentials, welcome, bodies of records",
    ciFloor: million,
    ciBudgetSeconds: 45,
    targets: async () => [
      ...(await import("../fuzz_targets/messages.ts")).messageTargets,
      ...(await import("../fuzz_targets/identity.ts")).identityTargets,
      ...(await import("../fuzz_targets/topology.ts")).topologyTargets,
      ...(await import("../fuzz_targets/traversal.ts")).traversalTargets,
    ],
  }),
  fuzzProof({
    name: "fuzz-token",
    what: "tokens, as text and behind a right checksum",
    ciFloor: million,
    ciBudgetSeconds: 50,
    targets: async () => (await import("../fuzz_targets/identity.ts")).tokenTargets,
  }),
  fuzzProof({
    name: "fuzz-text",
    what: "texts of addresses, prefixes, endpoints, base32, hex",
    ciFloor: million,
    ciBudgetSeconds: 12,
    targets: async () => (await import("../fuzz_targets/wire.ts")).textTargets,
  }),
  fuzzProof({
    name: "fuzz-record",
    what: "signed records, broken and signed anew, with every signature checked",
    ciFloor: 10_000,
    ciBudgetSeconds: 45,
    chunkSize: 250,
    targets: async () => [
      ...(await import("../fuzz_targets/identity.ts")).recordTargets,
      ...(await import("../fuzz_targets/messages.ts")).signedMessageTargets,
    ],
  }),
  fuzzProof({
    name: "fuzz-config",
    what: "configuration files, environment and flags, through the whole loader",
    ciFloor: 100_000,
    ciBudgetSeconds: 82,
    chunkSize: 1_000,
    targets: async () => (await import("../fuzz_targets/config.ts")).configTargets,
  }),
];

const fuzzingProtocols: readonly Proof[] = [
  fuzzProof({
    name: "fuzz-gate",
    what: "datagrams at the gate of handshakes, up to mac1, and payloads behind it",
    ciFloor: million,
    ciBudgetSeconds: 60,
    isSilent: true,
    targets: async () => (await import("../noise/fuzz_targets.ts")).noiseTargets,
  }),
  fuzzProof({
    name: "fuzz-tcp",
    what: "hellos, records and datagrams of the stream transport, with its handshake",
    ciFloor: 5_000,
    ciBudgetSeconds: 20,
    chunkSize: 500,
    targets: async () => (await import("../fuzz_targets/tcp.ts")).tcpTargets.map(withCurves),
  }),
  fuzzProof({
    name: "fuzz-api",
    what: "bodies of every write of the admin API, one in 64 as a whole request too",
    ciFloor: million,
    ciBudgetSeconds: 70,
    chunkSize: 10_000,
    targets: async () => (await import("../fuzz_targets/api.ts")).apiBodyTargets,
  }),
  fuzzProof({
    name: "fuzz-requests",
    what: "whole requests to the admin API, through all its layers",
    ciFloor: 100_000,
    ciBudgetSeconds: 30,
    chunkSize: 5_000,
    targets: async () => (await import("../fuzz_targets/api.ts")).apiRequestTargets,
  }),
];

/** Big integers of key agreements are garbage at once. */
function withCurves(target: FuzzTarget): FuzzTarget {
  return { ...target, garbageBytes: 16 * 1024 * 1024 };
}

const models: readonly Proof[] = [
  ...[mac1Proof, swizzleProof, ringProof, sessionProof, superFrameProof],
  ...[hostileProof, rekeyProof, killProof],
  ...[floodProof, crashProof, floodLoadProof],
  ...[meshProof, meshFiguresProof],
];

export const proofs: readonly Proof[] = [
  ...fuzzing,
  ...fuzzingProtocols,
  ...models,
  transfersProof,
  soakProof,
  fleetProof,
  rollProof,
  natGridProof,
  fouProof,
  containersProof,
];

export function proofNamed(name: string): Proof | undefined {
  return proofs.find((proof) => proof.name === name);
}
