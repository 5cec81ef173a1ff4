// Before the first paint, so that a chosen theme does not flash. A file of its own: the page allows no inline script.
try {
  const chosen = localStorage.getItem("karkhana-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be switched off; the system's theme holds then.
}
