package capture

import (
	"context"
	"io"
	"os"
)

// OpenContext is like [Open], but opening and reading end when ctx is done, with the
// error of ctx. That matters for a named pipe, which has to wait for a writer.
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
		f, err := open(name)
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
// error of ctx. Anything but a regular file may block and is read by a goroutine. If a
// Read of in blocks for ever, that goroutine stays.
func NewReaderContext(ctx context.Context, in io.Reader, o *Options) *Reader {
	if f, ok := in.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			return NewReader(in, o)
		}
	}
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) }) // Read returns it
	go func() {
		// All methods but Read and Write are hidden, so that the copy uses this buffer.
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{in}, make([]byte, 64<<10))
		w.CloseWithError(err)
	}()
	return NewReader(r, o)
}
