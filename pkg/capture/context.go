package capture

import (
	"context"
	"io"
	"os"
)

// OpenContext is like [Open], but gives up when ctx is done, with the error of ctx.
// That matters for a named pipe: to open one waits for a writer, and to read one
// waits for what is written.
func OpenContext(ctx context.Context, name string, o *Options) (*Reader, error) {
	if st, err := os.Stat(name); err != nil || st.IsDir() || st.Mode().IsRegular() {
		return Open(name, o)
	}
	type opened struct {
		f   *os.File
		err error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := os.Open(name)
		done <- opened{f, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, r.err
		}
		reader := NewReaderContext(ctx, r.f, o)
		reader.close = r.f
		if o == nil || o.Name == "" {
			reader.o.Name = name
		}
		return reader, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// NewReaderContext is like [NewReader], but reading ends when ctx is done, with the
// error of ctx. What may block, which is everything but a file on disk, is read by
// a goroutine of its own. A Read that blocks for ever leaves that goroutine behind.
func NewReaderContext(ctx context.Context, in io.Reader, o *Options) *Reader {
	if f, ok := in.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			return NewReader(in, o)
		}
	}
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { r.CloseWithError(ctx.Err()) })
	go func() {
		// Only Read and Write show, or the copy would choose its own buffer.
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{in}, make([]byte, 64<<10))
		w.CloseWithError(err)
	}()
	return NewReader(r, o)
}
