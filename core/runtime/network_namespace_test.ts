import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { membershipOf } from "./network_namespace.ts";

const id = "3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a";
const short = id.slice(0, 12);

test("the control group of a container is found as each engine names it, by the whole id and by its beginning", () => {
  for (
    const path of [
      `/docker/${id}`,
      `/system.slice/docker-${id}.scope`,
      `/kubepods/burstable/pod0b1c/${id}`,
      `/kubepods.slice/kubepods-pod0b1c.slice/cri-containerd-${id}.scope`,
      `/kubepods-besteffort-pod0b1c.slice:cri-containerd:${id}`,
      `/machine.slice/libpod-${id}.scope`,
      `/system.slice/web.service/libpod-payload-${id}`,
      `/lxc/${id}`,
    ]
  ) {
    for (const text of [`0::${path}\n`, `4:memory:/\n3:cpu,cpuacct:${path}\n`]) {
      assert.deepEqual(membershipOf(text, id), { path, depth: 0 });
      assert.deepEqual(membershipOf(text, short), { path, depth: 0 });
    }
  }
});

test("an engine's monitor, which has the container's id and the host's network, is not in the container", () => {
  for (const name of ["libpod-conmon", "crio-conmon"]) {
    assert.equal(membershipOf(`0::/machine.slice/${name}-${id}.scope\n`, id), undefined);
  }
});

test("a container within a container is further from the outer one than the outer one's own processes", () => {
  const inner = `${"0".repeat(52)}abcdefabcdef`;
  const own = membershipOf(`0::/docker/${id}/init\n`, id)!;
  const nested = membershipOf(`0::/docker/${id}/docker/${inner}\n`, id)!;
  assert.equal(own.path, nested.path);
  assert.ok(own.depth < nested.depth);
  assert.equal(membershipOf(`0::/docker/${id}/docker/${inner}\n`, inner)?.depth, 0);
});

test("a group that has the id in the middle of its name, or of another one's, is no container's", () => {
  for (const name of [`x${id}`, `0${id}`, `${id}-log`, `web-${id}.slice`]) {
    assert.equal(membershipOf(`0::/user.slice/${name}\n`, id), undefined);
  }
  assert.equal(membershipOf("", id), undefined);
});
