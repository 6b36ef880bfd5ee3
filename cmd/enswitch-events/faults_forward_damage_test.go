//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// forwardDamageFaults are those of the disk of forward, of what its targets answer and of what
// events hold.
func forwardDamageFaults() []fault {
	return []fault{
		{
			"forward-damaged", "a byte in the middle of a queue's newest file is changed between two runs",
			"all other events arrive; that one is dropped, counted and said; exit code 8 with --fail-on-loss", forwardDamaged,
		},
		{
			"forward-cut", "a queue's newest file is cut within its last event between two runs",
			"all but that event arrive; that bytes were cut off is said", forwardCut,
		},
		{
			"forward-dead-full", "a target refuses every event, and the disk for the dead letters is full",
			"that is said; no event is lost: delivered to no one, it waits or is a dead letter", forwardDeadFull,
		},
		{
			"forward-bad-targets", "targets that answer nothing, begin an answer of 1 GB, redirect, or have a certificate that nobody signed; a good one beside them",
			"the good one gets every event; the large answer counts; the redirect makes dead letters; the others wait, and why is said", forwardBadTargets,
		},
		{
			"forward-odd-events", "class, event and callid that hold dots, stars, blanks, CR LF, NUL or 64 KB, that are no text or are not there",
			"each event reaches a file and HTTP targets of every format once, as it is", forwardOddEvents,
		},
	}
}

// damageQueue changes the only file with events in a queue.
func damageQueue(t *testing.T, queue string, change func(data []byte) []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(queue, "*", "*.seg"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err == nil {
		err = os.WriteFile(files[0], change(data), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// queueOf returns a queue in which all events of a capture wait for the sink, which takes
// events from now on.
func queueOf(t *testing.T, capture string) (queue string, s *sink) {
	t.Helper()
	var open atomic.Bool
	s = newSink(t, func(http.ResponseWriter, string) int {
		if !open.Load() {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	queue = t.TempDir()
	queueUp(t, capture, queue, s.URL)
	open.Store(true)
	return queue, s
}

func forwardDamaged(t *testing.T) {
	const calls, n = 100, 3
	queue, s := queueOf(t, writeCalls(t, calls, n))
	damageQueue(t, queue, func(data []byte) []byte {
		half := len(bytes.TrimRight(data, "\x00")) / 2
		i := bytes.Index(data[half:], []byte(`"class"`))
		data[half+i]++
		return data
	})
	p := start(t, "forward", "--read", os.DevNull, "--queue", queue, "--to", s.URL, "--fail-on-loss")
	if code := p.exit(); code != cli.ExitLoss {
		t.Errorf("exit code %d", code)
	}
	<-p.said.over
	st := queueStatus(t, queue)
	if st.Delivered != calls*n-1 || st.Dropped != 1 || int(st.Delivered) != len(s.taken()) || st.Waiting != 0 {
		t.Errorf("%d came, %+v", len(s.taken()), st)
	}
	if want := "dropped 1 event: the queue is damaged"; !strings.Contains(p.said.tail(), want) {
		t.Errorf("not said: %s: %s", want, p.said.tail())
	}
}

func forwardCut(t *testing.T) {
	const calls, n = 100, 3
	queue, s := queueOf(t, writeCalls(t, calls, n))
	damageQueue(t, queue, func(data []byte) []byte {
		data = bytes.TrimRight(data, "\x00")
		return data[:len(data)-10]
	})
	p := start(t, "forward", "drain", "--queue", queue, "--to", s.URL)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	<-p.said.over
	if got := len(s.taken()); got != calls*n-1 {
		t.Errorf("%d events came", got)
	}
	if !strings.Contains(p.said.tail(), "bytes of the queue are no whole event") {
		t.Errorf("said: %s", p.said.tail())
	}
}

func forwardDeadFull(t *testing.T) {
	const calls, n = 100, 3
	queue := t.TempDir()
	grow := smallDisk(t, queue)
	var refuse atomic.Bool
	refuse.Store(true)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if refuse.Load() {
			http.Error(w, strings.Repeat("no ", 1000), http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	p := start(t, "forward", "--read", writeCalls(t, calls, n), "--queue", queue, "--to", s.URL, "--drain-timeout", "5s")
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	<-p.said.over
	st := queueStatus(t, queue)
	if st.Dead < 1 || st.Waiting < 1 || st.Dead+st.Waiting != calls*n {
		t.Errorf("%+v", st)
	}
	if !strings.Contains(p.said.tail(), "no space left") {
		t.Errorf("said: %s", p.said.tail())
	}
	grow()
	refuse.Store(false)
	for _, verb := range []string{"drain", "retry-dead"} {
		if code := start(t, "forward", verb, "--queue", queue, "--to", s.URL).exit(); code != cli.ExitOK {
			t.Errorf("%s: exit code %d", verb, code)
		}
	}
	if st := queueStatus(t, queue); st.Delivered != calls*n || st.Dead != 0 || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
}

func forwardBadTargets(t *testing.T) {
	const calls, n = 5, 2
	good := newSink(t, func(http.ResponseWriter, string) int { return http.StatusOK })
	ended := make(chan struct{})
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/nothing":
			select {
			case <-ended:
			case <-r.Context().Done():
			}
		case "/large":
			w.Header().Set("Content-Length", fmt.Sprint(1<<30))
			for block := make([]byte, 1<<20); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		case "/redirect":
			http.Redirect(w, r, good.URL, http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(bad.Close)
	t.Cleanup(func() { close(ended) })
	unsigned := httptest.NewUnstartedServer(http.NotFoundHandler())
	unsigned.Config.ErrorLog = log.New(io.Discard, "", 0)
	unsigned.StartTLS()
	t.Cleanup(unsigned.Close)
	queue := t.TempDir()
	p := start(t, "forward", "--read", writeCalls(t, calls, n), "--queue", queue, "--drain-timeout", "1s",
		"--to", good.URL, "--to", bad.URL+"/nothing#http-timeout=100ms", "--to", bad.URL+"/large", "--to", bad.URL+"/redirect", "--to", unsigned.URL)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	<-p.said.over
	complete(t, good.taken(), calls, n)
	for _, want := range []string{
		"/nothing: no answer within 100ms", fmt.Sprintf("/nothing: 0 delivered, %d wait", calls*n), fmt.Sprintf("/large: %d delivered", calls*n),
		"/redirect: refused an event: 307 Temporary Redirect", "which is not followed", fmt.Sprintf("/redirect: 0 delivered, %d refused", calls*n),
		"certificate", fmt.Sprintf("%s: 0 delivered, %d wait", unsigned.URL, calls*n),
	} {
		if !strings.Contains(p.said.tail(), want) {
			t.Errorf("not said: %s", want)
		}
	}
	if t.Failed() {
		t.Log(p.said.tail())
	}
}

// formatsSink returns a server whose paths are named after formats, and what it got by path. That
// may be read once nothing is sent any more.
func formatsSink(t *testing.T) (s *httptest.Server, got, ids map[string][]string) {
	var mu sync.Mutex
	got, ids = map[string][]string{}, map[string][]string{}
	s = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		events, id := []string{string(body)}, r.Header.Get("Enswitch-Event-Id")
		switch r.URL.Path {
		case "/ndjson":
			events = strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
		case "/cloudevents":
			var e struct {
				ID, Type, Source string
				Data             json.RawMessage
			}
			if err := json.Unmarshal(body, &e); err != nil || e.Type == "" || e.Source == "" {
				t.Errorf("%.100q: %v", body, err)
			}
			events, id = []string{string(e.Data)}, e.ID
		case "/form":
			if _, err := url.ParseQuery(string(body)); err != nil {
				t.Errorf("%.100q: %v", body, err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path] = append(got[r.URL.Path], events...)
		ids[r.URL.Path] = append(ids[r.URL.Path], id)
	}))
	t.Cleanup(s.Close)
	return s, got, ids
}

func forwardOddEvents(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	lines := []string{
		`{"class":".","event":"*","callid":">"}`, `{"class":" ","event":"a b","callid":" "}`, `{"class":"x\r\ny","event":"\u0000","callid":"\r\n\u0000"}`,
		`{"class":"` + long + `","event":"` + long + `","callid":"` + long + `"}`, `{"event":"start","callid":"1"}`, `{"class":"call","callid":"1"}`,
		`{"class":"call","event":"start"}`, `{"note":1}`, `{"class":null,"event":7,"callid":{"a":[1]}}`, `{"class":"","event":"","callid":""}`,
	}
	s, got, ids := formatsSink(t)
	dir := t.TempDir()
	capture, file := filepath.Join(dir, "odd.ndjson"), filepath.Join(dir, "out.ndjson")
	text := strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(capture, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "forward", "--read", capture, "--queue", filepath.Join(dir, "queue"), "--to", "file:"+file,
		"--to", s.URL+"/json", "--to", s.URL+"/ndjson#format=ndjson&batch=3", "--to", s.URL+"/cloudevents#format=cloudevents", "--to", s.URL+"/form#format=form")
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	<-p.said.over
	if n := strings.Count(p.said.tail(), fmt.Sprintf("%d delivered", len(lines))); n != 5 {
		t.Errorf("%d targets have all: %s", n, p.said.tail())
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != text {
		t.Errorf("the file has %d bytes, not %d: %v", len(data), len(text), err)
	}
	slices.Sort(lines)
	for _, path := range []string{"/json", "/ndjson", "/cloudevents"} {
		slices.Sort(got[path])
		if !slices.Equal(got[path], lines) {
			t.Errorf("%s: %.100q", path, got[path])
		}
	}
	for _, path := range []string{"/json", "/cloudevents", "/form"} {
		slices.Sort(ids[path])
		if len(slices.Compact(ids[path])) != len(lines) || len(ids[path][0]) != 32 {
			t.Errorf("%s: %q", path, ids[path])
		}
	}
	if !slices.Equal(ids["/json"], ids["/cloudevents"]) || !slices.Equal(ids["/json"], ids["/form"]) {
		t.Error("the identities differ between the formats")
	}
}
