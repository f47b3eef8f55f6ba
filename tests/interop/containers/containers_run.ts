/**
 * Containers of a real engine, two hosts, one engine on each: attached by what the engine calls them, speaking to each
 * other, started anew, and removed. The engine is never asked by the node: it has its sockets in places of its own, which
 * nobody has told the node.
 */
import assert from "node:assert/strict";
import { isInstalled, Lab, lacksForLab, until } from "../../../examples/lab/lab.ts";
import type { LabHost } from "../../../examples/lab/lab_host.ts";
import type { EndpointStatus } from "../../../mod.ts";
import { containerd } from "./containerd.ts";
import { docker } from "./docker.ts";
import { type Engine, type EngineKind, startEngine, Traces } from "./engine.ts";
import { lacksForImage } from "./image.ts";
import { podman } from "./podman.ts";

export const engineKinds: readonly EngineKind[] = [docker, podman, containerd];

const shortId = 12;
const pings = 3;
/** A node looks at its interfaces every ten seconds. */
const lookSeconds = 30;

export interface ContainersResult {
  readonly version: string;
  readonly attachments: number;
  readonly pings: number;
  readonly restarts: number;
}

/** What this machine lacks for it, undefined when it lacks nothing. */
export function lacksFor({ programs, packages }: EngineKind): string | undefined {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length > 0) return `needs ${missing.join(", ")}; apt-get install ${packages}`;
  return lacksForLab() ?? lacksForImage();
}

/** Throws what was not as it should be. */
export async function runContainers(kind: EngineKind): Promise<ContainersResult> {
  await using lab = new Lab();
  await using _traces = new Traces(kind);
  const [a, b] = await lab.network("a", "b") as [LabHost, LabHost];
  await using near = await startEngine(kind, a.namespace, lab.directory);
  await using far = await startEngine(kind, b.namespace, lab.directory);
  const course = new Course({ host: a, engine: near }, { host: b, engine: far });
  try {
    await course.attach();
    await course.restart();
    await course.remove();
  } catch (error) {
    for (const { name, log } of lab.hosts) console.error(`--- node ${name}\n${log}\n`);
    throw error;
  }
  return { version: near.version, ...course.counts };
}

interface Side {
  readonly host: LabHost;
  readonly engine: Engine;
}

interface Attached {
  readonly side: Side;
  readonly id: string;
  readonly addresses: readonly string[];
}

class Course {
  readonly counts = { attachments: 0, pings: 0, restarts: 0 };
  readonly #near: Side;
  readonly #far: Side;
  #web: Attached | undefined;
  #db: Attached | undefined;

  constructor(near: Side, far: Side) {
    this.#near = near;
    this.#far = far;
  }

  /** By the whole id, by its beginning, and by the id that the engine gives for a name. */
  async attach(): Promise<void> {
    const [web, db, cache] = [
      this.#near.engine.run("web"),
      this.#far.engine.run("db"),
      this.#near.engine.run("cache"),
    ];
    this.#web = this.#attached(this.#near, web, web);
    this.#db = this.#attached(this.#far, db, db.slice(0, shortId));
    const named = this.#near.engine.idOf("cache");
    const third = this.#attached(this.#near, cache, `container:${named ?? cache}`);
    assert.match(this.#near.host.cli("attach", "cache").words, /a container goes by its id/);
    assert.deepEqual(this.#attached(this.#near, web, web.slice(0, shortId)).addresses, this.#web.addresses);
    for (const [from, to] of [[this.#web, this.#db], [this.#db, third], [third, this.#web]] as const) {
      this.#ping(from, to);
    }
    this.#detach(third);
    await this.#near.engine.remove(cache);
  }

  /** It comes back without the interface, and has its addresses again as soon as it is attached again. */
  async restart(): Promise<void> {
    const web = this.#web!;
    const { host, engine } = web.side;
    for (const waits of [true, false]) {
      await engine.restart(web.id);
      this.counts.restarts++;
      assert.equal(
        engine.exec(web.id, "ip", "link", "show", "mesh0"),
        undefined,
        "the interface went with it",
      );
      if (waits) {
        await soon(() => Promise.resolve(/Endpoint is gone; its addresses are kept/.test(host.log)));
        assert.deepEqual(await endpoints(host), []);
      }
      const again = this.#attached(web.side, web.id, web.id.slice(0, shortId));
      assert.deepEqual(again.addresses, web.addresses, "its addresses have waited for it");
      this.#ping(again, this.#db!);
      this.#ping(this.#db!, again);
    }
    assert.deepEqual((await host.admin.status()).alerts, []);
  }

  /** One is detached first, the other just goes. */
  async remove(): Promise<void> {
    const [web, db] = [this.#web!, this.#db!];
    this.#detach(db);
    await db.side.engine.remove(db.id);
    await web.side.engine.remove(web.id);
    await soon(async () => (await endpoints(web.side.host)).length === 0);
    for (const { host } of [this.#near, this.#far]) {
      assert.deepEqual(host.mesh.interfaces(), ["lo", "mesh", "tap0"]);
    }
  }

  #attached(side: Side, id: string, said: string): Attached {
    const { code, out, words } = side.host.cli("attach", said);
    assert.equal(code, 0, words);
    this.counts.attachments++;
    const addresses = out.trim().split("\n").map((text) => text.split("/")[0]!);
    assert.equal(addresses.length, 2);
    return { side, id, addresses };
  }

  #detach({ side: { host, engine }, id }: Attached): void {
    const { code, words } = host.cli("detach", id.slice(0, shortId));
    assert.equal(code, 0, words);
    assert.equal(engine.exec(id, "ip", "link", "show", "mesh0"), undefined);
  }

  #ping({ side: { engine }, id }: Attached, { addresses }: Attached): void {
    for (const address of addresses) {
      const words = ["ping", "-q", "-c", `${pings}`, "-i", "0.2", "-W", "2", address] as const;
      const said = engine.exec(id, ...words);
      assert.match(said ?? "", new RegExp(`${pings} packets received`), `ping ${address}: ${said}`);
      this.counts.pings += pings;
    }
  }
}

async function endpoints({ admin }: LabHost): Promise<readonly EndpointStatus[]> {
  return (await admin.endpoints()).filter(({ owner }) => owner !== "node");
}

/** Rejects when it does not come to hold in a few looks of a node. */
async function soon(holds: () => Promise<boolean>): Promise<void> {
  const late = Date.now() + 1000 * lookSeconds;
  await until(async () => await holds() || Date.now() > late);
  assert.ok(await holds(), `not so after ${lookSeconds} s`);
}
