/** An image for containers that every engine loads: busybox of this machine, and nothing else. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { arch } from "node:process";
import { run } from "../../../examples/lab/namespace.ts";
import type { ArchiveEntry } from "../fou/initramfs.ts";
import { tar } from "./tar.ts";

/** With a host in front and a tag behind, so that no engine asks anybody where it would be. */
export const imageName = "localhost/lab/busybox:1";
const programs = ["sh", "sleep", "ping", "ip"];
const folders = ["bin", "dev", "etc", "proc", "sys", "tmp"];
/** As Go calls what Node calls otherwise. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Why there can be no image, undefined when there can. */
export function lacksForImage(): string | undefined {
  const { status, stdout } = spawnSync("sh", ["-c", 'ldd "$(command -v busybox)" 2>&1'], {
    encoding: "utf8",
  });
  if (status !== 0 && /not a dynamic executable|statically linked/.test(stdout)) return undefined;
  return "needs a busybox without libraries; apt-get install busybox-static";
}

/** The archive that `docker save` would write. */
export function image(): Uint8Array {
  const layer = tar([
    ...folders.map((path): ArchiveEntry => ({ path, kind: "directory" })),
    {
      path: "bin/busybox",
      kind: "file",
      content: readFileSync(run("sh", "-c", "command -v busybox").trim()),
    },
    ...programs.map((name): ArchiveEntry => ({
      path: `bin/${name}`,
      kind: "link",
      content: bytes("busybox"),
    })),
  ]);
  const config = bytes(JSON.stringify({
    architecture: architectures[arch] ?? arch,
    os: "linux",
    config: { Env: ["PATH=/bin"], Cmd: ["sh"], WorkingDir: "/" },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: "1970-01-01T00:00:00Z" }],
  }));
  const configName = `${sha256(config)}.json`;
  const manifest = [{ Config: configName, RepoTags: [imageName], Layers: ["layer.tar"] }];
  return tar([
    { path: "manifest.json", kind: "file", content: bytes(JSON.stringify(manifest)) },
    { path: configName, kind: "file", content: config },
    { path: "layer.tar", kind: "file", content: layer },
  ]);
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
