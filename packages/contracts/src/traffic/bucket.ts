/** Shares are counted in hundredths of a percent. */
export const WHOLE_BASIS_POINTS = 10_000;

const POLYNOMIAL = 0xed_b8_83_20;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  return rest;
});

const encoder = new TextEncoder();

function crc32(text: string): number {
  let crc = 0xff_ff_ff_ff;
  for (const byte of encoder.encode(text)) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] as number);
  return (crc ^ 0xff_ff_ff_ff) >>> 0;
}

/** HAProxy's `full_hash`: Bob Jenkins' full avalanche of an integer, times a prime near three quarters of its range. */
function avalanche(hash: number): number {
  let a = hash | 0;
  a = (a + 0x7e_d5_5d_16 + (a << 12)) | 0;
  a = a ^ 0xc7_61_c2_3c ^ (a >>> 19);
  a = (a + 0x16_56_67_b1 + (a << 5)) | 0;
  a = ((a + 0xd3_a2_64_6c) | 0) ^ (a << 9);
  a = (a + 0xfd_70_46_c5 + (a << 3)) | 0;
  a = a ^ 0xb5_5a_4f_09 ^ (a >>> 16);
  return Math.imul(a, 3_221_225_473) >>> 0;
}

/** Where a user stands among 10,000: `crc32(1),mod(10000)` of HAProxy over `salt:key`, so that every driver gives the same answer. */
export function bucketOf(salt: string, key: string): number {
  return avalanche(crc32(`${salt}:${key}`)) % WHOLE_BASIS_POINTS;
}
