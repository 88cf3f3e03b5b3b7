/** Says whether one of the patterns covers the permission, which may be a pattern itself (of a token to be made). */
export function mayDo(patterns: readonly string[], permission: string): boolean {
  return patterns.some((pattern) => covers(pattern, permission));
}

function covers(pattern: string, permission: string): boolean {
  const [noun, verb] = pattern.split(":");
  const [wantedNoun, wantedVerb] = permission.split(":");
  return (noun === "*" || noun === wantedNoun) && (verb === "*" || verb === wantedVerb);
}
