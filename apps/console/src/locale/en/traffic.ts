export const traffic = {
  "kind.route-change": "Traffic change",
} as const;
