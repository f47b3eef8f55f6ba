/**
 * Who may import whom. The middle is pure, the shells are thin: a layer sees only what stands here, types included.
 * A new folder of core needs a row before its first file passes.
 */

export interface Layer {
  readonly name: string;
  /** The first row whose pattern matches a path is its layer. */
  readonly files: RegExp;
  /** Names of layers; its own is always open to it, `*` is any but the tests. */
  readonly imports: readonly string[];
  /** Packages and modules of the runtime; a trailing `*` stands for the rest of the name. */
  readonly packages: readonly string[];
}

const PURE = ["core/contracts", "core/wire", "core/forwarding"];
const PLUGIN = [...PURE, "core/identity", "core/noise", "plugin/wire", "plugin/datapath"];

export const LAYERS: readonly Layer[] = [
  { name: "core/contracts", files: /^core\/contracts\//, imports: [], packages: [] },
  {
    name: "core/wire/cbor",
    files: /^core\/wire\/cbor\.ts$/,
    imports: ["core/contracts", "core/wire"],
    packages: ["cbor-x"],
  },
  {
    name: "core/wire",
    files: /^core\/wire\//,
    imports: ["core/contracts", "core/wire/cbor"],
    packages: [],
  },
  {
    name: "core/identity",
    files: /^core\/identity\//,
    imports: ["core/contracts", "core/wire", "core/wire/cbor"],
    packages: ["@noble/*"],
  },
  {
    name: "core/voters",
    files: /^core\/voters\//,
    imports: ["core/contracts", "core/wire", "core/wire/cbor", "core/identity"],
    packages: [],
  },
  {
    name: "core/noise",
    files: /^core\/noise\//,
    imports: ["core/contracts", "core/wire"],
    packages: ["@noble/*"],
  },
  {
    name: "core/topology",
    files: /^core\/topology\//,
    imports: ["core/contracts", "core/wire", "core/wire/cbor", "core/identity"],
    packages: [],
  },
  {
    name: "core/traversal",
    files: /^core\/traversal\//,
    imports: ["core/contracts", "core/wire", "core/wire/cbor"],
    packages: [],
  },
  {
    name: "core/forwarding",
    files: /^core\/forwarding\//,
    imports: ["core/contracts", "core/wire"],
    packages: [],
  },
  // What the data path and those who make its memory and its ciphers have in common: names and types.
  { name: "core/datapath/arena", files: /^core\/datapath\/arena(_aead)?\.ts$/, imports: PURE, packages: [] },
  {
    name: "core/runtime",
    files: /^core\/runtime\//,
    imports: ["core/contracts", "core/wire", "core/datapath/arena", "core/datapath"],
    // The reference AEAD and the HTTP server stand beside the platform's own, behind the same interfaces.
    packages: ["node:*", "@noble/*", "@hono/node-server", "koffi"],
  },
  {
    name: "core/datapath",
    files: /^core\/datapath\//,
    imports: [...PURE, "core/datapath/arena"],
    packages: ["@noble/*"],
  },
  {
    name: "core/node",
    files: /^core\/node\//,
    imports: [
      ...[...PURE, "core/wire/cbor", "core/identity", "core/voters", "core/topology", "core/traversal"],
      ...["core/datapath", "core/runtime"],
    ],
    packages: [],
  },
  {
    name: "core/admin",
    files: /^core\/admin\//,
    imports: ["core/contracts"],
    packages: ["hono", "@hono/*", "zod"],
  },
  {
    name: "root",
    files: /^(mod|plugins\/(builtins|datapath_worker))\.ts$|^(cli|examples)\//,
    imports: ["*"],
    packages: ["*"],
  },
  {
    name: "plugin/wire",
    files: /^plugins\/[^/]+\/wire\.ts$/,
    imports: PURE,
    packages: ["@noble/*"],
  },
  {
    name: "plugin/datapath",
    files: /^plugins\/[^/]+\/datapath\.ts$/,
    imports: [...PURE, "plugin/wire"],
    packages: ["@noble/*"],
  },
  {
    name: "plugin",
    files: /^plugins\/[^/]+\//,
    imports: [...PLUGIN, "core/wire/cbor"],
    packages: ["*"],
  },
  { name: "tests", files: /^tests\//, imports: ["*", "tests"], packages: ["*"] },
];

/** Plugins of these slots touch the machine: they alone see core/runtime. */
export const HOST_SLOTS: readonly string[] = ["transport", "port", "store"];

export function layerOf(path: string): Layer | undefined {
  return LAYERS.find((layer) => layer.files.test(path));
}

/** `plugins/noise` for every file of that plugin, undefined outside of plugin folders. */
export function pluginFolder(path: string): string | undefined {
  return /^plugins\/[^/]+(?=\/)/.exec(path)?.[0];
}

/** The slot that a plugin's `mod.ts` declares. */
export function declaredSlot(source: string): string | undefined {
  return /\bslot:\s*"(\w+)"/.exec(source)?.[1];
}
