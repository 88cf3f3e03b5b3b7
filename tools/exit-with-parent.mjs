// Loaded into npm before its own code. Standard input is a pipe from the bootstrap: it ends when that process is gone,
// however it went, and an npm left alone would go on writing where the next start installs anew.
process.stdin.on("end", () => process.exit(1)).on("error", () => process.exit(1));
process.stdin.resume();
process.stdin.unref?.();
