package post

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder records the callbacks of a handler, as text, in order.
type recorder struct{ calls chan string }

func listen(t testing.TB, o Options) (*httptest.Server, *recorder) {
	t.Helper()
	h := &recorder{calls: make(chan string, 100)}
	o.OnEvent = func(ev event.Event) {
		if ev.Received.IsZero() {
			t.Error("event without time")
		}
		h.calls <- "event " + ev.Source + " " + string(ev.Raw)
	}
	o.OnReject = func(no Rejection) {
		h.calls <- fmt.Sprintf("reject %s %d %s %q", no.Remote, no.Status, no.Reason, no.Body)
	}
	o.OnNote = func(remote string, note Note) { h.calls <- "note " + remote + " " + note.String() }
	handler, err := NewHandler(&o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = NewServer(handler, func(f Fault) { t.Log(f) })
	server.Listener = LimitListener(server.Listener, MaxConns, nil)
	server.Start()
	t.Cleanup(server.Close)
	return server, h
}

// want checks that the next calls are these, and that there are no others.
func (h *recorder) want(t testing.TB, calls ...string) {
	t.Helper()
	for _, want := range calls {
		if got := <-h.calls; got != want {
			t.Errorf("called with\n     %s\nwant %s", got, want)
		}
	}
	if len(h.calls) > 0 {
		t.Errorf("and with %s", <-h.calls)
	}
}

func send(t testing.TB, server *httptest.Server, r *http.Request) *http.Response {
	t.Helper()
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp
}

func request(t testing.TB, method, address, contentType, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// parts is a multipart body whose boundary is B.
func parts(fields ...string) string {
	return "--B\r\nContent-Disposition: form-data; " + strings.Join(fields, "\r\n--B\r\nContent-Disposition: form-data; ") + "\r\n--B--\r\n"
}

func TestBodies(t *testing.T) {
	const (
		form = "application/x-www-form-urlencoded"
		mp   = "multipart/form-data; boundary=B"
	)
	for _, c := range []struct {
		name, contentType, body string
		event                   string // or
		reason                  string
		note                    string
	}{
		{name: "form", contentType: form, body: "class=call&machine=1&caller=A+%22B%22", event: `{"class":"call","machine":1,"caller":"A \"B\""}`},
		{name: "form with charset", contentType: form + "; charset=UTF-8", body: "class=%C3%A9", event: `{"class":"é"}`},
		{name: "form in capitals", contentType: "Application/X-WWW-Form-Urlencoded", body: "class=1", event: `{"class":"1"}`},
		{name: "latin-1", contentType: form + "; charset=ISO-8859-1", body: "class=%E9\xe8&\xe7=", event: `{"class":"éè","ç":""}`},
		{name: "another charset", contentType: form + "; charset=koi8-r", body: "class=%E9", event: "{\"class\":\"\xe9\"}", note: `charset "koi8-r", which is neither UTF-8 nor ISO-8859-1`},
		{name: "broken utf-8", contentType: form, body: "class=%E9", event: "{\"class\":\"\xe9\"}"},
		{name: "number field", contentType: form, body: "class=a&n=5&m=5", event: `{"class":"a","n":5,"m":"5"}`},
		{name: "repeated, no class", contentType: form, body: "a=1&a=2", event: `{"a":"1"}`, note: "no class, repeated field"},
		{name: "json as a form", contentType: form, body: ` {"class" : "call"}`, event: ` {"class" : "call"}`},
		{name: "form with a brace", contentType: form, body: "{=1&class=2", event: `{"{":"1","class":"2"}`},
		{name: "bad escape", contentType: form, body: "class=%zz", event: `{"class":"%zz"}`},
		{name: "semicolon", contentType: form, body: "class=1;b=2", event: `{"class":"1;b=2"}`},
		{name: "form with a mark", contentType: form, body: "\ufeffclass=a", event: `{"class":"a"}`},
		{name: "broken parameters", contentType: form + "; charset=iso-8859-1; x", body: "class=%E9", event: `{"class":"é"}`},
		{name: "an array as a form", contentType: form, body: `[{"a":"b=c"}]`, reason: "an array, not an object at byte 0"},
		{name: "half an object as a form", contentType: form, body: `{"class":`, reason: "cut short at byte 9"},
		{name: "empty", contentType: form, reason: "empty body"},
		{name: "white space", contentType: form, body: " \r\n", reason: "empty body"},
		{name: "no fields", contentType: form, body: "&&", reason: "no fields at byte 2"},

		{name: "json", contentType: "application/json", body: "{ \"class\":\"call\",\n\"machine\":1.10}\n", event: "{ \"class\":\"call\",\n\"machine\":1.10}\n"},
		{name: "json with charset", contentType: "application/json; charset=iso-8859-1", body: "{\"class\":\"\xe9\"}", event: "{\"class\":\"\xe9\"}"},
		{name: "+json", contentType: "application/vnd.x+json", body: `{"a":1}`, event: `{"a":1}`, note: "no class"},
		{name: "array", contentType: "application/json", body: `[{}]`, reason: "an array, not an object at byte 0"},
		{name: "half", contentType: "application/json", body: `{"a":`, reason: "cut short at byte 5"},
		{name: "json with a mark", contentType: "application/json", body: "\ufeff{\"class\":1}", event: `{"class":1}`},
		{name: "utf-16 with a mark", contentType: "application/json", body: "\xff\xfe{\x00}\x00", reason: "text in UTF-16; the sender has to send UTF-8"},
		{name: "utf-16 without", contentType: "application/json", body: "\x00{\x00}", reason: "text in UTF-16; the sender has to send UTF-8"},
		{name: "two objects", contentType: "application/json", body: "{\"a\":1}\n{}", reason: "more than one JSON object at byte 8"},
		{name: "no type, array", body: "[{}]", reason: "an array, not an object at byte 0"},
		{name: "empty object", contentType: "application/json", body: `{}`, reason: "no fields"},
		{name: "form as json", contentType: "application/json", body: `class=a`, reason: "not JSON at byte 0"},

		{name: "no type, json", body: ` {"class":"a"}`, event: ` {"class":"a"}`},
		{name: "no type, form", body: `class=a`, event: `{"class":"a"}`},
		{name: "other type, form", contentType: "text/plain", body: `class=a`, event: `{"class":"a"}`},
		{name: "broken type", contentType: "/;=", body: `class=a`, event: `{"class":"a"}`},
		{name: "neither", contentType: "text/plain", body: `hello`, reason: "neither a form nor JSON"},

		{name: "multipart", contentType: mp, event: `{"class":"call","machine":7,"f":"line\r\nline","":"x"}`, body: parts(
			"name=\"class\"\r\n\r\ncall", "name=machine\r\n\r\n7",
			"name=\"f\"; filename=\"f.txt\"\r\nContent-Type: text/plain\r\n\r\nline\r\nline", "name=\"\"\r\n\r\nx")},
		{name: "multipart, repeated", contentType: mp, event: `{"class":"1"}`, note: "repeated field", body: parts("name=class\r\n\r\n1", "name=class\r\n\r\n2")},
		{name: "multipart, quoted name", contentType: mp, event: `{"a\"b":"\"\\"}`, note: "no class", body: parts("name=\"a\\\"b\"\r\n\r\n\"\\")},
		{name: "multipart, latin-1 part", contentType: mp, event: "{\"class\":\"é\",\"b\":\"\xe9\"}", body: parts("name=class\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe9", "name=b\r\n\r\n\xe9")},
		{name: "multipart, no boundary", contentType: "multipart/form-data", body: "x", reason: "multipart without boundary"},
		{name: "multipart, boundary unsaid", contentType: "multipart/form-data", body: parts("name=class\r\n\r\n1"), event: `{"class":"1"}`},
		{name: "multipart, type unsaid", body: parts("name=class\r\n\r\n1"), event: `{"class":"1"}`},
		{name: "multipart, bare characters", contentType: mp, body: parts("name=class\r\n\r\n50%;+%41--B"), event: `{"class":"50%;+%41--B"}`},
		{name: "multipart, line feeds", contentType: mp, body: strings.ReplaceAll(parts("name=class\r\n\r\n1", "name=b\r\n\r\n"), "\r", ""), event: `{"class":"1","b":""}`},
		{name: "multipart, damaged header", contentType: mp, body: parts("name=class\r\nno header\r\n\r\n1", "name=a b\r\n\r\n2", "name=\"c\xe9\"; filename=x y\r\n\r\n3"), event: "{\"class\":\"1\",\"a b\":\"2\",\"c\xe9\":\"3\"}"},
		{name: "multipart, folded header", contentType: mp, body: parts("\r\n\tname=class\r\n\r\n1"), event: `{"class":"1"}`},
		{name: "multipart, transfer encodings", contentType: mp, body: parts("name=class\r\nContent-Transfer-Encoding: base64\r\n\r\nY2FsbA==", "name=b\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n=C3=A9", "name=c\r\nContent-Transfer-Encoding: base64\r\n\r\n!"), event: `{"class":"call","b":"é","c":"!"}`},
		{name: "multipart, cut short", contentType: mp, body: "--B\r\nContent-Disposition: form-data; name=class\r\n\r\nb", event: `{"class":"b"}`},
		{name: "multipart, no parts", contentType: mp, body: "--B--\r\n", reason: "no fields"},
		{name: "multipart, too many", contentType: mp, body: strings.Repeat("--B\r\n\r\n", MaxFields+1) + "--B--", reason: "too many fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, h := listen(t, Options{NumberFields: []string{"n"}})
			resp := send(t, server, request(t, "POST", server.URL, c.contentType, c.body))
			if resp.StatusCode != 200 || resp.ContentLength != 0 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("answer %s, %v", resp.Status, resp.Header)
			}
			var calls []string
			if c.reason != "" {
				calls = append(calls, fmt.Sprintf("reject 127.0.0.1 200 %s %q", c.reason, c.body[:min(len(c.body), MaxExcerpt)]))
			} else {
				calls = append(calls, "event 127.0.0.1 "+c.event)
			}
			if c.note != "" {
				calls = append(calls, "note 127.0.0.1 "+c.note)
			}
			h.want(t, calls...)
		})
	}
}

// TestMultipartWriter reads the bodies of Go's own writer.
func TestMultipartWriter(t *testing.T) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("class", "call")
	f, _ := w.CreateFormFile("file", "x")
	_, _ = f.Write([]byte{0, 1})
	p, _ := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="é"`}})
	_, _ = p.Write([]byte("ü"))
	_ = w.Close()
	server, h := listen(t, Options{})
	send(t, server, request(t, "POST", server.URL, w.FormDataContentType(), b.String()))
	h.want(t, `event 127.0.0.1 {"class":"call","file":"\u0000\u0001","é":"ü"}`)
}

func TestRefusals(t *testing.T) {
	const key = "s3 cr+t%&é"
	for _, c := range []struct {
		name           string
		method, target string
		header         http.Header
		body           string
		o              Options
		status         int
		reason         string
		excerpt        string
	}{
		{name: "browser", method: "GET", target: "/", status: 405, reason: "this URL takes Enswitch events, sent by POST"},
		{name: "put", method: "PUT", target: "/", body: "class=a", status: 405, reason: "this URL takes Enswitch events, sent by POST"},
		{name: "path", target: "/other", status: 404, reason: "not the path for events"},
		{name: "path below", target: "/in/x", o: Options{Path: "/in"}, status: 404, reason: "not the path for events"},
		{name: "no key", target: "/", o: Options{Authkey: key}, status: 401, reason: "no key"},
		{name: "empty key", target: "/?authkey=", o: Options{Authkey: key}, status: 401, reason: "wrong key"},
		{name: "wrong key", target: "/?authkey=x", o: Options{Authkey: key}, status: 401, reason: "wrong key"},
		{name: "part of the key", target: "/?authkey=s3+cr", o: Options{Authkey: key}, status: 401, reason: "wrong key"},
		{name: "right key second", target: "/?authkey=x&authkey=" + url.QueryEscape(key), o: Options{Authkey: key}, status: 401, reason: "wrong key"},
		{name: "key in the body", target: "/", body: "authkey=" + url.QueryEscape(key), o: Options{Authkey: key}, status: 401, reason: "no key"},
		{name: "address", target: "/", o: Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, status: 403, reason: "address not allowed"},
		{name: "br", target: "/", header: http.Header{"Content-Encoding": {"br"}}, body: "x", status: 415, reason: `Content-Encoding "br" is not supported: use gzip or deflate`},
		{name: "two encodings", target: "/", header: http.Header{"Content-Encoding": {"deflate", "gzip"}}, body: "x", status: 415, reason: `Content-Encoding "deflate, gzip" is not supported: use gzip or deflate`},
		{name: "long", target: "/", body: strings.Repeat("x", 11), o: Options{MaxBody: 10}, status: 413, reason: "body too long"},
		{name: "very long", target: "/", body: strings.Repeat("x", DefaultMaxBody+1), status: 413, reason: "body too long"},
		{name: "key in a bad body", target: "/?authkey=" + url.QueryEscape(key), body: "[" + key + url.QueryEscape(key), o: Options{Authkey: key}, status: 200, reason: "an array, not an object at byte 0", excerpt: "[******"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, h := listen(t, c.o)
			if c.method == "" {
				c.method = "POST"
			}
			r := request(t, c.method, server.URL+c.target, "application/x-www-form-urlencoded", c.body)
			maps.Copy(r.Header, c.header)
			resp := send(t, server, r)
			if resp.StatusCode != c.status {
				t.Errorf("answer %s", resp.Status)
			}
			if c.status == 405 && resp.Header.Get("Allow") != "POST" {
				t.Errorf("header %v", resp.Header)
			}
			h.want(t, fmt.Sprintf("reject 127.0.0.1 %d %s %q", c.status, c.reason, c.excerpt))
		})
	}
}

func TestKeys(t *testing.T) {
	for _, key := range []string{"a", "s3 cr+t%&é", "a+b", "50%", "100%25", "a;b", "a=b", "==", "über", "\x00", strings.Repeat("k", 1000)} {
		server, h := listen(t, Options{Authkey: key})
		targets := []string{"?authkey=" + url.QueryEscape(key), "?a=b&authkey=" + url.QueryEscape(key) + "&authkey=x"}
		if !strings.ContainsAny(key, "& \x00") {
			targets = append(targets, "?authkey="+key)
		}
		for _, target := range targets {
			if resp := send(t, server, request(t, "POST", server.URL+"/"+target, "", "class=a")); resp.StatusCode != 200 {
				t.Errorf("key %q in %q: %s", key, target, resp.Status)
			}
			h.want(t, `event 127.0.0.1 {"class":"a"}`)
		}
	}
}

func TestOptions(t *testing.T) {
	proxy := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"relative path", Options{Path: "events"}},
		{"query in the path", Options{Path: "/?authkey=x"}},
		{"negative limit", Options{MaxBody: -1}},
		{"header without proxy", Options{ForwardedHeader: "X-Forwarded-For"}},
		{"proxy without header", Options{TrustProxy: proxy}},
		{"the other header", Options{ForwardedHeader: "forwarded", TrustProxy: proxy}},
		{"no prefix", Options{Allow: []netip.Prefix{{}}}},
		{"wide mapped prefix", Options{Allow: []netip.Prefix{netip.MustParsePrefix("::ffff:0.0.0.0/95")}}},
	} {
		if _, err := NewHandler(&c.o); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
	if _, err := NewHandler(nil); err != nil {
		t.Error(err)
	}
}

// TestNoCallbacks serves with all defaults, without a socket.
func TestNoCallbacks(t *testing.T) {
	h, err := NewHandler(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"class=a", "a=1&a=2", "rubbish"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(body)))
		if w.Code != 200 {
			t.Errorf("%q: %d", body, w.Code)
		}
	}
}

// mute is an http.ResponseWriter that does nothing.
type mute struct{ header http.Header }

func (m mute) Header() http.Header         { return m.header }
func (m mute) Write(p []byte) (int, error) { return len(p), nil }
func (m mute) WriteHeader(int)             {}
func (m mute) Flush()                      {}

// form is the body of a request that is sent many times.
type form struct {
	strings.Reader
	closed int
}

func (f *form) Close() error { f.closed++; return nil }

// TestNoAllocations: a request costs no allocations beyond those of net/http, where a body
// that is not closed would cost some.
func TestNoAllocations(t *testing.T) {
	h, err := NewHandler(&Options{Authkey: "key", Allow: prefixes("192.0.2.0/24"), OnEvent: func(event.Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	body := new(form)
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/?authkey=key", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Body = body
	w := mute{http.Header{}}
	if n := testing.AllocsPerRun(1000, func() {
		body.Reset(sample)
		h.ServeHTTP(w, r)
	}); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
	if body.closed != 1001 {
		t.Errorf("of 1001 bodies %d were closed", body.closed)
	}
}

// broken is a body whose sender goes away.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("authkey=secret gone") }

func TestBrokenBody(t *testing.T) {
	var got []string
	h, err := NewHandler(&Options{OnReject: func(no Rejection) { got = append(got, no.Reason) }})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/", broken{}))
	if w.Code != 400 || len(got) != 1 || got[0] != "body cut short" {
		t.Errorf("%d, %q", w.Code, got)
	}
}

// FuzzHandlerBody: no panic, one answer of 200, one call of either kind.
func FuzzHandlerBody(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", []byte(sample))
	f.Add("application/json", []byte(`{"class":"call"}`))
	f.Add("multipart/form-data; boundary=B", []byte(parts("name=class\r\n\r\ncall", "name=\"f\"; filename=x\r\n\r\n\xe9")))
	f.Add("", []byte("{"))
	f.Add("text/plain; charset=latin1", []byte("a=\xe9"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		calls := 0
		h, err := NewHandler(&Options{
			OnEvent: func(ev event.Event) {
				calls++
				var x event.Index
				if err := x.Scan(ev.Raw); err != nil || x.Len() == 0 {
					t.Errorf("event %q: %d fields, %v", ev.Raw, x.Len(), err)
				}
			},
			OnReject: func(no Rejection) {
				calls++
				if no.Reason == "" || len(no.Body) > MaxExcerpt {
					t.Errorf("rejection %+v", no)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		h.Wait()
		if calls != 1 || w.Code != 200 || w.Body.Len() != 0 {
			t.Errorf("%d calls, %d", calls, w.Code)
		}
	})
}
