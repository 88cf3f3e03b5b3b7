export const activate = () => ({ snippet: ({ name }) => `Good day, ${name}` });
