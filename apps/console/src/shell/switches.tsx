import { Button } from "../kit/button.tsx";
import { useWords } from "../locale/index.tsx";
import { chooseTheme, useTheme } from "./theme.ts";

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
  const { theme } = useTheme();
  return (
    <Button
      look="quiet"
      icon={theme === "light" ? "moon" : "sun"}
      aria-label={t("shell.theme")}
      title={t("shell.theme")}
      onClick={() => chooseTheme(theme === "light" ? "dark" : "light")}
    />
  );
}
