/**
 * For tests: packets as a Linux 6.18 kernel wrote them to a TUN device of 1,400 bytes MTU, with 10.32.0.1/24 and
 * fd00::1/64 on it, sent by ordinary sockets and in answer to packets written to the device.
 */
import { decodeHex } from "./hex.ts";

/** The bytes of a hex text in which spaces are free; what is no hex makes the test that uses it fail. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  return decodeHex(text.replaceAll(" ", ""))!;
}

/** "hello" from 10.32.0.1 port 40000 to 10.32.0.7 port 7. */
export const udp4 = hex("45000021c33f4000401163450a2000010a200007 9c400007000d0b73 68656c6c6f");

/** "hello!" from fd00::1 port 40000 to fd00::7 port 7. */
export const udp6 = hex(
  "600548c3000e1140 fd000000000000000000000000000001 fd000000000000000000000000000007" +
    "9c400007000e258e 68656c6c6f21",
);

/** The SYN of a connection from 10.32.0.1 port 50240 to 10.32.0.7 port 80. */
export const tcp4 = hex(
  "4500003c872a400040069f4a0a2000010a200007" +
    "c44000507631e98c00000000a002ff003bbd0000020405500402080ab4a82064000000000103030a",
);

/** The SYN of a connection from fd00::1 port 53074 to fd00::7 port 80. */
export const tcp6 = hex(
  "600b522a00280640 fd000000000000000000000000000001 fd000000000000000000000000000007" +
    "cf5200504ae7043f00000000a002fb40826500000204053c0402080af53ebcbd000000000103030a",
);

/** 1,500 times "x" by UDP, in two IPv4 fragments. */
export const fragments4 = [
  hex("45000574c4a4200040117c8d0a2000010a200007 9c40000705e452a6" + "78".repeat(1368)),
  hex("45000098c4a400ac4011a0bd0a2000010a200007" + "78".repeat(132)),
] as const;

/** The same in two IPv6 fragments. */
export const fragments6 = [
  hex(
    "600548c305502c40 fd000000000000000000000000000001 fd000000000000000000000000000007" +
      "1100000122b6f5e1 9c40000705e46ce4" + "78".repeat(1344),
  ),
  hex(
    "600548c300a42c40 fd000000000000000000000000000001 fd000000000000000000000000000007" +
      "1100054822b6f5e1" + "78".repeat(156),
  ),
] as const;

/** Echo requests from .7 with 8 bytes of data, identifier 0x1234, sequence 1, and the kernel's replies. */
export const echo4 = {
  request: hex("4500002400010000400166910a2000070a200001 0800543512340001 6162636465666768"),
  reply: hex("450000245bef000040010aa30a2000010a200007 00005c3512340001 6162636465666768"),
};
export const echo6 = {
  request: hex(
    "6000000000103a40 fd000000000000000000000000000007 fd000000000000000000000000000001" +
      "8000e1e012340001 6162636465666768",
  ),
  reply: hex(
    "600920cd00103a40 fd000000000000000000000000000001 fd000000000000000000000000000007" +
      "8100e0e012340001 6162636465666768",
  ),
};

/** A router solicitation, sent when the device came up. */
export const routerSolicitation = hex(
  "6000000000083aff fe800000000000008a6957417b9537d3 ff020000000000000000000000000002 8500e82300000000",
);

const short4 = "4500002100010000401166840a2000070a200001 13880009000db438 6161616161";
const long4 = "450003a000010000401163050a2000070a200001 13880009038ca3d0" + "61".repeat(900);
const short6 = "60000000000d1140 fd000000000000000000000000000007 fd000000000000000000000000000001" +
  "13880009000dce76 6161616161";
const long6 = "60000000051c1140 fd000000000000000000000000000007 fd000000000000000000000000000001" +
  "13880009051ca6da" + "61".repeat(1300);

/** Datagrams to a closed port, and the "port unreachable" that came back: a short one and one that had to be cut. */
export const closedPort4 = [
  {
    original: hex(short4),
    answer: hex("45c0003d5b96000040010a230a2000010a200007 0303116300000000" + short4),
  },
  {
    original: hex(long4),
    answer: hex("45c002405bb60000400108000a2000010a200007 03035b2800000000" + long4).subarray(0, 576),
  },
] as const;
export const closedPort6 = [
  {
    original: hex(short6),
    answer: hex(
      "600f1030003d3a40 fd000000000000000000000000000001 fd000000000000000000000000000007" +
        "0104934b00000000" + short6,
    ),
  },
  {
    original: hex(long6),
    answer: hex(
      "600f103004d83a40 fd000000000000000000000000000001 fd000000000000000000000000000007" +
        "01049ec000000000" + long6,
    ).subarray(0, 1280),
  },
] as const;
