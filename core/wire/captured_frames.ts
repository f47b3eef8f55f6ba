/**
 * For tests: frames between two Linux 6.18 kernels at the ends of a veth pair: 10.32.0.1/24 and fd00::1/64 behind
 * 0a:5e:0a:20:00:01, 10.32.0.7/24 and fd00::7/64 behind 0a:5e:0a:20:00:07. Sent by ping, arping and the kernels themselves.
 */
import { hex } from "./captured_packets.ts";

const broadcast = "ffffffffffff ";
const first = "0a5e0a200001 ";
const seventh = "0a5e0a200007 ";

/** "Who has 10.32.0.7? Tell 10.32.0.1", and the answer. */
export const arp = {
  request: hex(broadcast + first + "0806 0001080006040001 0a5e0a2000010a200001 0000000000000a200007"),
  reply: hex(first + seventh + "0806 0001080006040002 0a5e0a2000070a200007 0a5e0a2000010a200001"),
  /** To the MAC known already, asking whether 10.32.0.1 is still there. */
  unicast: hex(first + seventh + "0806 0001080006040001 0a5e0a2000070a200007 0000000000000a200001"),
  /** The answer to a probe, whose sender had no address yet. */
  probeReply: hex(first + seventh + "0806 0001080006040002 0a5e0a2000070a200007 0a5e0a20000100000000"),
  announcement: hex(broadcast + first + "0806 0001080006040001 0a5e0a2000010a200001 ffffffffffff0a200001"),
};

/** "Who has fd00::7? Tell fd00::1", and the answer. */
export const neighbour = {
  solicitation: hex(
    "3333ff000007" + first +
      "86dd 6000000000203aff fd000000000000000000000000000001 ff0200000000000000000001ff000007" +
      "87006b0f00000000 fd000000000000000000000000000007 01010a5e0a200001",
  ),
  advertisement: hex(
    first + seventh +
      "86dd 6000000000203aff fd000000000000000000000000000007 fd000000000000000000000000000001" +
      "88000a0d60000000 fd000000000000000000000000000007 02010a5e0a200007",
  ),
  /** To the MAC known already, from the link-local address: whether fd00::1 is still there. */
  unicast: hex(
    first + seventh +
      "86dd 6000000000203aff fe80000000000000085e0afffe200007 fd000000000000000000000000000001" +
      "8700591500000000 fd000000000000000000000000000001 01010a5e0a200007",
  ),
  /** Whether anybody has fd00::7 already, with a nonce (RFC 7527). */
  probe: hex(
    "3333ff000007" + seventh +
      "86dd 6000000000203aff 00000000000000000000000000000000 ff0200000000000000000001ff000007" +
      "8700598900000000 fd000000000000000000000000000007 0e01eec0f47832cd",
  ),
};

export const routerSolicitation = hex(
  "333300000002" + seventh +
    "86dd 6000000000103aff fe80000000000000085e0afffe200007 ff020000000000000000000000000002" +
    "8500562400000000 01010a5e0a200007",
);

/** An MLDv2 report behind hop-by-hop options. */
export const groupReport = hex(
  "333300000016" + seventh +
    "86dd 6000000000380001 fe80000000000000085e0afffe200007 ff020000000000000000000000000016" +
    "3a00050200000100 8f005d3c00000002 04000000ff0200000000000000000001ff000007 04000000ff0200000000000000000001ff200007",
);

/** An echo request from .1 to .7, and one to all of the subnet. */
export const ping = {
  one: hex(
    seventh + first +
      "0800 4500005472784000 4001b3e9 0a200001 0a200007 0800ec982b770001 c4df036b0000000051d1070000000000" +
      "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
  ),
  all: hex(
    broadcast + first +
      "0800 4500005400004000 4001256a 0a200001 0a2000ff 0800b8b22b7f0001 c5df036b0000000083af080000000000" +
      "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
  ),
};
