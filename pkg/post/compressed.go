package post

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
)

// compression is the way in which a body is compressed.
type compression uint8

const (
	plain compression = iota
	gzipped
	deflated
)

// compressionOf reads a Content-Encoding. It returns false for an unknown one, and for
// more than one.
func compressionOf(values []string) (c compression, known bool) {
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			var next compression
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "", "identity":
				continue
			case "gzip", "x-gzip":
				next = gzipped
			case "deflate":
				next = deflated
			default:
				return plain, false
			}
			if c != plain {
				return plain, false
			}
			c = next
		}
	}
	return c, true
}

func unknownEncoding(values []string) string {
	given := strings.Join(values, ", ")
	return fmt.Sprintf("Content-Encoding %q is not supported: use gzip or deflate", given[:min(len(given), 40)])
}

// isCompressed reports whether the body is compressed, according to its header or its
// first bytes. One that claims to be compressed and is text is read as text.
func (x *exchange) isCompressed() bool {
	return isGzip(x.body) || x.compressed == deflated && !isText(x.body)
}

func isGzip(body []byte) bool { return bytes.HasPrefix(body, []byte{0x1f, 0x8b}) }

// isText reports whether the body begins as a form or JSON does and compressed
// data does not.
func isText(body []byte) bool {
	for _, c := range body[:min(len(body), 16)] {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' || c > '~' {
			return false
		}
	}
	return true
}

// decompress returns the decompressed body, which may have at most maxBytes.
func decompress(body []byte, maxBytes int64) ([]byte, error) {
	in := bytes.NewReader(body)
	var text bytes.Buffer
	err := inflate(&text, in, isGzip(body), maxBytes+1)
	switch {
	case int64(text.Len()) > maxBytes:
		return body, fmt.Errorf("body longer than %d bytes when decompressed", maxBytes)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return body, errors.New("compressed body cut short")
	case err != nil:
		return body, errors.New("compressed body that cannot be decompressed")
	}
	return text.Bytes(), nil
}

// inflate decompresses up to limit bytes. It reads all members of a gzip body and
// ignores other bytes after them.
func inflate(text *bytes.Buffer, in *bytes.Reader, zipped bool, limit int64) error {
	head := make([]byte, 2)
	_, _ = in.ReadAt(head, 0)
	var r io.Reader
	var err error
	switch {
	case zipped:
		return gunzip(text, in, limit)
	case head[0]&0xf == 8 && (int(head[0])<<8|int(head[1]))%31 == 0:
		r, err = zlib.NewReader(in)
	default: // many senders leave out the header of zlib
		r = flate.NewReader(in)
	}
	if err == nil {
		_, err = io.Copy(text, io.LimitReader(r, limit))
	}
	return err
}

func gunzip(text *bytes.Buffer, in *bytes.Reader, limit int64) error {
	r, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	for int64(text.Len()) < limit {
		r.Multistream(false)
		if _, err := io.Copy(text, io.LimitReader(r, limit-int64(text.Len()))); err != nil {
			return err
		}
		if r.Reset(in) != nil {
			break
		}
	}
	return nil //nolint:nilerr // the bytes after the last member are ignored
}
