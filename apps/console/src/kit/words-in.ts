/** What a person wrote in a row, with blanks or commas between. */
export const wordsIn = (text: string): string[] => text.split(/[\s,]+/).filter((each) => each !== "");
