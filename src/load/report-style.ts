/** The style of a report's page: light and dark, narrow and wide. Colours keep apart in both. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5d636b; --paper: #fff; --card: #f6f7f8; --rule: #dfe2e6;
  --good: #0b7a43; --bad: #b3261e;
  --c0: #2563c9; --c1: #0f8a7e; --c2: #b26a00; --c3: #8a3ffc; --c4: #55810b; --c5: #c2185b; --c6: #6b5b4d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a2a9b2; --paper: #15171a; --card: #1e2125; --rule: #343941;
  --good: #5fd396; --bad: #ff8a80;
  --c0: #7aa7ff; --c1: #4fd1c5; --c2: #f0a940; --c3: #c3a0ff; --c4: #a3d04f; --c5: #ff86b0; --c6: #c9b8a6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 20px 16px 40px; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 4px; } h2 { font-size: 1.1rem; margin: 28px 0 8px; }
p { margin: 4px 0; } .soft { color: var(--soft); }
.verdict { display: inline-block; margin: 10px 0; padding: 6px 12px; border: 1px solid; border-radius: 6px; font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); }
.facts { display: flex; flex-wrap: wrap; gap: 10px; margin: 14px 0; padding: 0; list-style: none; }
.facts li { flex: 1 1 130px; background: var(--card); border-radius: 8px; padding: 10px 12px; }
.facts b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; }
figure { margin: 0; background: var(--card); border-radius: 8px; padding: 14px; min-width: 0; }
figcaption { color: var(--soft); } figcaption b { color: var(--ink); display: block; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin: 8px 0; font-size: 13px; }
.legend i { display: inline-block; width: 12px; height: 3px; margin-right: 6px; vertical-align: middle; border-radius: 2px; background: currentColor; }
.axis { color: var(--soft); font-size: 12px; margin: 0; } .right { text-align: right; }
.plot { display: grid; grid-template: 220px 22px / 62px 1fr; padding: 8px 18px 0 0; }
.y, .x { position: relative; color: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.y span { position: absolute; right: 8px; transform: translateY(50%); white-space: nowrap; line-height: 1; }
.x { grid-column: 2; } .x span { position: absolute; top: 6px; transform: translateX(-50%); white-space: nowrap; line-height: 1; }
svg { display: block; width: 100%; height: 100%; overflow: visible; }
.grid { stroke: var(--rule); stroke-width: 1; vector-effect: non-scaling-stroke; fill: none; }
.line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.line.context { stroke-dasharray: 4 4; stroke-width: 1.5; }
.area { fill: currentColor; fill-opacity: .75; stroke: var(--card); stroke-width: 1; vector-effect: non-scaling-stroke; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); } .context { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 5px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 500; }
table.settings td { text-align: left; white-space: normal; }
tr.total td { font-weight: 600; } tr.detail td:first-child { padding-left: 24px; color: var(--soft); }
code { font-family: ui-monospace, "Liberation Mono", monospace; font-size: 13px; overflow-wrap: anywhere; }
@media print { body { max-width: none; } figure { break-inside: avoid; } }
`
