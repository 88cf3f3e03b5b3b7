import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import "./kit/theme.css";
import "./kit/kit.css";
import "./kit/print.css";
import { watchParts } from "./kit/lost-part.ts";
import { heedOtherWindows } from "./session/other-windows.ts";
import { applyTheme } from "./shell/theme.ts";

applyTheme();
watchParts();
heedOtherWindows();

const root = document.getElementById("console");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
