/** That the schemas are the contract's types, no more and no less: the compiler checks it, the tests only run it. */
import assert from "node:assert/strict";
import type { z } from "@hono/zod-openapi";
import { test } from "../../tests/harness.ts";
import type { LogStatus } from "../contracts/log.ts";
import type { PeerLinksStatus } from "../contracts/topology.ts";
import type * as hostContract from "../contracts/exposure.ts";
import type * as contract from "../contracts/node.ts";
import type { EventDocuments } from "./event_documents.ts";
import { eventNames } from "./event_documents.ts";
import * as endpointSchemas from "./endpoint_schemas.ts";
import * as bridgeSchemas from "./bridge_schemas.ts";
import type { BridgeList } from "../contracts/bridging.ts";
import * as hostSchemas from "./host_schemas.ts";
import { eventSchemas } from "./event_schemas.ts";
import type { AdminAnswer, HealthAnswer, VersionAnswer } from "./client.ts";
import { FixtureNode } from "./mesh_node_fixture.ts";
import type { Problem } from "./problem.ts";
import type { NodeReport } from "./report.ts";
import * as schemas from "./schemas.ts";
import * as topologySchemas from "./topology_schemas.ts";

/** Identical types, as the compiler sees identity; `readonly` aside, which says nothing about a document. */
type Same<A, B> = Equal<Plain<A>, Plain<B>>;
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
type Plain<T> = T extends string | number | boolean | null | undefined ? T
  : T extends readonly (infer E)[] ? Plain<E>[]
  : { -readonly [K in keyof T]: Plain<T[K]> };

interface Documents {
  status: Same<z.infer<typeof schemas.nodeStatus>, contract.NodeStatus>;
  ipam: Same<z.infer<typeof schemas.ipamStatus>, contract.IpamStatus>;
  peer: Same<z.infer<typeof schemas.peerStatus>, contract.PeerStatus>;
  connection: Same<z.infer<typeof schemas.connectionStatus>, contract.ConnectionStatus>;
  target: Same<z.infer<typeof schemas.targetStatus>, contract.TargetStatus>;
  member: Same<z.infer<typeof schemas.memberStatus>, contract.MemberStatus>;
  token: Same<z.infer<typeof schemas.tokenStatus>, contract.TokenStatus>;
  issuedToken: Same<z.infer<typeof schemas.issuedToken>, contract.IssuedToken>;
  tokenOptions: Same<z.infer<typeof schemas.tokenOptions>, contract.TokenOptions>;
  attach: Same<z.infer<typeof endpointSchemas.attachRequest>, contract.AttachRequest>;
  endpoint: Same<z.infer<typeof endpointSchemas.endpointStatus>, contract.EndpointStatus>;
  expose: Same<z.infer<typeof hostSchemas.exposeRequest>, hostContract.ExposeRequest>;
  host: Same<z.infer<typeof hostSchemas.hostStatus>, hostContract.HostStatus>;
  serviceRequest: Same<z.infer<typeof hostSchemas.serviceRequest>, hostContract.ServiceRequest>;
  bridges: Same<z.infer<typeof bridgeSchemas.bridgeList>, BridgeList>;
  service: Same<z.infer<typeof hostSchemas.serviceStatus>, hostContract.ServiceStatus>;
  pingOptions: Same<Omit<z.infer<typeof schemas.pingRequest>, "to">, contract.PingOptions>;
  pingResult: Same<z.infer<typeof schemas.pingResult>, contract.PingResult>;
  logStatus: Same<z.infer<typeof schemas.logStatus>, LogStatus>;
  drops: Same<z.infer<typeof schemas.drops>["drops"], Record<contract.DropReason, number>>;
  admin: Same<z.infer<typeof schemas.adminStatus>, AdminAnswer>;
  report: Same<z.infer<typeof schemas.report>, NodeReport>;
  links: Same<z.infer<typeof topologySchemas.peerLinksStatus>, PeerLinksStatus>;
  health: Same<z.infer<typeof schemas.health>, HealthAnswer>;
  version: Same<z.infer<typeof schemas.version>, VersionAnswer>;
  problem: Same<z.infer<typeof schemas.problem>, Problem>;
  events: Same<{ [K in keyof EventDocuments]: z.infer<(typeof eventSchemas)[K]> }, EventDocuments>;
}

/** Does not compile when one of them is false. */
const documents: { readonly [K in keyof Documents]: Documents[K] extends true ? true : never } = {
  ...{ status: true, ipam: true, peer: true, connection: true, target: true, member: true, token: true },
  ...{ issuedToken: true, tokenOptions: true, pingOptions: true, pingResult: true, health: true },
  ...{ version: true, problem: true, events: true, logStatus: true, drops: true, admin: true },
  ...{ report: true, links: true, attach: true, endpoint: true },
  ...{ expose: true, host: true, serviceRequest: true, service: true, bridges: true },
};

test("the type check behind these schemas tells types apart", () => {
  const different: Same<{ a: string; b?: number }, { a: string }> = false;
  const alike: Same<{ a: readonly string[] }, { readonly a: string[] }> = true;
  assert.deepEqual([different, alike, ...Object.values(documents)].filter((same) => !same), [false]);
});

test("the schemas take what a node answers", () => {
  const node = new FixtureNode();
  assert.deepEqual(schemas.nodeStatus.parse(node.status()), node.status());
  assert.deepEqual(schemas.ipamStatus.parse(node.ipam()), node.ipam());
  assert.deepEqual(schemas.drops.parse({ drops: node.drops() }), { drops: node.drops() });
  assert.deepEqual(node.peers().map((peer) => schemas.peerStatus.parse(peer)), node.peers());
  assert.deepEqual(node.links().map((one) => topologySchemas.peerLinksStatus.parse(one)), node.links());
  assert.deepEqual(node.targets().map((target) => schemas.targetStatus.parse(target)), node.targets());
  assert.deepEqual(
    node.endpoints.list().map((one) => endpointSchemas.endpointStatus.parse(one)),
    node.endpoints.list(),
  );
  assert.deepEqual(node.connections().map((one) => schemas.connectionStatus.parse(one)), node.connections());
});

test("a member that may be absent may not be null", () => {
  assert.deepEqual(schemas.tokenOptions.parse({}), {});
  assert.ok(!schemas.tokenOptions.safeParse({ lifetimeSeconds: null }).success);
});

test("a place is said in one way", () => {
  const good = [
    { netns: "web" },
    { netns: "/run/netns/web" },
    { pid: "4711" },
    { container: "0123456789ab" },
    { host: "" },
  ];
  const bad = [{}, { netns: "" }, { pid: "0" }, { pid: 1 }, { container: "web" }, { host: "x" }, {
    netns: "a",
    pid: "1",
  }];
  const takes = (where: unknown) => endpointSchemas.attachRequest.safeParse({ where }).success;
  assert.deepEqual([good.filter(takes), bad.filter(takes)], [good, []]);
});

test("every event has a schema", () => {
  assert.deepEqual(Object.keys(eventSchemas).sort(), [...eventNames].sort());
});
