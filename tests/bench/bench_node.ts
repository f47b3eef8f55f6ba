import type { MeshNode } from "../../core/contracts/node.ts";
import { createNode } from "../../core/node/create_node.ts";
import type { Intent } from "../../core/node/entry.ts";
import { allowAll } from "../../plugins/allow_all/mod.ts";
import { noise } from "../../plugins/noise/mod.ts";
import { ring } from "../../plugins/ring/mod.ts";
import { sqlite } from "../../plugins/sqlite/mod.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { udp } from "../../plugins/udp/mod.ts";
import { userspace } from "../../plugins/userspace/mod.ts";

/** A node as `selvage launch` composes it, on a free loopback port. */
export function benchNode(name: string, directory: string, intent: Intent): Promise<MeshNode> {
  return createNode({
    name,
    intent,
    plugins: {
      store: sqlite({ directory }),
      transport: udp({ listen: "127.0.0.1:0" }),
      encapsulation: noise({}),
      discovery: [staticSeeds({ seeds: [] })],
      ipam: ring({}),
      policy: allowAll({}),
      port: userspace({}),
    },
  });
}
