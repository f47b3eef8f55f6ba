import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { parseDatagrams, parseTransfer } from "./parse_iperf3.ts";
import { parsePing } from "./parse_ping.ts";
import { descendantsOf, foreignTicks, parseBusy, parseProcess } from "./processor_time.ts";

/** Of iperf3 3.12, cut down to what is read and what could be mistaken for it. */
const transfer = {
  end: {
    sum_sent: { seconds: 1.000186, bytes: 2_553_282_999, bits_per_second: 20422461902, retransmits: 7 },
    sum_received: { seconds: 1.000789, bytes: 2_553_282_560, bits_per_second: 20410156866 },
  },
};
const flood = {
  end: {
    sum: { seconds: 1, bytes: 16_968_320, bits_per_second: 135744388, packets: 265_130, lost_packets: 2748 },
    sum_sent: {
      seconds: 1,
      bytes: 16_968_320,
      bits_per_second: 135744388,
      packets: 265_130,
      lost_packets: 0,
    },
    sum_received: {
      ...{ seconds: 2, bytes: 16_792_192, bits_per_second: 134330013 },
      ...{ packets: 265_126, lost_packets: 2748 },
    },
  },
};

test("of a transfer counts what the receiver got", () => {
  const { bytes, bitsPerSecond } = parseTransfer(JSON.stringify(transfer));
  assert.deepEqual([bytes, bitsPerSecond], [2_553_282_560, 20410156866]);
});

test("of datagrams count those that arrived, over the receiver's seconds", () => {
  assert.deepEqual(parseDatagrams(JSON.stringify(flood)), { received: 262_378, perSecond: 131_189 });
  const { sum } = flood.end;
  assert.equal(parseDatagrams(JSON.stringify({ end: { sum } })).received, 262_382);
});

test("a failure of iperf3 is told in its own words, and nothing is no figure", () => {
  assert.throws(() => parseTransfer('{"end": {}, "error": "unable to connect"}'), /unable to connect/);
  assert.throws(() => parseTransfer('{"end": {}}'), /without an end/);
  assert.throws(() => parseDatagrams(JSON.stringify(transfer)), /no run of datagrams/);
  const nothing = { seconds: 1, bytes: 0, bits_per_second: 0, packets: 0, lost_packets: 0 };
  for (const parse of [parseTransfer, parseDatagrams]) {
    assert.throws(() => parse(JSON.stringify({ end: { sum_received: nothing } })), /nothing arrived/);
  }
});

test("a round trip is read at every precision of ping, once per request", () => {
  const text = `PING 10.77.0.2 (10.77.0.2) 56(84) bytes of data.
64 bytes from 10.77.0.2: icmp_seq=1 ttl=64 time=0.057 ms
64 bytes from 10.77.0.2: icmp_seq=3 ttl=64 time=1.25 ms
64 bytes from 10.77.0.2: icmp_seq=3 ttl=64 time=7.25 ms (DUP!)
From 10.77.0.1 icmp_seq=4 Destination Host Unreachable
64 bytes from 10.77.0.2: icmp_seq=2 ttl=64 time=121 ms

--- 10.77.0.2 ping statistics ---
4 packets transmitted, 3 received, +1 duplicates, 25% packet loss, time 9ms
rtt min/avg/max/mdev = 0.057/40.769/121.000/1.000 ms
`;
  assert.deepEqual(parsePing(text), [57, 1250, 121_000]);
});

test("a process is read whatever its name is", () => {
  const line = "4711 (a ) b (c) S 12 4711 4711 0 -1 4194560 100 200 0 0 70 30 5 6 20 0 1 0 99 1000 10";
  assert.deepEqual(parseProcess(line), { pid: 4711, parent: 12, ticks: 100, childTicks: 11 });
});

test("neither idling nor waiting nor what a hypervisor gave to others is busy", () => {
  assert.equal(parseBusy("cpu  1 20 300 999999 888888 4000 50000 777777 0 0\ncpu0 1 1 1 1 1 1 1\n"), 54_321);
});

test("foreign is who neither descends from the benchmark nor belongs to the kernel", () => {
  const process = (pid: number, parent: number, ticks: number, childTicks = 0) => ({
    pid,
    parent,
    ticks,
    childTicks,
  });
  const processes = [
    ...[process(1, 0, 1, 2), process(2, 0, 1000), process(30, 2, 1000)],
    // The benchmark, a daemon of it, a child of that, and a program of somebody else.
    ...[process(40, 1, 4, 1000), process(41, 40, 1000, 1000), process(42, 41, 1000), process(50, 1, 500, 60)],
  ];
  assert.deepEqual([...descendantsOf(processes, 40)].sort(), [41, 42]);
  assert.equal(foreignTicks(processes, 40), 1 + 2 + 4 + 500 + 60);
});
