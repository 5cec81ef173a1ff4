import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Nothing is inlined: the served page runs under a Content-Security-Policy that allows this origin only, so no data: fonts either.
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": "http://127.0.0.1:4700" } },
});
