package forward

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// hostile are texts that a caller may choose.
func hostile() []string {
	return []string{"", " ", "a b", "a.b*c>d", "a\r\nX-Evil: 1", "a\x00b", "\u202e", "=%&+;", strings.Repeat("x", 64<<10), "ü€😀"}
}

// makeItem returns an item with its fields in the payload.
func makeItem(t *testing.T, class, name, callid, machine string) *Item {
	t.Helper()
	payload, err := json.Marshal(map[string]any{"class": class, "event": name, "callid": callid, "machine": machine, "nested": map[string]any{"a": []int{1, 2}}})
	if err != nil {
		t.Fatal(err)
	}
	var x event.Index
	if err := x.Scan(payload); err != nil {
		t.Fatal(err)
	}
	var d event.Identifier
	return &Item{Payload: payload, ID: d.ID(&x), Class: class, Event: name, Key: callid, Machine: machine, Received: time.Now()}
}

func newHTTP(t *testing.T, address string, o *HTTPOptions) Target {
	t.Helper()
	target, err := NewHTTP(address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close() })
	return target
}

// TestRecord reads records as they were written, and refuses those that are cut.
func TestRecord(t *testing.T) {
	t.Parallel()
	for _, text := range hostile() {
		want := makeItem(t, text, text, text, text)
		record := AppendRecord(nil, want)
		got, err := ParseRecord(record)
		if err != nil || string(got.Payload) != string(want.Payload) || got.ID != want.ID || got.Class != text || got.Event != text ||
			got.Key != text || got.Machine != text || !got.Received.Equal(want.Received) {
			t.Errorf("%.20q: got %v", text, err)
		}
		head := len(record) - len(want.Payload)
		for n := range min(head, 100) {
			if _, err := ParseRecord(record[:n]); err == nil {
				t.Errorf("%.20q: %d bytes of %d are taken", text, n, len(record))
			}
		}
		record[0]++
		if _, err := ParseRecord(record); err == nil {
			t.Error("another version is taken")
		}
	}
}

// TestAnswers gets each kind of answer.
func TestAnswers(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		var code int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &code); err != nil {
			followed.Store(true)
			return
		}
		w.Header().Set("Location", "/elsewhere")
		if after := r.URL.Query().Get("after"); after != "" {
			w.Header().Set("Retry-After", after)
		}
		if date := r.URL.Query().Get("date"); date != "" {
			w.Header().Set("Date", date)
		}
		w.WriteHeader(code)
		if code != http.StatusNoContent && code != http.StatusNotModified {
			_, _ = io.WriteString(w, strings.Repeat("why ", 4000))
		}
	}))
	t.Cleanup(server.Close)
	items := []*Item{makeItem(t, "call", "start", "1", "1")}
	for _, row := range []struct {
		path  string
		want  Verdict
		after time.Duration
	}{
		{"200", Done, 0},
		{"202", Done, 0},
		{"204", Done, 0},
		{"301", Dead, 0},
		{"302", Dead, 0},
		{"304", Dead, 0},
		{"307", Dead, 0},
		{"400", Dead, 0},
		{"401", Dead, 0},
		{"404", Dead, 0},
		{"413", Dead, 0},
		{"408", Again, 0},
		{"425", Again, 0},
		{"429", Again, 0},
		{"429?after=7", Again, 7 * time.Second},
		{"429?after=0", Again, minBackoff},
		{"503?after=99999999", Again, maxRetryAfter},
		{"503?after=Fri,%2031%20Dec%201999%2023:59:59%20GMT", Again, minBackoff},
		{"503?after=Fri,%2031%20Dec%201999%2023:59:59%20GMT&date=Fri,%2031%20Dec%201999%2023:59:50%20GMT", Again, 9 * time.Second},
		{"503?after=soon", Again, 0},
		{"500", Again, 0},
		{"502", Again, 0},
		{"599", Again, 0},
	} {
		r := newHTTP(t, server.URL+"/"+row.path, nil).Deliver(t.Context(), items)
		if len(r) != 1 || r[0].Verdict != row.want || r[0].After != row.after || len(r[0].Reason) > MaxReason || (r[0].Reason == "") != (row.want == Done) {
			t.Errorf("%s: got %.100v", row.path, r)
		}
	}
	if followed.Load() {
		t.Error("a redirect was followed")
	}
}

// TestSplit sends a batch that is refused one by one, and as a whole if the server is down.
func TestSplit(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "bad") {
			http.Error(w, "one of them is bad", http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	f, err := Open(dir, &Options{Target: newHTTP(t, server.URL, &HTTPOptions{Batch: true}), Name: "t", Batch: 10, BatchWait: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		name := "good"
		if i%3 == 0 {
			name = "bad"
		}
		f.Add(AppendRecord(nil, makeItem(t, "call", name, fmt.Sprint(i%2), "1")))
	}
	f.Drain(t.Context())
	if c := f.Counts(); c.Delivered != 6 || c.Dead != 4 {
		t.Errorf("got %+v", c)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
	s, err := Inspect(dir)
	if err != nil || s.Dead != 4 || s.Delivered != 6 || s.DeadFile == "" || s.LastError == "" {
		t.Errorf("got %+v, %v", s, err)
	}
}

// TestUnanswered gives up a server that answers nothing, or something that never ends.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		block := make([]byte, 1<<20)
		switch r.URL.Path {
		case "/nothing":
			select {
			case <-ended:
			case <-r.Context().Done():
			}
		case "/large":
			w.Header().Set("Content-Length", fmt.Sprint(1<<30))
			for range 1 << 10 {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		case "/slow":
			w.(http.Flusher).Flush()
			select {
			case <-ended:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ended) })
	items := []*Item{makeItem(t, "call", "start", "1", "1")}
	if r := newHTTP(t, server.URL+"/nothing", &HTTPOptions{Timeout: 50 * time.Millisecond}).Deliver(t.Context(), items); r[0].Verdict != Unreachable ||
		!strings.Contains(r[0].Reason, "no answer within 50ms") {
		t.Errorf("nothing: got %+v", r)
	}
	for _, path := range []string{"/large", "/slow"} {
		if r := newHTTP(t, server.URL+path, nil).Deliver(t.Context(), items); r[0].Verdict != Done {
			t.Errorf("%s: got %+v", path, r)
		}
	}
}

// TestReason has no secret of the URL in an error.
func TestReason(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	items := []*Item{makeItem(t, "call", "start", "1", "1")}
	for _, address := range []string{"http://user:secret@127.0.0.1:1/?k=secret", "https://user:secret@" + server.Listener.Addr().String() + "/?k=secret"} {
		target := newHTTP(t, address, nil)
		r := target.Deliver(t.Context(), items)
		if r[0].Verdict != Unreachable || r[0].Reason == "" || strings.Contains(r[0].Reason, "secret") {
			t.Errorf("got %+v", r)
		}
		if err := target.Check(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := NewHTTP("http://user:secret@[/", nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// TestRequest has a look at the requests of each format.
func TestRequest(t *testing.T) {
	t.Parallel()
	type request struct {
		header http.Header
		body   string
	}
	got := make(chan request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- request{r.Header, string(body)}
	}))
	t.Cleanup(server.Close)
	one, two := makeItem(t, "call", "start", "1", "2"), makeItem(t, "call", "end", "1", "2")
	for _, row := range []struct {
		format      Format
		batch       bool
		items       []*Item
		media, body string
	}{
		{JSON, false, []*Item{one}, "application/json", string(one.Payload)},
		{JSON, true, []*Item{one, two}, "application/json", "[" + string(one.Payload) + "," + string(two.Payload) + "]"},
		{JSON, true, []*Item{one}, "application/json", "[" + string(one.Payload) + "]"},
		{NDJSON, true, []*Item{one, two}, "application/x-ndjson", string(one.Payload) + "\n" + string(two.Payload) + "\n"},
		{Form, false, []*Item{one}, "application/x-www-form-urlencoded", "callid=1&class=call&event=start&machine=2&nested=%7B%22a%22%3A%5B1%2C2%5D%7D"},
		{CloudEvents, false, []*Item{one}, "application/cloudevents+json", ""},
		{CloudEvents, true, []*Item{one, two}, "application/cloudevents-batch+json", ""},
	} {
		o := &HTTPOptions{Format: row.format, Batch: row.batch, Key: []byte("key"), Header: http.Header{"x-tenant": {"7"}}}
		address := strings.Replace(server.URL, "http://", "http://user:secret@", 1)
		if r := newHTTP(t, address, o).Deliver(t.Context(), row.items); r[0].Verdict != Done {
			t.Fatalf("%s: got %+v", row.format, r)
		}
		q := <-got
		if q.header.Get("Content-Type") != row.media || row.body != "" && q.body != row.body {
			t.Errorf("%s: got %s %s", row.format, q.header.Get("Content-Type"), q.body)
		}
		id := ""
		if !row.batch && (row.format == JSON || row.format == Form) {
			id = one.ID.String()
		}
		if q.header.Get("Enswitch-Event-Id") != id || q.header.Get("X-Tenant") != "7" || q.header.Get("Authorization") != "Basic dXNlcjpzZWNyZXQ=" {
			t.Errorf("%s: got %v", row.format, q.header)
		}
		at, signature, ok := strings.Cut(strings.TrimPrefix(q.header.Get("Enswitch-Signature"), "t="), ",v1=")
		mac := hmac.New(sha256.New, []byte("key"))
		_, _ = io.WriteString(mac, at+"."+q.body)
		if !ok || signature != hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("%s: got %s", row.format, q.header.Get("Enswitch-Signature"))
		}
	}
	if _, err := NewHTTP(server.URL, &HTTPOptions{Format: Form, Batch: true}); err == nil {
		t.Error("a batch of forms is taken")
	}
	if r := newHTTP(t, server.URL, &HTTPOptions{Format: Form}).Deliver(t.Context(), []*Item{{Payload: []byte(`[1]`)}}); r[0].Verdict != Dead {
		t.Errorf("a form of an array: got %+v", r)
	}
}
