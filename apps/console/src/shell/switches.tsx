import { useState } from "react";
import { Button } from "../kit/button.tsx";
import { useWords } from "../locale/index.tsx";
import { chooseTheme, currentTheme } from "./theme.ts";

export function LanguageButton() {
  const { t, language, setLanguage } = useWords();
  return (
    <Button
      look="quiet"
      icon="language"
      aria-label={t("shell.language")}
      title={t("shell.language")}
      onClick={() => setLanguage(language === "en" ? "zh" : "en")}
    />
  );
}

export function ThemeButton() {
  const { t } = useWords();
  const [theme, setTheme] = useState(currentTheme);
  const turn = () => {
    const next = theme === "light" ? "dark" : "light";
    chooseTheme(next);
    setTheme(next);
  };
  return (
    <Button
      look="quiet"
      icon={theme === "light" ? "moon" : "sun"}
      aria-label={t("shell.theme")}
      title={t("shell.theme")}
      onClick={turn}
    />
  );
}
