/** An address as a number and its length in bits; IPv4 within IPv6 counts as IPv4; null = none. */
interface Address {
  readonly value: bigint;
  readonly bits: 32 | 128;
}

const V4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

function readAddress(text: string): Address | null {
  const plain = text.replace(/^::ffff:(?=\d+\.)/i, "");
  const parts = V4.exec(plain)?.slice(1).map(Number);
  if (parts !== undefined) {
    if (parts.some((part) => part > 255)) return null;
    return { value: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n), bits: 32 };
  }
  return readV6(plain);
}

function readV6(text: string): Address | null {
  if (!/^[0-9a-f:]+$/i.test(text) || !text.includes(":")) return null;
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const gap = 8 - head.length - tail.length;
  if (halves.length === 2 ? gap < 1 : gap !== 0) return null;
  const groups = [...head, ...Array.from({ length: gap }, () => "0"), ...tail];
  if (groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return null;
  return { value: groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n), bits: 128 };
}

/** `10.0.0.0/8` or an address alone, as `address/bits`; null = neither. */
export function canonicalNetwork(text: string): string | null {
  const [address = "", bits, ...rest] = text.split("/");
  const found = readAddress(address);
  if (found === null || rest.length > 0) return null;
  if (bits === undefined) return `${address}/${found.bits}`;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= found.bits ? `${address}/${Number(bits)}` : null;
}

/** Tells whether an address lies in a network, `address/bits`. */
export function networkTest(network: string): (address: string) => boolean {
  const [base = "", bits = "0"] = network.split("/");
  const found = readAddress(base);
  if (found === null) return () => false;
  const shift = BigInt(found.bits - Number(bits));
  const wanted = found.value >> shift;
  return (address) => {
    const asked = readAddress(address);
    return asked !== null && asked.bits === found.bits && asked.value >> shift === wanted;
  };
}
