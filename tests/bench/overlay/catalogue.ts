/** Every system, in the order of the table. */
import { bare } from "./systems/bare.ts";
import { fastd } from "./systems/fastd.ts";
import { kernelVxlan } from "./systems/kernel_vxlan.ts";
import { nebula } from "./systems/nebula.ts";
import { openvpn } from "./systems/openvpn.ts";
import { type From, selvages } from "./systems/selvage.ts";
import { tinc } from "./systems/tinc.ts";
import { otherWireguardGo, wireguardGo } from "./systems/wireguard_go.ts";
import type { System } from "./system.ts";

export function allSystems(from: From): readonly System[] {
  const peers = [wireguardGo, ...otherWireguardGo, nebula, tinc, fastd, openvpn];
  return [bare, kernelVxlan, ...peers, ...selvages(from)];
}
