/**
 * Selvage as an operator gets it: nodes of the real program, launched and joined, a container attached on each, and the
 * load between the containers, so that bridge and veth of host mode are in every figure.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Namespace, run } from "../../../../examples/lab/namespace.ts";
import { LabHost, type Program } from "../../../../examples/lab/lab_host.ts";
import type { Overlay, System } from "../system.ts";
import type { Topology } from "../topology.ts";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const runtimes = {
  deno: [join(root, "node_modules/.bin/deno"), "run", "-A", "--no-check", "--unstable-net"],
  node: [process.execPath, "-C", "source"],
} as const;

const attachSeconds = 20;

/** One way to run or to configure the nodes: a further one is a further entry of {@link variants}. */
interface Variant {
  readonly name: string;
  readonly runtime: keyof typeof runtimes;
  /** Settings of both nodes, in words of the environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly onlyNamed?: true;
}

const variants: readonly Variant[] = [
  { name: "selvage", runtime: "deno" },
  { name: "selvage-node", runtime: "node" },
  {
    name: "selvage-plain",
    runtime: "deno",
    environment: { SELVAGE_ENCAPSULATION__TRUSTED_SUBNETS: '["0.0.0.0/0","::/0"]' },
  },
  ...[1, 2, 4].map((workers): Variant => ({
    name: `selvage-${workers}-workers`,
    runtime: "deno",
    environment: { SELVAGE_DATAPATH__WORKERS: `${workers}` },
    onlyNamed: true,
  })),
];

/** Which files of the program run: the built one, as it is installed, or the sources. */
export type From = "dist" | "source";

export function selvages(from: From): readonly System[] {
  return variants.map((variant) => ({
    name: variant.name,
    programs: [],
    packages: [],
    version: () => versionOf(variant),
    ...(variant.onlyNamed === undefined ? {} : { onlyNamed: variant.onlyNamed }),
    start: (topology) => start(topology, variant, from),
  }));
}

function versionOf({ runtime }: Variant): string {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  return `${version} on ${run(runtimes[runtime][0], "--version").split("\n")[0]}`;
}

async function start(topology: Topology, variant: Variant, from: From): Promise<Overlay> {
  const { prefix, directory, programs: { signal } } = topology;
  const path = join(root, from === "dist" ? "dist/cli.js" : "cli/main.ts");
  const program: Program = { words: [...runtimes[variant.runtime], path] };
  const options = { environment: variant.environment ?? {} };
  const [a, b] = ["a", "b"].map((name) =>
    new LabHost({ name, prefix, directory, ground: topology, program })
  );
  const end = async () => void await Promise.all([a!.end(), b!.end()]);
  // A node that never gets ready must not hold the benchmark.
  signal.addEventListener("abort", end, { once: true });
  try {
    await a!.launch(options);
    const { token } = await a!.admin.createToken();
    await b!.join(token, options);
    const near = await attach(topology, a!, program);
    const far = await attach(topology, b!, program);
    return { from: near.namespace, to: far.namespace, address: far.address, end };
  } catch (error) {
    await end();
    throw new Error(`${(error as Error).message}\n${a!.log}\n${b!.log}`, { cause: error });
  }
}

/** A namespace that stands for a container, attached by the command that an operator would type. */
async function attach(topology: Topology, host: LabHost, program: Program) {
  const namespace = Namespace.make(`${host.namespace.name}1`);
  const words = [...program.words, "attach", namespace.name, "--state-dir", host.stateDir] as const;
  const out = await topology.programs.run(host.namespace.command(...words), attachSeconds);
  const address = /\b\d+\.\d+\.\d+\.\d+\b/.exec(out)?.[0];
  if (address === undefined) throw new Error(`attach printed no IPv4 address: ${out}`);
  return { namespace, address };
}
