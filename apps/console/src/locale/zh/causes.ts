/** Causes in Chinese, by their code. */
export const CAUSES: Readonly<Record<string, readonly [title: string, remedy: string]>> = {};
