/** What is told of a problem or a cause in another language; facts stand in braces. */
export type Sentences = readonly [title: string, remedy: string];
