import { expect, test } from "vitest";
import { readProxyHeader } from "./proxy-header.ts";

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const second = (command: number, family: number, rest: readonly number[]): Buffer =>
  Buffer.from([...SIGNATURE, command, family, rest.length >> 8, rest.length & 255, ...rest]);
const PORTS = [0x10, 0x00, 0x01, 0xbb];
const FOUR = [203, 0, 113, 7, 198, 51, 100, 1, ...PORTS];
const SIX = [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 1, ...Array<number>(16).fill(0), ...PORTS];

test.each<[string, Buffer, string | null]>([
  ["TCP4", Buffer.from("PROXY TCP4 203.0.113.7 198.51.100.1 4096 443\r\n"), "203.0.113.7"],
  ["TCP6", Buffer.from("PROXY TCP6 2001:db8::1 2001:db8::2 4096 443\r\n"), "2001:db8::1"],
  ["unknown", Buffer.from("PROXY UNKNOWN\r\n"), null],
  ["unknown with more", Buffer.from("PROXY UNKNOWN ff:: ff:: 1 2\r\n"), null],
  ["bytes of four", second(0x21, 0x11, FOUR), "203.0.113.7"],
  ["bytes of six", second(0x21, 0x21, SIX), "2001:db8::1"],
  ["bytes with something beside them", second(0x21, 0x11, [...FOUR, 0x04, 0, 1, 9]), "203.0.113.7"],
  ["bytes for the proxy itself", second(0x20, 0x00, []), null],
  ["bytes of a unix socket", second(0x21, 0x31, Array<number>(216).fill(0)), null],
])("%s: read whole, and not before it is all there", (_, header, address) => {
  for (let length = 0; length < header.length; length += 1)
    expect(readProxyHeader(header.subarray(0, length))).toEqual({ kind: "more" });
  const followed = Buffer.concat([header, Buffer.from("GET / HTTP/1.1\r\n")]);
  expect(readProxyHeader(followed)).toEqual({ kind: "told", address, length: header.length });
});

test.each<[string, Buffer]>([
  ["a request", Buffer.from("GET / HTTP/1.1\r\n")],
  ["no family", Buffer.from("PROXY UDP4 203.0.113.7 198.51.100.1 1 2\r\n")],
  ["an address of the other family", Buffer.from("PROXY TCP4 2001:db8::1 198.51.100.1 1 2\r\n")],
  ["no address", Buffer.from("PROXY TCP4 203.0.113.777 198.51.100.1 1 2\r\n")],
  ["a port beyond the last", Buffer.from("PROXY TCP4 203.0.113.7 198.51.100.1 1 65536\r\n")],
  ["a port missing", Buffer.from("PROXY TCP4 203.0.113.7 198.51.100.1 1\r\n")],
  ["a line without an end", Buffer.from(`PROXY TCP4 ${"1".repeat(120)}`)],
  ["another version", second(0x31, 0x11, FOUR)],
  ["another command", second(0x22, 0x11, FOUR)],
  ["addresses that are cut", second(0x21, 0x11, FOUR.slice(0, 8))],
  ["more than anybody has to say", Buffer.from([...SIGNATURE, 0x21, 0x11, 0xff, 0xff])],
])("%s is no header", (_, bytes) => expect(readProxyHeader(bytes)).toEqual({ kind: "wrong" }));
