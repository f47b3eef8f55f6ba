/** How a TAP device is opened or made in a namespace. What is done with it then is in `tap_device.ts`. */
import { MeshError } from "../contracts/errors.ts";
import { callMemory, type Libc, OPEN } from "./ffi/libc.ts";
import { ERRNO, systemErrorName } from "./ffi/system_error.ts";
import { inNetworkNamespace } from "./ffi/namespace_turn.ts";
import { VNET_HEADER_LENGTH } from "./vnet_header.ts";

/** linux/if_tun.h; the requests are the same numbers on x86-64 and arm64. */
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const IFF_TAP = 0x0002;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;

/** sys/socket.h. */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

const DEVICE = "/dev/net/tun";

export interface TapOptions {
  /** Path of the network namespace, `/run/netns/selvage`. */
  readonly namespace: string;
  /** Of the interface: 1 to 15 letters, digits, `_`, `-`, `.`. */
  readonly name: string;
  /**
   * Opens one more queue of a device that this process has opened: the kernel spreads flows over all queues. Without it the
   * device must not be open elsewhere, in any process.
   */
  readonly further?: boolean;
}

/**
 * What frames that are read may leave to the reader, each set tried before the next one: checksums, TCP and UDP of both
 * families to be cut into segments (UDP since Linux 6.2), and ECN.
 */
const OFFLOADS = [0x6f, 0x0f] as const;

/** Asks the kernel for frames that are not finished. False when it has none, so that all are whole, as at first. */
export function askForOffloads(libc: Libc, queue: number): boolean {
  return OFFLOADS.some((offloads) => libc.ioctlValue(queue, TUNSETOFFLOAD, offloads) === 0);
}

/** From now on frames are whole; those that wait in the queue already may be different. */
export function refuseOffloads(libc: Libc, queue: number): void {
  libc.ioctlValue(queue, TUNSETOFFLOAD, 0);
}

/** Descriptors of an open device. */
export interface TapDescriptors {
  /** Non-blocking; a frame per read and write, behind a header for offloads. */
  readonly queue: number;
  /** Keeps others from opening the device; absent for a further queue. */
  readonly claim?: number;
}

/** Opens one queue of the device, which is made when it is missing. Throws as `openTap` rejects, and leaves nothing open. */
export function openTapQueue(libc: Libc, options: TapOptions): TapDescriptors {
  checkName(options.name);
  const opened: number[] = [];
  try {
    const { queue, claim } = enter(libc, options, opened);
    if (claim !== undefined) claimName(libc, claim, options);
    configure(libc, queue, options);
    return claim === undefined ? { queue } : { queue, claim };
  } catch (error) {
    for (const descriptor of opened) libc.close(descriptor);
    throw error;
  }
}

/**
 * All that has to happen inside of the namespace: a queue and a socket belong to where they were opened, whoever sets
 * them up and from where.
 */
function enter(libc: Libc, { namespace, name, further }: TapOptions, opened: number[]): TapDescriptors {
  const keep = (descriptor: number, call: string): number => {
    if (descriptor < 0) throw failure(name, call, descriptor);
    opened.push(descriptor);
    return descriptor;
  };
  return inNetworkNamespace(libc, namespace, () => {
    const queue = keep(libc.open(DEVICE, OPEN.readWrite | OPEN.nonBlocking | OPEN.closeOnExec), "open");
    if (further === true) return { queue };
    return { queue, claim: keep(libc.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket") };
  });
}

/**
 * Linux would give a second process a queue of its own and half of the flows. So the first one holds a name that is
 * unique in the namespace and goes when its holder does: an abstract Unix socket to which nobody can connect. A lock
 * on the namespace's file was rejected, for every user of the machine could take it.
 */
function claimName(libc: Libc, claim: number, { name }: TapOptions): void {
  const path = new TextEncoder().encode(`\0selvage/tap/${name}`);
  const address = callMemory(2 + path.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(path, 2);
  const result = libc.bind(claim, address);
  if (result === -ERRNO.EADDRINUSE) throw failure(name, "bind", -ERRNO.EBUSY);
  if (result < 0) throw failure(name, "bind", result);
}

function configure(libc: Libc, queue: number, { name, further }: TapOptions): void {
  const must = (result: number, call: string): void => {
    if (result < 0) throw failure(name, call, result);
  };
  must(libc.ioctl(queue, TUNSETIFF, interfaceRequest(name)), "TUNSETIFF");
  // What follows is the device's, and the first queue may be in use by now.
  if (further === true) return;
  // Both are kept by the device: another program may have left them otherwise.
  const headerLength = callMemory(4);
  headerLength[0] = VNET_HEADER_LENGTH;
  must(libc.ioctl(queue, TUNSETVNETHDRSZ, headerLength), "TUNSETVNETHDRSZ");
  must(libc.ioctlValue(queue, TUNSETOFFLOAD, 0), "TUNSETOFFLOAD");
  must(libc.ioctlValue(queue, TUNSETPERSIST, 1), "TUNSETPERSIST");
}

/** `struct ifreq`: 16 bytes of name with a zero at the end, then 2 of flags. */
function interfaceRequest(name: string): Uint8Array {
  const request = callMemory(40);
  request.set(new TextEncoder().encode(name));
  new DataView(request.buffer).setUint16(16, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE, true);
  return request;
}

/** Linux would read `%d` as "any free number", and other tools trip over much that it takes. */
function checkName(name: string): void {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(name)) return;
  const rule = "give 1 to 15 letters, digits, dots, dashes or underscores";
  throw new MeshError("INVALID_ARGUMENT", `Cannot open a TAP device of the name "${name}": ${rule}`);
}

function failure(name: string, call: string, result: number): MeshError {
  const reason = systemErrorName(result);
  const lacking = call === "open" && ["ENOENT", "ENODEV", "ENXIO"].includes(reason);
  return new MeshError(
    lacking ? "UNSUPPORTED" : "BIND_FAILED",
    `Cannot open the TAP device ${name}: ${lacking ? absent : explain(name, call, reason)}`,
    { details: { call, reason } },
  );
}

const absent = `this machine has no ${DEVICE}; load the kernel module tun, or give the container that device`;

function explain(name: string, call: string, reason: string): string {
  switch (reason) {
    case "EPERM":
    case "EACCES":
      return "not permitted; run as root, or with CAP_SYS_ADMIN and CAP_NET_ADMIN";
    case "EBUSY":
      return "it is open already; stop the node that has it, or choose another namespace";
    case "EINVAL":
      return `${name} is an interface of another kind; delete it with ip link delete ${name} in that namespace`;
    case "EMFILE":
    case "ENFILE":
      return "too many open files; raise the limit, such as LimitNOFILE of the systemd unit";
    default:
      return `${call} failed with ${reason}`;
  }
}
