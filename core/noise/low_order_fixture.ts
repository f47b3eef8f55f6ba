/**
 * Public keys whose shared secret is all zeros: seven u-coordinates of RFC 7748 with and without the ignored
 * top bit.
 */

const p = 2n ** 255n - 19n;

/** The two roots of order eight; `d` doubles to a point of order four. */
const orderEight = [
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
];

const points: Readonly<Record<string, bigint>> = {
  "0": 0n,
  "1": 1n,
  "the first of order 8": orderEight[0]!,
  "the second of order 8": orderEight[1]!,
  "p - 1": p - 1n,
  "p": p,
  "p + 1": p + 1n,
};

export const lowOrderKeys: readonly { readonly name: string; readonly publicKey: Uint8Array }[] = Object
  .entries(points).flatMap(([name, u]) => [
    { name, publicKey: littleEndian(u) },
    { name: `${name} with the top bit`, publicKey: littleEndian(u | 1n << 255n) },
  ]);

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, index) => Number(value >> BigInt(8 * index) & 0xffn));
}
