/** Real devices, in namespaces of the tests' own. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { setImmediate } from "node:timers";
import { test } from "../../tests/harness.ts";
import { parseAddress } from "../wire/address.ts";
import { decodeIpv4 } from "../wire/ipv4.ts";
import { decodeUdp, encodeUdp } from "../wire/udp.ts";
import type { Libc } from "./ffi/libc.ts";
import { systemLibc } from "./ffi/system_libc.ts";
import { type Namespace, namespaceSkip, withNamespace } from "./namespace_fixture.ts";
import { LONGEST_FRAME, openTap, type TapDevice } from "./tap_device.ts";

const skip = namespaceSkip();

/** An EtherType for experiments (IEEE 802 §9.2.3), so that nothing else answers or sends it. */
const EXPERIMENT = 0x88b5;

function frameOf(length: number, seed: number): Uint8Array {
  const frame = Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff);
  frame.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, EXPERIMENT >> 8, EXPERIMENT & 0xff]);
  return frame;
}

/**
 * Collects copies of the frames with one EtherType and none of a multicast group, for bridges ask around for those that
 * anybody is in.
 */
class Collected {
  readonly frames: Uint8Array[] = [];
  readonly failures: unknown[] = [];
  readonly #etherType: number;
  #changed = Promise.withResolvers<void>();

  constructor(etherType = EXPERIMENT) {
    this.#etherType = etherType;
  }

  from(device: TapDevice): this {
    device.receive((frame) => {
      const etherType = (frame[12]! << 8) | frame[13]!;
      if (etherType === this.#etherType && frame[0] !== 1) this.frames.push(frame.slice());
      this.#wake();
    }, (error) => {
      this.failures.push(error);
      this.#wake();
    });
    return this;
  }

  async until(done: (collected: Collected) => boolean): Promise<void> {
    while (!done(this)) await this.#changed.promise;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** Two devices that are the ports of one bridge, all up. */
async function withBridge(
  mtu: number,
  use: (left: TapDevice, right: TapDevice, namespace: Namespace) => Promise<void>,
): Promise<void> {
  await withNamespace(async (namespace) => {
    const options = { namespace: namespace.path };
    await using left = await openTap({ ...options, name: "left" });
    await using right = await openTap({ ...options, name: "right" });
    namespace.ip(
      "link add mesh type bridge",
      `link set left mtu ${mtu} master mesh up`,
      `link set right mtu ${mtu} master mesh up`,
      "link set mesh up",
    );
    await use(left, right, namespace);
  });
}

interface Link {
  readonly ifindex: number;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly linkinfo: { readonly info_data: Readonly<Record<string, unknown>> };
}

function linkOf({ ip }: Namespace, name: string): Link {
  return (JSON.parse(ip(`link show ${name}`)) as Link[])[0]!;
}

test("frames cross a bridge both ways, byte for byte and in order", async () => {
  await withBridge(1500, async (left, right) => {
    const [atLeft, atRight] = [new Collected().from(left), new Collected().from(right)];
    const sent = Array.from({ length: 100 }, (_, i) => frameOf(60 + i * 14, i));
    for (const frame of sent) assert.equal(left.write(frame), true);
    await atRight.until(({ frames }) => frames.length === 100);
    for (const frame of sent) assert.equal(right.write(frame), true);
    await atLeft.until(({ frames }) => frames.length === 100);
    assert.deepEqual(atRight.frames, sent);
    assert.deepEqual(atLeft.frames, sent);
  });
}, { skip });

test("a frame of 9,000 bytes of payload crosses, and one for the largest IP packet", async () => {
  await withBridge(65_521, async (left, right) => {
    const atRight = new Collected().from(right);
    const sent = [frameOf(9014, 1), frameOf(14 + 65_521, 2), frameOf(14, 3)];
    for (const frame of sent) assert.equal(left.write(frame), true);
    await atRight.until(({ frames }) => frames.length === 3);
    assert.deepEqual(atRight.frames, sent);
  });
}, { skip });

test(
  "what is shorter than a header or longer than any frame is not taken, and the device goes on",
  async () => {
    await withBridge(1500, async (left, right) => {
      const atRight = new Collected().from(right);
      for (const length of [0, 1, 13, LONGEST_FRAME + 1, 1_000_000]) {
        assert.equal(left.write(new Uint8Array(length)), false);
      }
      assert.equal(left.write(frameOf(100, 1)), true);
      await atRight.until(({ frames }) => frames.length === 1);
    });
  },
  { skip },
);

test("a flood is read in batches between which timers and others run, and none of it is lost", async () => {
  await withBridge(1500, async (left, right, namespace) => {
    namespace.ip("link set right txqueuelen 5000");
    let [total, unbroken, longest] = [0, 0, 0];
    const { promise, resolve } = Promise.withResolvers<void>();
    const turn = () => {
      unbroken = 0;
      if (total < 4000) setImmediate(turn);
    };
    turn();
    for (let i = 0; i < 4000; i++) assert.equal(left.write(frameOf(64, i)), true);
    right.receive((frame) => {
      longest = Math.max(longest, ++unbroken);
      if (frame[12] === EXPERIMENT >> 8 && ++total === 4000) resolve();
    }, (error) => assert.fail(String(error)));
    await promise;
    assert.ok(longest <= 512, `${longest} frames without a turn for others`);
  });
}, { skip });

test("a handler that throws is reported, and the frames after it come", async () => {
  await withBridge(1500, async (left, right) => {
    const failures: unknown[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    right.receive((frame) => {
      if (frame[20] === frameOf(64, 1)[20]) throw new Error("from the handler");
      resolve();
    }, (error) => failures.push(error));
    left.write(frameOf(64, 1));
    left.write(frameOf(64, 2));
    await promise;
    assert.deepEqual(failures.map(String), ["Error: from the handler"]);
  });
}, { skip });

test(
  "checksums that the namespace left to its network card are complete in what comes out of it",
  async () => {
    await withNamespace(async (namespace) => {
      await using device = await openTap({ namespace: namespace.path, name: "tap0" });
      namespace.ip(
        "link add mesh type bridge",
        "link add port type veth peer name app",
        "link set port master mesh up",
        "link set tap0 master mesh up",
        "link set mesh up",
        "address add 10.9.0.1/24 dev app",
        "link set app up",
        "neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev app",
      );
      const seen = new Collected(0x0800).from(device);
      namespace.run("bash", "-c", "printf 'some words' > /dev/udp/10.9.0.2/5000");
      await seen.until(({ frames }) => frames.length === 1);
      const ip = decodeIpv4(seen.frames[0]!.subarray(14));
      assert.ok(typeof ip === "object");
      const udp = decodeUdp(ip);
      assert.ok(typeof udp === "object");
      assert.equal(new TextDecoder().decode(udp.payload), "some words");
      assert.notDeepEqual([...ip.payload.subarray(6, 8)], [0, 0]);
    });
  },
  { skip },
);

test(
  "a device stays when it is closed, without carrier, and is the same one when it is opened again",
  async () => {
    await withNamespace(async (namespace) => {
      const options = { namespace: namespace.path, name: "tap0" };
      const first = await openTap(options);
      namespace.ip("link set tap0 up mtu 1400");
      const { ifindex } = linkOf(namespace, "tap0");
      await first[Symbol.asyncDispose]();
      const left = linkOf(namespace, "tap0");
      assert.deepEqual([left.ifindex, left.mtu, left.flags.includes("NO-CARRIER")], [ifindex, 1400, true]);
      assert.equal(first.write(frameOf(64, 1)), false);
      await using second = await openTap(options);
      assert.equal(second.write(frameOf(64, 1)), true);
      const again = linkOf(namespace, "tap0");
      assert.equal(again.ifindex, ifindex);
      const { type, vnet_hdr, multi_queue, numqueues, persist } = again.linkinfo.info_data;
      assert.deepEqual([type, vnet_hdr, multi_queue, numqueues, persist], ["tap", true, true, 1, true]);
    });
  },
  { skip },
);

test("a device that is down takes no frame and takes them again when it is up", async () => {
  await withBridge(1500, async (left, right, namespace) => {
    const atRight = new Collected().from(right);
    namespace.ip("link set left down");
    assert.equal(left.write(frameOf(64, 1)), false);
    namespace.ip("link set left up");
    assert.equal(left.write(frameOf(64, 2)), true);
    await atRight.until(({ frames }) => frames.length === 1);
    assert.deepEqual(atRight.frames, [frameOf(64, 2)]);
  });
}, { skip });

test("two queues of one device share the flows that come out of it, and both send", async () => {
  await withBridge(1500, async (left, right, namespace) => {
    await using further = await openTap({ namespace: namespace.path, name: "right", further: true });
    const queues = [new Collected(0x0800).from(right), new Collected(0x0800).from(further)];
    const flows = 64;
    for (let i = 0; i < flows; i++) assert.equal(left.write(udpFrame(4000 + i)), true);
    const total = () => queues.reduce((sum, { frames }) => sum + frames.length, 0);
    await Promise.race(queues.map((queue) => queue.until(() => total() === flows)));
    for (const { frames } of queues) assert.ok(frames.length > 0, "one queue had no flow at all");
    const atLeft = new Collected().from(left);
    assert.equal(right.write(frameOf(64, 1)), true);
    assert.equal(further.write(frameOf(64, 2)), true);
    await atLeft.until(({ frames }) => frames.length === 2);
  });
}, { skip });

function udpFrame(sourcePort: number): Uint8Array {
  const route = { source: parseAddress("10.9.0.1")!, destination: parseAddress("10.9.0.2")! };
  const packet = encodeUdp(route, { sourcePort, destinationPort: 53, payload: new Uint8Array(8) });
  const frame = new Uint8Array(14 + packet.length);
  frame.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x00]);
  frame.set(packet, 14);
  return frame;
}

test(
  "an interface that is deleted while it is read is told once, and its device closes in peace",
  async () => {
    await withBridge(1500, async (left, right, namespace) => {
      const atRight = new Collected().from(right);
      namespace.ip("link delete right");
      await atRight.until(({ failures }) => failures.length === 1);
      assert.equal((atRight.failures[0] as { code: string }).code, "NOT_FOUND");
      assert.equal(right.write(frameOf(64, 1)), false);
      assert.equal(left.write(frameOf(64, 1)), true);
      await right[Symbol.asyncDispose]();
      assert.equal(atRight.failures.length, 1);
    });
  },
  { skip },
);

test("a renamed interface goes on", async () => {
  await withBridge(1500, async (left, right, namespace) => {
    const atRight = new Collected().from(right);
    namespace.ip("link set right down", "link set right name other", "link set other up");
    assert.equal(left.write(frameOf(64, 1)), true);
    await atRight.until(({ frames }) => frames.length === 1);
    assert.deepEqual(atRight.failures, []);
  });
}, { skip });

test("closing ends a wait, works twice, and from within a handler no other frame is given", async () => {
  await withBridge(1500, async (left, right) => {
    let calls = 0;
    const failures: unknown[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    right.receive(() => {
      calls++;
      void right[Symbol.asyncDispose]().then(resolve);
    }, (error) => failures.push(error));
    // The bridge says something of its own now and then, so nothing is asked of what comes here.
    left.receive(() => {}, (error) => failures.push(error));
    for (let i = 0; i < 10; i++) left.write(frameOf(64, i));
    await promise;
    await Promise.all([left[Symbol.asyncDispose](), left[Symbol.asyncDispose]()]);
    assert.deepEqual([calls, failures], [1, []]);
    assert.throws(() => left.receive(() => {}, () => {}), { code: "INVALID_ARGUMENT" });
  });
}, { skip });

test("a device that is open is busy for others until it is closed", async () => {
  await withNamespace(async ({ path }) => {
    const options = { namespace: path, name: "tap0" };
    const first = await openTap(options);
    await assert.rejects(openTap(options), {
      code: "BIND_FAILED",
      details: { call: "bind", reason: "EBUSY" },
    });
    await using _other = await openTap({ ...options, name: "tap1" });
    await first[Symbol.asyncDispose]();
    await using _second = await openTap(options);
  });
}, { skip });

test("an interface of another kind, or made with other flags, is named and left as it is", async () => {
  await withNamespace(async ({ path, ip }) => {
    ip(
      "link add bridge0 type bridge",
      "tuntap add single mode tap",
      "tuntap add routed mode tun multi_queue",
    );
    const before = openDescriptors();
    for (const name of ["bridge0", "single", "routed"]) {
      const kind = `Cannot open the TAP device ${name}: ${name} is an interface of another kind; `;
      await assert.rejects(openTap({ namespace: path, name }), {
        code: "BIND_FAILED",
        message: `${kind}delete it with ip link delete ${name} in that namespace`,
        details: { call: "TUNSETIFF", reason: "EINVAL" },
      });
    }
    assert.equal(openDescriptors(), before);
    assert.match(ip("link show"), /bridge0[\s\S]*single[\s\S]*routed/);
  });
}, { skip });

test("names that Linux would not take, or would fill in itself, are refused before anything is opened", async () => {
  for (const name of ["", "tap%d", "a/b", "..", "-x", "with space", "sixteen_letters_", "tap\0", "täp"]) {
    await assert.rejects(openTap({ namespace: "/nowhere", name }), { code: "INVALID_ARGUMENT" });
  }
});

test("a namespace that is not there, and a file that is none, are told apart", async () => {
  await assert.rejects(openTap({ namespace: "/run/netns/selvage-never", name: "tap0" }), {
    code: "NOT_FOUND",
  });
  await assert.rejects(openTap({ namespace: "/etc/hostname", name: "tap0" }), { code: "BIND_FAILED" });
}, { skip });

test("a machine without the device is told what it lacks, and nothing stays open", async () => {
  using libc = await systemLibc();
  const before = openDescriptors();
  await withNamespace(async ({ path }) => {
    const lacking: Libc = {
      ...libc,
      open: (file, flags) => libc.open(file.replace("/net/tun", "/no"), flags),
    };
    await assert.rejects(openTap({ namespace: path, name: "tap0" }, lacking), {
      code: "UNSUPPORTED",
      message: /load the kernel module tun/,
    });
  });
  assert.equal(openDescriptors(), before);
}, { skip });

test("a thousand devices opened, read and closed leave nothing open", async () => {
  await withNamespace(async (namespace) => {
    const cycle = async () => {
      await using device = await openTap({ namespace: namespace.path, name: "tap0" });
      device.receive(() => {}, (error) => assert.fail(String(error)));
    };
    await cycle();
    const before = openDescriptors();
    const { ifindex } = linkOf(namespace, "tap0");
    for (let i = 0; i < 1000; i++) await cycle();
    assert.equal(openDescriptors(), before);
    assert.equal(linkOf(namespace, "tap0").ifindex, ifindex);
  });
}, { skip });

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}
