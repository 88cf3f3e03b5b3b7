// The program of a thread for modules: loading the loader is most of its start, so it is loaded where the thread has found its place.
import "./start.ts";

await import("./main.ts");
