/**
 * What a plugin's author tests with: a kit per contract, a host to start the plugin with, and the simulated world in
 * which whole nodes run with it. Kits register tests with `Deno.test` under Deno and with `node:test` under Node, so
 * a file that calls one is run by either.
 *
 * ```ts no-assert
 * import { testHost, testPolicy } from "./mod.ts";
 * import { allowAll } from "../../mod.ts";
 *
 * testPolicy({
 *   name: "allow_all",
 *   create: () => allowAll({}).create(testHost()),
 *   endpoint: { owner: "web", namespace: "default", labels: {}, addresses: [] },
 * });
 * ```
 */
export * from "./encapsulation.ts";
export * from "./replicated_state.ts";
export { type DiscoveryKit, testDiscovery, testEditableTargets } from "./discovery.ts";
export { type IpamBed, type IpamKit, testIpam } from "./ipam.ts";
export { testLinkPort } from "./link_port.ts";
export type { LinkEndpoint, LinkPortBed, LinkPortKit } from "./link_port_bed.ts";
export { type PolicyKit, testPolicy } from "./policy.ts";
export * from "./port.ts";
export * from "./store.ts";
export { testTransport, type TransportBed, type TransportKit } from "./transport.ts";
export { type NotesEnd, type NotesKit, testNotes } from "./notes.ts";
export { type LogLine, type TestHost, testHost, type TestHostOptions } from "./test_host.ts";
export { test, type TestContext } from "../harness.ts";
export { SimClock } from "../sim/clock.ts";
export { SimRandom } from "../sim/random.ts";
export { type LinkFaults, perfectLink, SimNetwork, type SimNetworkOptions } from "../sim/network.ts";
export { type SimNode, SimWorld } from "../sim/world.ts";
export { MemoryDisk } from "../../plugins/memory_store/disk.ts";
