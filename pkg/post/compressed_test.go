package post

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// compress returns text in one of the encodings, the last of which is deflate
// without the header that belongs to it.
func compress(t *testing.T, encoding, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	default:
		w, _ = flate.NewWriter(&b, 6)
	}
	_, _ = io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCompressedBodies(t *testing.T) {
	const fields, got = "class=call&x=%C3%A9;", `{"class":"call","x":"é;"}`
	zipped, deflated := compress(t, "gzip", fields), compress(t, "deflate", fields)
	for _, c := range []struct{ name, encoding, body, event, reason string }{
		{"gzip", "gzip", zipped, got, ""},
		{"its other name, in capitals", "X-GZIP", zipped, got, ""},
		{"deflate", "deflate", deflated, got, ""},
		{"deflate without header", "deflate", compress(t, "raw", fields), got, ""},
		{"identity beside it", "identity, gzip", zipped, got, ""},
		{"unsaid", "", zipped, got, ""},
		{"gzip as deflate", "deflate", zipped, got, ""},
		{"said and not done", "gzip", fields, got, ""},
		{"deflate said and not done", "deflate", fields, got, ""},
		{"something behind", "gzip", zipped + "rest", got, ""},
		{"cut short", "gzip", zipped[:len(zipped)-10], "", "compressed body cut short"},
		{"garbage", "gzip", "\x1f\x8bgarbage, and more of it", "", "compressed body that cannot be decompressed"},
		{"at the limit", "gzip", compress(t, "gzip", "class="+strings.Repeat("x", 994)), `{"class":"` + strings.Repeat("x", 994) + `"}`, ""},
		{"too long", "gzip", compress(t, "gzip", "class="+strings.Repeat("x", 995)), "", "body longer than 1000 bytes when decompressed"},
		{"a bomb", "deflate", compress(t, "deflate", strings.Repeat("x", 20<<20)), "", "body longer than 1000 bytes when decompressed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			maxBody := int64(1000)
			if len(c.body) > 1000 {
				maxBody = 1 << 20
				c.reason = "body longer than 1048576 bytes when decompressed"
			}
			var raw, reason string
			h, err := NewHandler(&Options{
				MaxBody: maxBody,
				OnEvent: func(ev event.Event) { raw = string(ev.Raw) },
				OnReject: func(no Rejection) {
					reason = no.Reason
					if no.Size != int64(len(c.body)) {
						t.Errorf("size %d", no.Size)
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(c.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if c.encoding != "" {
				r.Header.Set("Content-Encoding", c.encoding)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			h.Wait()
			if w.Code != http.StatusOK || raw != c.event || reason != c.reason {
				t.Errorf("%d, event %s, rejected: %s", w.Code, raw, reason)
			}
		})
	}
}
