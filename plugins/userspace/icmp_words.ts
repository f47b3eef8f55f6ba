import type { IcmpError } from "../../core/wire/icmp.ts";

/** Codes of "destination unreachable" (RFC 792, RFC 1812 §5.2.7.1; RFC 4443 §3.1) that a person can act upon. */
const unreachable4: Readonly<Record<number, string>> = {
  0: "no route to its network",
  1: "nobody holds the address",
  2: "its host does not speak the protocol",
  3: "nobody listens on the port",
  9: "its network is prohibited by policy",
  10: "its host is prohibited by policy",
  13: "policy denies it",
};
const unreachable6: Readonly<Record<number, string>> = {
  0: "no route to its network",
  1: "policy denies it",
  3: "nobody holds the address",
  4: "nobody listens on the port",
  5: "policy denies the source address",
  6: "its route rejects packets",
};

/** What an ICMP error says, as a clause: `nobody holds the address`. */
export function explainError({ kind, code, mtu }: IcmpError, family: 4 | 6): string {
  switch (kind) {
    case "unreachable":
      return (family === 4 ? unreachable4 : unreachable6)[code] ?? `it is unreachable (code ${code})`;
    case "packetTooBig":
      return `at most ${mtu} bytes pass; give a smaller size`;
    case "timeExceeded":
      return "the hop limit ran out on the way";
  }
}
