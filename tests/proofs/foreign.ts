/** Proofs against programs of others, on machines that have them: none of them is a part of CI. */
import type { Proof } from "./proof.ts";

export const fouProof: Proof = {
  name: "fou",
  what: "GRE in UDP, packets and frames, with Debian's kernel in a virtual machine: echoes and TCP both ways",
  unit: "boots",
  chunkSize: 1,
  ciFloor: 0,
  ciFloorSecond: 0,
  ciBudgetSeconds: 0,
  fullGoal: 8,
  alone: true,
  async load() {
    const { fouCases, runFou } = await import("../interop/fou/fou_run.ts");
    return async ({ index }) => {
      const way = fouCases[index % fouCases.length]!;
      const { kernel, pingsIn, pingsOut, streams, bytes, refused } = await runFou(way);
      const sums = {
        ...{ "pings in": pingsIn, "pings out": pingsOut, streams, bytes, "frames refused": refused },
        "streams in frames": way.isEthernet ? streams : 0,
      };
      return index === 0 ? { sums, notes: [`Linux ${kernel}`] } : { sums };
    };
  },
  judge: ({ sums = {} }) => (sums["streams"] ?? 0) > 0 ? undefined : "no stream was ever opened",
};

export const containersProof: Proof = {
  name: "container-engines",
  what: "containers of docker, podman and containerd: attached by id, over two hosts, through restarts",
  unit: "engines",
  chunkSize: 1,
  ciFloor: 0,
  ciFloorSecond: 0,
  ciBudgetSeconds: 0,
  fullGoal: 3,
  alone: true,
  async load() {
    const { engineKinds, lacksFor, runContainers } = await import("../interop/containers/containers_run.ts");
    return async ({ index }) => {
      const kind = engineKinds[index % engineKinds.length]!;
      const lacks = lacksFor(kind);
      if (lacks !== undefined) return { notes: [`${kind.name}: ${lacks}`] };
      const { version, ...sums } = await runContainers(kind);
      return { sums: { ...sums }, notes: [`${kind.name} ${version}`] };
    };
  },
  judge: ({ sums = {} }) => (sums["restarts"] ?? 0) > 0 ? undefined : "no engine of containers is installed",
};
