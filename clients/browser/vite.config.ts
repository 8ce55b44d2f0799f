import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Where `npm run dev` finds a running service. */
const service = process.env["VOICE_SERVICE"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  resolve: { alias: { "voice-client": here("voice-client/src/index.ts") } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: here("../../voice/server/page/dist"),
    emptyOutDir: true,
    target: "es2022",
    // The page's security policy allows files of our own and nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { proxy: { "/v1": { target: service, ws: true }, "/readyz": service } },
});
