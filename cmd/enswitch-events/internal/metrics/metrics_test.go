package metrics

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// parse returns what Prometheus's own parser reads.
func parse(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return families
}

// TestPage: Prometheus's parser reads what was put into a page, whatever senders choose as
// the value of a label.
func TestPage(t *testing.T) {
	t.Parallel()
	hostile := map[string]float64{
		"": 0, "10.0.0.5": 1, `a"} 7`: math.Inf(1), "line\nbreak": 1e21, `back\slash\n`: -0.25, "\r\t\x00\x1b[31m": 123456789012345,
		"# HELP x y": 5, "{a=\"b\"}": 6, "ünï☎": 7, "broken \xff\xfe bytes": 8, "\u2028": 9, " ": math.MaxFloat64, `"`: math.SmallestNonzeroFloat64, `\`: 10,
	}
	var page Page
	for value, n := range hostile {
		page.Counter("received_total", "Events received, by source.", n, "source", value)
	}
	page.Gauge("up", "1 if connected.", 0, "source", "a")
	page.Gauge("up", "1 if connected.", 1, "source", "a")
	page.Counter("kept_total", "Events kept.", 3)
	families := parse(t, page.Text())
	if len(families) != 3 {
		t.Errorf("%d metrics: %v", len(families), families)
	}
	received := families["enswitch_events_received_total"]
	if received.GetType() != dto.MetricType_COUNTER || received.GetHelp() != "Events received, by source." || len(received.GetMetric()) != len(hostile) {
		t.Fatalf("received: %v", received)
	}
	for _, m := range received.GetMetric() {
		if len(m.GetLabel()) != 1 || m.GetLabel()[0].GetName() != "source" {
			t.Errorf("labels: %v", m.GetLabel())
		}
		value := strings.Replace(m.GetLabel()[0].GetValue(), "\uFFFD", "\xff\xfe", 1)
		if want, ok := hostile[value]; !ok || m.GetCounter().GetValue() != want {
			t.Errorf("%q is %v, want %v", value, m.GetCounter().GetValue(), want)
		}
	}
	if up := families["enswitch_events_up"]; up.GetType() != dto.MetricType_GAUGE || len(up.GetMetric()) != 1 || up.GetMetric()[0].GetGauge().GetValue() != 1 {
		t.Errorf("up: %v", up)
	}
	if kept := families["enswitch_events_kept_total"]; len(kept.GetMetric()) != 1 || kept.GetMetric()[0].GetCounter().GetValue() != 3 || len(kept.GetMetric()[0].GetLabel()) != 0 {
		t.Errorf("kept: %v", kept)
	}
}

// TestHistogram: a bucket has what is at most its bound, and all of those below it.
func TestHistogram(t *testing.T) {
	t.Parallel()
	h := NewHistogram("took_seconds", "Time.", "target")
	observe := h.Of(`exec:"a\b"`)
	h.Of("idle")
	for _, took := range []time.Duration{0, time.Millisecond, time.Millisecond + 1, 3 * time.Second, time.Hour} {
		observe(took)
	}
	h.Of(`exec:"a\b"`)(time.Millisecond)
	var page Page
	h.Collect(&page)
	family := parse(t, page.Text())["enswitch_events_took_seconds"]
	if family.GetType() != dto.MetricType_HISTOGRAM || len(family.GetMetric()) != 2 {
		t.Fatalf("%v", family)
	}
	want := map[string]string{
		`exec:"a\b"`: "0.001:3 0.0025:4 0.005:4 0.01:4 0.025:4 0.05:4 0.1:4 0.25:4 0.5:4 1:4 2.5:4 5:5 10:5 30:5 +Inf:6 count 6 sum 3603.003000001",
		"idle":       "0.001:0 0.0025:0 0.005:0 0.01:0 0.025:0 0.05:0 0.1:0 0.25:0 0.5:0 1:0 2.5:0 5:0 10:0 30:0 +Inf:0 count 0 sum 0",
	}
	for _, m := range family.GetMetric() {
		var got strings.Builder
		for _, b := range m.GetHistogram().GetBucket() {
			fmt.Fprintf(&got, "%v:%d ", b.GetUpperBound(), b.GetCumulativeCount())
		}
		fmt.Fprintf(&got, "count %d sum %.15g", m.GetHistogram().GetSampleCount(), m.GetHistogram().GetSampleSum())
		if name := m.GetLabel()[0].GetValue(); got.String() != want[name] {
			t.Errorf("%s: %s, want %s", name, got.String(), want[name])
		}
	}
}

// TestServe: /metrics answers the page, a request too many is refused, and nothing is served
// when the run is over.
func TestServe(t *testing.T) {
	t.Parallel()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ready, entered, release := make(chan bool, 1), make(chan struct{}), make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Serve(ctx, port, func() bool { return <-ready }, func(p *Page) {
			entered <- struct{}{}
			<-release
			p.Counter("kept_total", "Events kept.", 3)
		})
	}()
	type answer struct {
		code          int
		content, kind string
	}
	get := func(path string) answer {
		r, err := http.Get("http://" + port.Addr().String() + path)
		if err != nil {
			t.Error(err)
			return answer{}
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		return answer{r.StatusCode, string(body), r.Header.Get("Content-Type")}
	}
	pages := make(chan answer)
	for range maxRequests {
		go func() { pages <- get("/metrics") }()
		<-entered
	}
	if a := get("/metrics"); a.code != http.StatusServiceUnavailable {
		t.Errorf("one too many: %v", a)
	}
	close(release)
	for range maxRequests {
		if a := <-pages; a.code != http.StatusOK || a.kind != "text/plain; version=0.0.4; charset=utf-8" || parse(t, a.content)["enswitch_events_kept_total"] == nil {
			t.Errorf("%v", a)
		}
	}
	for is, want := range map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable} {
		ready <- is
		if a := get("/readyz"); a.code != want {
			t.Errorf("ready %v: %v", is, a)
		}
	}
	if a := get("/healthz"); a.code != http.StatusOK {
		t.Errorf("%v", a)
	}
	cancel()
	<-ended
}
