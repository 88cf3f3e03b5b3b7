/** Run on the host by the Node that every agent brings: asks the new instance. */
export const ASK = `
const { HOST, PORT, ASK_PATH, ASK_STATUS } = process.env;
fetch("http://" + (HOST.includes(":") ? "[" + HOST + "]" : HOST) + ":" + PORT + ASK_PATH, { redirect: "manual" }).then(
  ({ status }) => {
    console.log(ASK_PATH + " answered " + status);
    process.exit(status === Number(ASK_STATUS) ? 0 : 1);
  },
  (error) => {
    console.log(ASK_PATH + ": " + (error.cause ?? error).message);
    process.exit(1);
  },
);`;
