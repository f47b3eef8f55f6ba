import { MeshError } from "../contracts/errors.ts";
import { callMemory, type Libc } from "./ffi/libc.ts";
import { systemErrorName } from "./ffi/system_error.ts";

/** linux/sockios.h, net/if.h: the same numbers on x86-64 and arm64. */
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 0x1;

/**
 * Sets an interface up in the network namespace that `socket`, of any kind, was made in: a system call, where a program
 * would take milliseconds. Throws `NOT_FOUND` when there is none of that name, else `INTERNAL`.
 */
export function bringUp(libc: Libc, socket: number, name: string): void {
  // `struct ifreq`: 16 bytes of name with a zero at the end, then 2 of flags.
  const request = callMemory(40);
  request.set(new TextEncoder().encode(name).subarray(0, 15));
  const flags = new DataView(request.buffer, request.byteOffset);
  must(libc.ioctl(socket, SIOCGIFFLAGS, request), name);
  flags.setUint16(16, flags.getUint16(16, true) | IFF_UP, true);
  must(libc.ioctl(socket, SIOCSIFFLAGS, request), name);
}

function must(result: number, name: string): void {
  if (result >= 0) return;
  const reason = systemErrorName(result);
  const isGone = reason === "ENODEV";
  throw new MeshError(
    isGone ? "NOT_FOUND" : "INTERNAL",
    `Cannot set the interface ${name} up: ${isGone ? "there is none of that name" : reason}`,
    { details: { reason } },
  );
}
