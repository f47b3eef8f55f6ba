/** VXLAN of the Linux kernel, without encryption: the fastest of the usual overlays of container platforms. */
import { inner, type System } from "../system.ts";
import type { Host } from "../topology.ts";

const headerBytes = 50;

export const kernelVxlan: System = {
  name: "kernel-vxlan",
  programs: [],
  packages: [],
  start(topology) {
    const [a, b] = topology.hosts();
    tunnel(a, b, inner.a);
    tunnel(b, a, inner.b);
    return { from: a.namespace, to: b.namespace, address: inner.b };
  },
};

function tunnel(here: Host, there: Host, address: string): void {
  here.namespace.ip(
    `link add vx0 type vxlan id 42 dstport 4789 local ${here.address} remote ${there.address} dev eth0`,
    `addr add ${address}/24 dev vx0`,
    `link set dev vx0 mtu ${1500 - headerBytes} up`,
  );
}
