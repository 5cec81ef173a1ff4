// Run in the browser's page by console.browser.ts. Plain JavaScript: the program around it is typed without the DOM.

export function pageHeight() {
  return document.documentElement.scrollHeight;
}

export function excessWidth() {
  return document.documentElement.scrollWidth - window.innerWidth;
}

export function themeShown() {
  return [document.documentElement.dataset["theme"], getComputedStyle(document.documentElement).backgroundColor];
}

/** Pages of charts have drawn one. */
export function chartsDrawn() {
  return document.querySelectorAll("main .chart").length > 0 || !/features|monitoring|runs\//.test(location.pathname);
}

export function focusedElement() {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const text = element.getAttribute("aria-label") ?? element.textContent ?? "";
  return { text: text.trim(), outlined: style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 1, isSvgLink: element instanceof SVGElement };
}

/** Texts below WCAG AA's 4.5 to 1 against their ground. */
export function weakTexts() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const luminance = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = Array.from(canvas.getImageData(0, 0, 1, 1).data.slice(0, 3), (c) =>
      c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!/rgba\(.*, 0(\.\d+)?\)$/.test(color)) return color;
    }
    return "white";
  };
  const weak = [];
  for (const element of document.querySelectorAll("main *, nav *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim() !== "");
    // A title of a drawing is said, not drawn; what a closed disclosure holds is not drawn either.
    if (!own || element.closest("dialog, title, details:not([open]) > :not(summary)") !== null) continue;
    const style = getComputedStyle(element);
    const a = luminance(element instanceof SVGElement ? style.fill : style.color);
    const b = luminance(ground(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) weak.push(`${element.textContent.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return weak;
}
