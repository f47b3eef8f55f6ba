/**
 * A mesh node inside a web application. The application keeps its own paths, asks the node what it wants to know, and
 * lets operators who have logged in use the node's whole admin API below `/mesh`.
 */
import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { type AdminDoor, createAdminApp, type Logger, type MeshNode, systemClock, version } from "selvage";

export interface SiteOptions {
  readonly node: MeshNode;
  readonly log: Logger;
  readonly operator: { readonly username: string; readonly password: string };
  /** Host headers under which the application is served, with the port. */
  readonly hosts: readonly string[];
}

export function createSite({ node, log, operator, hosts }: SiteOptions): Hono {
  const admin = createAdminApp({
    node,
    log,
    clock: systemClock(),
    stop: () => void node[Symbol.asyncDispose](),
    version,
  });
  // The operator has shown who he is below; what remains for the API is to refuse what another site's page sends.
  const door: AdminDoor = { name: "site", hosts };
  const site = new Hono();
  site.get("/", (c) => {
    const { name, addresses, peers } = node.status();
    return c.text(`${name} at ${addresses.join(" and ")}, one of ${peers} nodes\n`);
  });
  site.use("/mesh/*", basicAuth(operator));
  site.all("/mesh/*", (c) => {
    const url = new URL(c.req.url);
    url.pathname = url.pathname.slice("/mesh".length);
    return admin.fetch(new Request(url, c.req.raw), { door });
  });
  return site;
}
