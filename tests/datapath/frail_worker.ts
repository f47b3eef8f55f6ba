/**
 * The thread of the data path as a node has it, but for two weaknesses: it throws when it has read exactly
 * {@link fatalLength} bytes, and does nothing for {@link stallMillis} when it has read {@link stallLength}, of which a drop tells. So a test decides which of several workers fails or stalls, and when: by what it sends to the socket or
 * the device of that one.
 */
import { Drop } from "../../core/contracts/drop.ts";
import { nobleArenaSuites } from "../../core/datapath/noble_arena_aead.ts";
import { Telemetry } from "../../core/datapath/telemetry.ts";
import { systemClock } from "../../core/runtime/clock.ts";
import { datapathOrder, runDatapath } from "../../core/runtime/datapath_run.ts";
import { PacketCalls } from "../../core/runtime/ffi/packet_calls.ts";

export const fatalLength = 13;
export const stallLength = 17;
/** Longer than a worker has for letting go of a descriptor, shorter than for that and its end. */
export const stallMillis = 3_500;

class FrailCalls extends PacketCalls {
  override read(descriptor: number, address: number, length: number): number {
    return survived(super.read(descriptor, address, length));
  }

  override recvmsg(descriptor: number, message: number, flags: number): number {
    return survived(super.recvmsg(descriptor, message, flags));
  }
}

function survived(length: number): number {
  if (length === stallLength) stall();
  if (length === fatalLength) throw new Error("the test ends this thread");
  return length;
}

const order = datapathOrder();

function stall(): void {
  if (order !== undefined) new Telemetry(order.memory.telemetry, order.worker).count(Drop.underlay, 1);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMillis);
}

if (order !== undefined) {
  const suites = () => nobleArenaSuites();
  await runDatapath(order, { clock: systemClock(), suites, io: (foreign) => new FrailCalls(foreign) });
}
