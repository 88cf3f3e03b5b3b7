import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import "./kit/theme.css";
import "./kit/kit.css";
import { applyTheme } from "./shell/theme.ts";

applyTheme();
// A newer console was built since this page was loaded: its parts have other names now.
addEventListener("vite:preloadError", () => location.reload());

const root = document.getElementById("console");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
