package htmlreport

// pageTemplate is the page between the head and the foot.
const pageTemplate = `<header>
<h1>{{.Title}}</h1>
<p class="story">{{.Range}}</p>
{{if .Sources}}<p class="more">{{.Sources}}</p>
{{end}}</header>
<dl class="tiles">
{{range .Tiles}}<div><dt>{{.Name}}</dt><dd><b>{{.Value}}</b>{{if .Note}}<small>{{.Note}}</small>{{end}}</dd></div>
{{end}}</dl>
{{range .Charts}}<figure id="{{.ID}}">
<figcaption>{{.Title}}</figcaption>
{{if .Empty}}<p class="empty">{{.Empty}}</p>
{{else}}<div class="chart">
<div class="y" aria-hidden="true">{{range .Y}}<span style="bottom:{{.At}}%">{{.Text}}</span>{{end}}</div>
<svg viewBox="0 0 {{.Width}} 100" preserveAspectRatio="none" role="img" aria-labelledby="{{.ID}}-t {{.ID}}-d"><title id="{{.ID}}-t">{{.Title}}</title><desc id="{{.ID}}-d">{{.Desc}}</desc>
{{$w := .Width}}{{range .Y}}<line x1="0" x2="{{$w}}" y1="{{.Up}}" y2="{{.Up}}" class="grid"/>{{end}}
{{range .Bands}}<rect x="{{.X}}" y="0" width="{{.Width}}" height="100" class="gap"/>
{{end}}{{range .Bars}}<path class="{{.Class}}" d="{{.D}}"/>
{{end}}{{range .Lines}}<path class="{{.Class}}" d="{{.D}}"/>
{{end}}</svg>
<div class="x" aria-hidden="true">{{range .X}}<span{{if .Minor}} class="minor"{{end}} style="left:{{.At}}%">{{.Text}}{{if .Day}}<br>{{.Day}}{{end}}</span>{{end}}</div>
</div>
<ul class="legend">{{range .Legend}}<li><i class="{{.Class}}"></i>{{.Text}}{{if .Value}} <b>{{.Value}}</b>{{end}}</li>{{end}}{{if .Bands}}<li><i class="gap"></i>events missing, or may be</li>{{end}}</ul>
{{end}}</figure>
{{end}}{{if .Rows}}<details><summary>The same as a table, each {{.Every}}</summary>
<div class="wide"><table><thead><tr>{{range $i, $c := .Columns}}<th{{if $i}} class="n"{{end}}>{{$c}}</th>{{end}}</tr></thead>
<tbody>
{{range .Rows}}<tr>{{range $i, $v := .}}<td{{if $i}} class="n"{{end}}>{{$v}}</td>{{end}}</tr>
{{end}}</tbody></table></div></details>
{{end}}{{if .Machines}}<section><h2>Machines</h2>
<div class="wide"><table class="machines"><thead><tr><th>machine</th><th class="n">events</th><th class="share">of all</th>{{if .Calls}}<th class="n">calls</th><th class="n">ASR</th><th class="n">PDD, median</th>{{end}}</tr></thead>
<tbody>
{{$calls := .Calls}}{{range .Machines}}<tr><td>{{.Name}}</td><td class="n">{{.Events}}</td><td class="share">{{if .Share}}<span class="bar" style="width:{{.Part}}%"></span><small>{{.Share}}</small>{{end}}</td>{{if $calls}}<td class="n">{{.Calls}}</td><td class="n">{{.ASR}}</td><td class="n">{{.PDD}}</td>{{end}}</tr>
{{end}}</tbody></table></div></section>
{{end}}{{with .Week}}<section><h2>Hours and weekdays</h2>
<div class="week"><div class="days" aria-hidden="true">{{range .Days}}<span>{{.Name}}</span>{{end}}</div>
<svg viewBox="0 0 24 7" preserveAspectRatio="none" role="img" aria-labelledby="week-t week-d"><title id="week-t">Events by weekday and hour</title><desc id="week-d">A square for each hour of the week, the darker the more events. At most {{.Most}} in one hour of a weekday, over all weeks.</desc>
{{range .Days}}{{range .Hours}}<rect x="{{.X}}" y="{{.Y}}" width="1" height="1" class="cell"{{if .Opacity}} fill-opacity="{{.Opacity}}"{{else}} fill-opacity="0"{{end}}>{{if .Opacity}}<title>{{.Text}}</title>{{end}}</rect>{{end}}
{{end}}</svg>
<div class="hours" aria-hidden="true"><span style="left:0%">0</span><span style="left:25%">6</span><span style="left:50%">12</span><span style="left:75%">18</span><span class="last" style="left:100%">24</span></div></div>
<details><summary>The same as a table</summary><div class="wide"><table class="small"><thead><tr><th></th>{{range (index .Days 0).Hours}}<th class="n">{{.X}}</th>{{end}}</tr></thead>
<tbody>
{{range .Days}}<tr><th>{{.Name}}</th>{{range .Hours}}<td class="n">{{.Count}}</td>{{end}}</tr>
{{end}}</tbody></table></div></details></section>
{{end}}{{if .Calls}}<section><h2>Slowest calls</h2>
{{if .Slowest.Rows}}{{template "calls" .Slowest}}{{else}}<p class="empty">No call with a ring or an answer is over.</p>{{end}}</section>
<section><h2>Calls that were not answered</h2>
{{if .Failed.Rows}}<table class="causes"><tbody>
{{range .Causes}}<tr><td>{{.Name}}</td><td class="n">{{.Count}}</td><td class="share"><span class="bar badbar" style="width:{{.Part}}%"></span></td></tr>
{{end}}</tbody></table>
<p class="more">The latest:</p>
{{template "calls" .Failed}}{{else}}<p class="empty">None.</p>{{end}}</section>
{{end}}<section><h2>Gaps</h2>
{{if .Gaps}}<p class="more">From these times events are missing, or may be.</p>
<div class="wide"><table><thead><tr><th>from</th><th>to</th><th>reason</th><th>source</th><th class="n">dropped</th></tr></thead>
<tbody>
{{range .Gaps}}<tr>{{range $i, $v := .}}<td{{if eq $i 4}} class="n"{{end}}>{{$v}}</td>{{end}}</tr>
{{end}}</tbody></table></div>{{if .GapsLeft}}<p class="more">{{.GapsLeft}}</p>{{end}}{{else}}<p class="empty">None that is known.</p>{{end}}</section>
<footer>
{{range .Notes}}<p>{{.}}</p>
{{end}}<p>{{.Made}}</p>
</footer>
{{define "calls"}}<div class="wide"><table class="calls"><thead><tr>{{range .Columns}}<th>{{.}}</th>{{end}}</tr></thead>
<tbody>
{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</tbody></table></div>{{end}}`

// pageStyle is the style in addition to that of all pages.
const pageStyle = `:root { --c1: #1f6feb; --c2: #d4760b; --c3: #0e8a7d; --c6: #8c959f; --bad: #cf3b3b; --gap: #e5b1b1; }
@media (prefers-color-scheme: dark) { :root { --c1: #4493f8; --c2: #e3892b; --c3: #2fbfae; --c6: #6e7681; --bad: #f16560; --gap: #5c2b2e; } }
h2 { font-size: 1.05rem; margin: 0 0 0.6rem; }
section, section + section { margin-top: 2.2rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.7rem; margin: 1.2rem 0 2rem; }
.tiles div { border: 1px solid var(--line); border-radius: 8px; padding: 0.55rem 0.8rem; }
.tiles dt { color: var(--dim); font-size: 0.85rem; }
.tiles dd { margin: 0; } .tiles b { font-size: 1.35rem; font-weight: 600; white-space: nowrap; } .tiles small { display: block; color: var(--dim); font-size: 0.78rem; }
figure { margin: 0 0 2rem; }
figcaption { font-weight: 600; font-size: 1.05rem; margin-bottom: 0.7rem; }
.empty { color: var(--dim); }
.chart { position: relative; margin: 0 0 2.6rem 3.6rem; }
.chart svg { display: block; width: 100%; height: 11rem; overflow: visible; }
.y span { position: absolute; right: 100%; margin-right: 0.5rem; transform: translateY(50%); color: var(--dim); font-size: 0.78rem; line-height: 1; white-space: nowrap; font-variant-numeric: tabular-nums; }
.x span { position: absolute; top: 100%; margin-top: 0.3rem; color: var(--dim); font-size: 0.78rem; line-height: 1.25; white-space: nowrap; }
.chart path, .cell { shape-rendering: crispEdges; } .chart .l0, .chart .l1, .chart .l2 { shape-rendering: auto; }
.grid { stroke: var(--line); stroke-width: 1px; vector-effect: non-scaling-stroke; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; margin: 0 0 0 3.6rem; padding: 0; font-size: 0.85rem; overflow-wrap: anywhere; }
.legend i { display: inline-block; width: 0.75em; height: 0.75em; border-radius: 2px; margin-right: 0.45em; }
.legend b { font-weight: 600; font-variant-numeric: tabular-nums; }
.s0 { background: var(--fg); } .s1 { fill: var(--c1); background: var(--c1); } .s2 { fill: var(--c2); background: var(--c2); }
.s6 { fill: var(--c6); background: var(--c6); }
.good { fill: var(--c3); background: var(--c3); } .bad { fill: var(--bad); background: var(--bad); } .gap { fill: var(--gap); background: var(--gap); }
.l0, .l1, .l2 { fill: none; stroke: var(--c1); stroke-width: 2px; vector-effect: non-scaling-stroke; } .l2 { stroke: var(--c2); } .l0 { stroke: var(--fg); stroke-width: 1px; }
details { margin: 0.6rem 0 0; } summary { cursor: pointer; color: var(--dim); font-size: 0.87rem; }
.machines td:first-child { overflow-wrap: anywhere; } .machines td { vertical-align: middle; }
.share { width: 30%; } .bar { display: inline-block; height: 0.7em; min-width: 1px; background: var(--c1); border-radius: 2px; margin-right: 0.5em; max-width: calc(100% - 4.2em); } .badbar { background: var(--bad); }
.share small { color: var(--dim); }
.causes { margin-bottom: 1rem; } .causes td:first-child { overflow-wrap: anywhere; }
.calls td { overflow-wrap: anywhere; } .calls td:first-child { white-space: nowrap; } .calls td:nth-child(n+3) { min-width: 2.5rem; }
.week { position: relative; margin: 0 0 2rem 3.6rem; }
.week svg { display: block; width: 100%; height: 11rem; border: 1px solid var(--line); }
.cell { fill: var(--c1); stroke: var(--bg); stroke-width: 1px; vector-effect: non-scaling-stroke; }
.days { position: absolute; right: 100%; top: 0; bottom: 0; margin-right: 0.5rem; display: flex; flex-direction: column; justify-content: space-around; color: var(--dim); font-size: 0.78rem; line-height: 1; text-align: right; }
.hours span { position: absolute; top: 100%; margin-top: 0.3rem; color: var(--dim); font-size: 0.78rem; } .hours .last { transform: translateX(-100%); }
.small td, .small th { padding: 0.15rem 0.3rem; font-size: 0.75rem; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 0.8rem; color: var(--dim); font-size: 0.83rem; }
@media (max-width: 480px) {
main { padding: 1rem; } .tiles { grid-template-columns: repeat(2, 1fr); } .minor { display: none; }
.chart, .legend, .week { margin-left: 2.9rem; } .share { width: auto; } .share .bar { display: none; } .causes .bar { display: inline-block; }
th, td { padding: 0.3rem 0.4rem; } .machines .share { display: none; } .calls { font-size: 0.78rem; } .calls th:nth-child(5), .calls td:nth-child(5) { display: none; }
}
@media print {
:root { --bg: #fff; --fg: #000; --dim: #444; --line: #bbb; --head: #eee; --c1: #1f6feb; --c2: #d4760b; --c3: #0e8a7d; --c6: #8c959f; --bad: #cf3b3b; --gap: #e5b1b1; }
* { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
main { max-width: none; padding: 0; } figure, tr, .tiles div, .week { break-inside: avoid; } h2, figcaption { break-after: avoid; } details { display: none; } .wide { overflow: visible; }
}
`
