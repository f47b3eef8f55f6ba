/**
 * The thread of the data path as a node has it, but for one weakness: it throws when it has read exactly
 * {@link fatalLength} bytes. So a test decides which of several workers fails, and when: by what it sends to the socket or
 * the device of that one.
 */
import { nobleArenaSuites } from "../../core/datapath/noble_arena_aead.ts";
import { systemClock } from "../../core/runtime/clock.ts";
import { datapathOrder, runDatapath } from "../../core/runtime/datapath_run.ts";
import { PacketCalls } from "../../core/runtime/ffi/packet_calls.ts";

export const fatalLength = 13;

class FrailCalls extends PacketCalls {
  override read(descriptor: number, address: number, length: number): number {
    return survived(super.read(descriptor, address, length));
  }

  override recvmsg(descriptor: number, message: number, flags: number): number {
    return survived(super.recvmsg(descriptor, message, flags));
  }
}

function survived(length: number): number {
  if (length === fatalLength) throw new Error("the test ends this thread");
  return length;
}

const order = datapathOrder();
if (order !== undefined) {
  const suites = () => nobleArenaSuites();
  await runDatapath(order, { clock: systemClock(), suites, io: (foreign) => new FrailCalls(foreign) });
}
