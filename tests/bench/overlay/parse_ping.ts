/** What `ping` prints for each answer. */

/** Microseconds of the first answer to each request, in the order of arrival; without those that were lost. */
export function parsePing(text: string): number[] {
  const seen = new Set<number>();
  const micros: number[] = [];
  // `64 bytes from 10.77.0.2: icmp_seq=3 ttl=64 time=0.057 ms`, and `(DUP!)` behind an answer that came twice. From
  // 1 ms on there are two decimals, from 10 ms on one: a thousandth of the value, where it could matter.
  for (const [, sequence, millis] of text.matchAll(/icmp_seq=(\d+) .*?time=([\d.]+) ms/g)) {
    if (seen.has(Number(sequence))) continue;
    seen.add(Number(sequence));
    micros.push(Number(millis) * 1000);
  }
  return micros;
}
