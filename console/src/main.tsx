import "@fontsource-variable/ibm-plex-sans/wght.css";
import "@fontsource/ibm-plex-mono/latin-400.css";
import "@fontsource/ibm-plex-mono/latin-500.css";
import "./look.css";
import "./path.css";
import "./sign-in.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { fromMlflowAddress } from "./mlflow-address.ts";
import { queries } from "./requests.ts";
import { router } from "./router.tsx";
import { Door } from "./sign-in.tsx";

function openMlflowAddress(): void {
  const address = fromMlflowAddress(location.hash);
  if (address === undefined) return;
  // Which workspace is looked at is read once, when the page is loaded.
  if (address.includes("workspace=")) location.replace(address);
  else void router.navigate({ href: address, replace: true });
}
openMlflowAddress();
// Pasted over an address of this page's, it loads nothing anew.
window.addEventListener("hashchange", openMlflowAddress);

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <Door>
          <RouterProvider router={router} />
        </Door>
      </QueryClientProvider>
    </StrictMode>,
  );
}
