"""The page at `/`: the browser client where it was built (`dist`), else a plain page that says how to connect."""
