package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// The size of the picture of the report: its head and the first charts.
const (
	reportWidth  = 1000
	reportHeight = 960
)

var (
	reportStyle = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	reportBody  = regexp.MustCompile(`(?s)<body>(.*?)<footer>.*?</footer>(.*?)</body>`) // the foot has the time of the run

	// HTML that is no XML, and what SVG wants to be told inside of HTML.
	asXML = strings.NewReplacer("<br>", "<br/>", "<svg ", `<svg xmlns="http://www.w3.org/2000/svg" `) //nolint:gochecknoglobals // a table that nothing changes
)

// reportPicture puts the page of stats --report into a picture: an SVG that holds the page's own
// HTML, so that no browser is needed to make it.
func reportPicture(ctx context.Context, p *program, file string) error {
	name := filepath.Join(p.dir, "morning.ndjson")
	if err := write(name, capture(40_000)); err != nil {
		return err
	}
	page := filepath.Join(p.dir, "report.html")
	if _, err := p.run(ctx, "cd "+p.dir+" && enswitch-events stats --read morning.ndjson -Q --report "+page); err != nil {
		return err
	}
	html, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	style, body := reportStyle.FindSubmatch(html), reportBody.FindSubmatch(html)
	if style == nil || body == nil {
		return errors.New("the report has no style or no body")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d"><foreignObject width="100%%" height="100%%">`, reportWidth, reportHeight)
	b.WriteString(`<div xmlns="http://www.w3.org/1999/xhtml" style="background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif"><style>`)
	if err := xml.EscapeText(&b, style[1]); err != nil {
		return err
	}
	fmt.Fprintf(&b, "</style>%s</div></foreignObject></svg>\n", asXML.Replace(string(body[1])+string(body[2])))
	for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return write(file, b.Bytes())
		} else if err != nil {
			return fmt.Errorf("the report is no XML: %w", err)
		}
	}
}
