package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// encoder encodes lines for a file.
type encoder interface {
	append(dst, lines []byte) ([]byte, error)
	// check returns an error if a file cannot be appended to. torn reports whether its
	// last line needs a newline first.
	check(f io.ReaderAt, size int64) (torn bool, err error)
}

func newEncoder(name string) (encoder, error) {
	switch {
	case strings.HasSuffix(name, ".gz"):
		return &gzipEncoder{z: gzip.NewWriter(nil)}, nil
	case strings.HasSuffix(name, ".zst"):
		z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		return &zstdEncoder{z}, err
	}
	return plainEncoder{}, nil
}

type plainEncoder struct{}

func (plainEncoder) append(dst, lines []byte) ([]byte, error) { return append(dst, lines...), nil }

func (plainEncoder) check(f io.ReaderAt, size int64) (bool, error) {
	var head [4]byte
	if n, err := f.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return false, err
	} else if bytes.HasPrefix(head[:n], []byte(gzipMagic)) || isZstd(head[:n]) {
		return false, errors.New("it is compressed, and its name does not end in .gz or .zst")
	}
	var last [1]byte
	_, err := f.ReadAt(last[:], size-1)
	return last[0] != '\n', err
}

type gzipEncoder struct{ z *gzip.Writer }

func (e *gzipEncoder) append(dst, lines []byte) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	e.z.Reset(b)
	if _, err := e.z.Write(lines); err != nil {
		return dst, err
	}
	err := e.z.Close()
	return b.Bytes(), err
}

func (e *gzipEncoder) check(f io.ReaderAt, _ int64) (bool, error) {
	return false, begins(f, gzipMagic, "gzip")
}

type zstdEncoder struct{ z *zstd.Encoder }

func (e *zstdEncoder) append(dst, lines []byte) ([]byte, error) {
	return e.z.EncodeAll(lines, dst), nil
}

func (e *zstdEncoder) check(f io.ReaderAt, _ int64) (bool, error) {
	return false, begins(f, zstdMagic, "zstd")
}

func begins(f io.ReaderAt, magic, format string) error {
	head := make([]byte, len(magic))
	if n, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	} else if string(head[:n]) != magic[:n] {
		return fmt.Errorf("it is not compressed with %s, as its name says", format)
	}
	return nil
}
