// Package htmlpage has what all HTML pages of the program share: a head that forbids scripts
// and requests, and a style sheet in the colours of the reader's system, light or dark.
package htmlpage

import "html"

// Head returns the beginning of a page, up to the beginning of its element main. The style
// is CSS that is added to the shared one. A page is closed by [Foot].
func Head(title, style string) string {
	return before + html.EscapeString(title) + "</title>\n<style>\n" + base + style + "</style>\n</head>\n<body>\n<main>\n"
}

// Foot is the end of a page.
const Foot = "</main>\n</body>\n</html>\n"

const before = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>`

const base = `:root { color-scheme: light dark; --bg: #fff; --fg: #1b1f24; --dim: #59636e; --line: #d1d9e0; --head: #f6f8fa; --start: #0e7490; --ring: #a15c00; --answer: #1a7f37; --end: #59636e; }
@media (prefers-color-scheme: dark) { :root { --bg: #0d1117; --fg: #e6edf3; --dim: #9198a1; --line: #3d444d; --head: #161b22; --start: #39c5cf; --ring: #e3b341; --answer: #3fb950; --end: #9198a1; } }
body { margin: 0; background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 75rem; margin: 0 auto; padding: 1.5rem; }
section + section { margin-top: 3rem; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
p { margin: 0.2rem 0; overflow-wrap: anywhere; }
.at, .more { color: var(--dim); }
.story { font-size: 1.1rem; margin-top: 0.8rem; }
.wide { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: collapse; font-size: 0.87rem; width: 100%; }
th { text-align: left; vertical-align: bottom; background: var(--head); font-weight: 600; }
th small { font-weight: 400; color: var(--dim); }
th, td { padding: 0.3rem 0.6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; color: var(--dim); white-space: nowrap; }
`
