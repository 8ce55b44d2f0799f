import "./styles/font.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/stage.css";
import "./styles/dock.css";
import "./styles/bench.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { open } from "./call.ts";

open();
render(<App />, document.getElementById("app") as HTMLElement);
