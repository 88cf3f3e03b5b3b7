/** Paths of 24 by 24, drawn with a round pen. */
const PATHS = {
  home: "M3 11.5 12 4l9 7.5M5.5 9.800V20h13V9.800M10 20v-5.5h4V20",
  change: "M4 7h10.5M11 3.5 14.5 7 11 10.5M20 17H9.5M13 13.5 9.5 17l3.5 3.5",
  service: "M12 3 20 7.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  host: "M4 5h16v6H4zM4 13h16v6H4zM7.5 8h.01M7.5 16h.01",
  package: "M3.5 8 12 3.5 20.5 8v8L12 20.5 3.5 16zM3.5 8 12 12.5 20.5 8M7.7 5.800l8.5 4.5",
  application: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  buildpack: "m12 3 9 5-9 5-9-5zM3 12.5l9 5 9-5M3 16.800l9 5 9-5",
  route:
    "M5 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM19 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM7 17h8.5a3 3 0 0 0 0-6h-7a3 3 0 0 1 0-6H17",
  gateway: "M4 12h5M15 5h5M15 12h5M15 19h5M9 12l6-7M9 12l6 7M9 12h6",
  topology: "M9.500 4h5v4h-5zM3 16h5v4H3zM16 16h5v4h-5zM12 8v4M5.500 16v-4h13v4",
  cell: "M4 4h16v16H4zM4 12h16M12 4v16",
  instance: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 9.5a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z",
  placement: "M4 4h16v16H4zM4 9.500h16M4 14.500h16M9.500 4v16M14.500 4v16",
  module: "M4 8.500h4a2 2 0 1 1 4 0h4v4a2 2 0 1 1 0 4v4H4z",
  base: "M4 14h16v6H4zM7 14V9h4v5M13 14V6h4v8",
  rule: "M4 6h9M17 6h3M15 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM4 12h2M10 12h10M8 14a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM4 18h9M17 18h3M15 20a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  certificate:
    "M4 4.500h16v10H12M4 4.500V14.500h2M7.500 8h9M9 11a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM7 16.500v4l2-1.200 2 1.200v-4",
  scaling: "M4 20v-5M9.300 20v-8M14.700 20v-11M20 20V5M4 10l5-4M6 5.500l3 .5-.5 3",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  calendar: "M4 6h16v14H4zM4 10h16M8 3.5v4M16 3.5v4",
  approval: "M9 12.5l2.2 2.200L15.5 10M12 3l7 3v5.5c0 4.5-3 8-7 9.5-4-1.5-7-5-7-9.5V6z",
  audit: "M6 3.5h9L19 7.5V20.5H6zM9 11h7M9 14.5h7M9 8h3",
  token: "M14.5 3.5a6 6 0 1 0 .01 0M10.2 13.8 4 20v0h3.5v-2.5H10",
  doctor: "M3 12h4l2.5-6.5L14 18.5 16.5 12H21",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.3 15.3 20.5 20.5",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.300l1.4 1.400M17.3 17.300l1.4 1.400M5.3 18.700l1.4-1.400M17.3 6.700l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  language: "M3.5 6h10M8.5 3.5V6M11 6c-.8 4-3.5 7-7 8.5M6 9.5c1 2.2 2.7 3.8 5 5M12.5 20.5 16.5 11l4 9.5M13.8 17.5h5.4",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.8-3.5 3.8-5.5 7.5-5.5s6.7 2 7.5 5.5",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5 10 17.5 19.5 7",
  chevron: "m9 6 6 6-6 6",
  down: "m6 9 6 6 6-6",
  warning: "M12 4 21.5 20h-19zM12 10v4.5M12 17.5h.01",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.5M12 7.800h.01",
  cross: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9 9l6 6M15 9l-6 6",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5.200l3.2 2",
  copy: "M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4",
  upload: "M12 16V4.5M7 9l5-5 5 5M4.5 16v4h15v-4",
  pause: "M8.5 5v14M15.5 5v14",
  play: "M7 4.5 19 12 7 19.5z",
  back: "M9.5 5 4 10.5 9.5 16M4 10.5h10a6 6 0 0 1 0 12h-3",
  stop: "M6 6h12v12H6z",
  refresh: "M20 11.5A8 8 0 0 0 6 6.5L4 8.5M4 4.5v4h4M4 12.5a8 8 0 0 0 14 5l2-2M20 19.5v-4h-4",
  settings: "M4 7h9M17 7h3M15 5v4M4 12h3M11 12h9M9 10v4M4 17h11M19 17h1M17 15v4",
  menu: "M4 7h16M4 12h16M4 17h16",
  logout: "M10 4.5H5v15h5M14 8l4 4-4 4M18 12H9.5",
  terminal: "M3.5 5h17v14h-17zM7 9.5l3 2.5-3 2.5M12.5 15h4",
} as const;

export type IconName = keyof typeof PATHS;

/** A picture beside words; by itself it says nothing. */
export function Icon({ name, size = 17 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
