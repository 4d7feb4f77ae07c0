/** A browser and a system in words, from what the browser says of itself; enough to know one's own sessions. */
export interface Device {
  label: string;
  icon: "smartphone" | "monitor";
}

const BROWSERS: [RegExp, string][] = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\bOPR\/|\bOpera\b/, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/Chrome\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

export function deviceOf(userAgent: string): Device {
  const known = (list: [RegExp, string][]) => list.find(([mark]) => mark.test(userAgent))?.[1];
  const browser = known(BROWSERS) ?? "Navigateur inconnu";
  const system = known(SYSTEMS);
  return {
    label: system ? `${browser} sur ${system}` : browser,
    icon: /\b(?:Mobile|iPhone|iPad|Android)\b/.test(userAgent) ? "smartphone" : "monitor",
  };
}
